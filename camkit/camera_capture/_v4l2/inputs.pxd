from camkit.camera_capture._v4l2.node cimport Node


cdef class InputNode(Node):
    pass
