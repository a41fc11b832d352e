from camkit.camera_capture._v4l2_node cimport Node


cdef class EventNode(Node):
    pass
