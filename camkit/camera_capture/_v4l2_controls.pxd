from libc.stdint cimport uint32_t

from camkit.camera_capture._v4l2_controls_abi cimport v4l2_query_ext_ctrl
from camkit.camera_capture._v4l2_device cimport Device


cdef class ControlNode:
    cdef Device device
    cdef object lock  # the backend's: while it is held, nobody closes the device

    # Do an ioctl on the device as long as it is open; 0 or errno.
    cdef int attempt(self, unsigned long request, void *argument) except -1
    cdef int ask(self, v4l2_query_ext_ctrl *q, uint32_t id) except -1
