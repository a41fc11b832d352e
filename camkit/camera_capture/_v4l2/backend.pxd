from libc.stdint cimport uint32_t

from camkit.camera_capture._v4l2.device cimport Device
from camkit.camera_capture._v4l2.reader cimport V4L2Reader


cdef class V4L2Backend(V4L2Reader):
    cdef object trials  # Trials: the way in which frames get into memory
    cdef tuple agreed  # format, size and layout that the driver was set to
    cdef object rate  # Fraction that the driver was set to, or None
    cdef object follower  # Follower: what comes in, and what to do about it
    cdef bint orphans  # the driver lets old frames live on beside a new stream
    cdef bint stuck  # the driver could not free the last stream's buffers

    cdef int _settle(self, agreed) except -1
    cdef int _look(self) except -1
    cdef int _start(self) except -1
    cdef int _check_format(self) except -1
    cdef uint32_t _capabilities(self) noexcept
    cdef int _begin(self, way) except -1
    cdef int _get_buffers(self, way, uint32_t *capabilities) except -1
    cdef int _tell(self, way) except -1
    cdef int _grow(self, uint32_t count) except -1
    cdef int _end(self) noexcept
    cdef int _adopt(self, Device device) except -1
