from libc.stdint cimport uint32_t

from camkit.memory_manager._abi cimport camkit_format


cdef class PixelFormat:
    cdef const camkit_format *row  # static data
    cdef readonly uint32_t id

    cdef int _plane(self, plane) except -1


cdef PixelFormat PixelFormat_of(uint32_t id)
