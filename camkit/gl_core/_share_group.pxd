from libc.stdint cimport uint64_t, uintptr_t
from libcpp.atomic cimport atomic

from camkit.gl_core._types cimport GLuint


# Memory that a buffer of OpenGL's is: mapped for good, or pages of the process's that it was pinned to.
cdef struct gpu_region:
    uintptr_t begin, end
    GLuint buffer  # borrowed from its GpuMemory


cdef class ShareGroup:
    cdef readonly object keeper
    cdef object lock
    cdef dict regions  # by address
    cdef atomic[uint64_t] version  # changes with them, before any of their addresses can mean something else

    # Copy at most `most` of the regions of one kind; returns how many. With the GIL.
    cdef int look(self, bint pinned, gpu_region *out, int most) except -1
