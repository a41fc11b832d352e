from libc.stdint cimport int64_t

from camkit.camera_capture._v4l2.hotplug cimport Monitor
from camkit.camera_capture._v4l2.backend cimport V4L2Backend


cdef class LastingBackend(V4L2Backend):
    cdef Monitor monitor
    cdef object identity  # Identity of the camera; None: the system does not tell
    cdef frozenset others  # places of the cameras that were there when it went
    cdef dict refused  # controls that could not be set again: {name: why}
    cdef str hindrance  # why a camera that is there was not taken
    cdef double most_s  # longest wait in seconds
    cdef bint away  # the device is closed, and `monitor` tells when to look for it
    cdef bint looked  # since the last change

    cdef int depart(self) except -1
    cdef int leave(self) except -1
    cdef int await_return(self, int64_t timeout_ns) except -1 nogil
    cdef int come_back(self) except -1
    cdef int reopen(self, str path) except -1
    cdef bint leaves(self, str path, error) except -1
    cdef int end_outage(self) noexcept nogil
    cdef bint hold(self) except -1
