from libc.stdint cimport uint64_t, uintptr_t
from libcpp.atomic cimport atomic

from camkit.gl_core._types cimport GLuint


# A buffer of OpenGL's that is mapped for good.
cdef struct gpu_region:
    uintptr_t begin, end
    GLuint buffer  # borrowed from its GpuMemory


cdef class ShareGroup:
    cdef readonly object keeper
    cdef object lock
    cdef dict regions  # by address
    cdef atomic[uint64_t] version  # changes with them, before any of their addresses can mean something else

    # Copy at most `most` of the regions; returns how many there are. With the GIL.
    cdef int look(self, gpu_region *out, int most) except -1
