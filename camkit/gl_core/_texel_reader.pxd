from libc.stdint cimport uint8_t

from camkit.gl_core._gl cimport Functions, GLuint, gl_functions
from camkit.gl_core._types cimport GLenum


cdef class TexelReader:
    cdef Functions functions  # keeps gl
    cdef gl_functions *gl
    cdef GLuint program, vertex_array, framebuffer  # owned; 0 before the first reading

    # Write the texels of a texture of `columns` x `rows`, row after row without padding, to `to`. The other three are
    # the texture's internal format and the client's format and type. Waits for the GPU.
    cdef int read(self, GLuint texture, GLenum internal, GLenum format, GLenum type, int columns, int rows,
                  uint8_t *to) except -1
    cdef int _make(self) except -1
