from libc.stdint cimport uint8_t, uint32_t, uint64_t

from camkit.gl_core._egl_calls cimport EglFunctions
from camkit.gl_core._gl cimport Functions, GLuint, gl_functions


cdef class SharedSlot:
    # A dma-buf and where the CPU sees the picture in it. What is owned goes with this object, in any thread.
    cdef readonly int fd
    cdef readonly uint32_t offset, stride
    cdef uint8_t *data
    cdef void *mapping  # owned; NULL: `keep` has the memory and the descriptor
    cdef size_t mapped
    cdef object keep


cdef class SharedSlots:
    cdef Functions functions  # keeps gl
    cdef gl_functions *gl
    cdef EglFunctions egl
    cdef int count, columns, rows
    cdef GLuint textures[64]  # owned, as the next two; one a slot
    cdef GLuint framebuffers[64]
    cdef void *images[64]
    cdef readonly list slots  # of SharedSlot
    cdef readonly str way

    cdef SharedSlot _exported(self, int i)
    cdef SharedSlot _imported(self, int i, int fd, uint32_t offset, uint32_t stride, uint64_t modifier)
    cdef int _attach(self, int i) except -1
    cdef int _own_texture(self, int i) except -1
