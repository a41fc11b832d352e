from libc.stdint cimport uint32_t

from camkit.camera_capture._v4l2.controls_abi cimport v4l2_query_ext_ctrl
from camkit.camera_capture._v4l2.node cimport Node


cdef class ControlNode(Node):
    cdef int ask(self, v4l2_query_ext_ctrl *q, uint32_t id) except -1
    cdef int ask_next(self, v4l2_query_ext_ctrl *q, uint32_t id) except -1
    cdef int ask_beyond(self, v4l2_query_ext_ctrl *q, uint32_t id, int error) except -1
