from libc.stdint cimport uint32_t

from camkit.gl_core._egl_calls cimport EglFunctions
from camkit.gl_core._gl cimport Functions, GLuint, gl_functions
from camkit.gl_core._types cimport GLenum


# A piece of a dma-buf as the rows of a texture.
cdef struct dmabuf_rows:
    int fd
    uint32_t offset, pitch  # bytes
    int columns, rows  # texels
    uint32_t fourcc


# A texture whose texels lie in a dma-buf.
cdef struct dmabuf_texture:
    GLuint name
    void *image


cdef class DmabufImages:
    cdef Functions functions  # keeps gl
    cdef gl_functions *gl
    cdef EglFunctions egl
    cdef dict linear  # {fourcc: whether the modifier is said}, as it was accepted
    cdef readonly str binding  # the call that made the last texture of an image

    # Make the texture; GLError tells what the driver said. The caller drops it.
    cdef int make(self, const dmabuf_rows *r, dmabuf_texture *out) except -1
    # Give it up. One that is no more is left alone.
    cdef void drop(self, dmabuf_texture *t) noexcept nogil
    cdef void *_image(self, const dmabuf_rows *r, bint linear) noexcept
    cdef GLenum _bind(self, dmabuf_texture *t, bint storage) noexcept
    # Whether the display knows linear memory of a format as such.
    cdef bint _knows_linear(self, uint32_t fourcc)
