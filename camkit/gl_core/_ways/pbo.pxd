from libc.stdint cimport uint8_t

from camkit.gl_core._gl cimport GLsync, GLuint
from camkit.gl_core._ways.own_textures cimport OwnTextures

cdef enum:
    FEWEST = 3  # buffers
    MOST = 6


cdef struct pixel_buffer:
    GLuint name  # owned
    uint8_t *map  # borrowed from the buffer while it lives
    GLsync fence  # owned: the GPU's last reading of it; NULL: none


cdef class Pbo(OwnTextures):
    cdef pixel_buffer ring[6]
    cdef int count, last

    # The next buffer that the GPU does not read.
    cdef int _next(self) except -1 nogil
    cdef bint _make(self, pixel_buffer *b) noexcept nogil
    # True once the GPU has read it; waits at most timeout_ns.
    cdef bint _idle(self, pixel_buffer *b, long long timeout_ns) except -1 nogil
