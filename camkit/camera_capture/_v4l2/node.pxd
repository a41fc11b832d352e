from camkit.camera_capture._v4l2.device cimport Device


cdef class Node:
    cdef readonly Device device
    cdef object lock  # held during each call: who closes the device must hold it too

    # Do an ioctl on the device as long as it is open; 0 or errno.
    cdef int attempt(self, unsigned long request, void *argument) except -1
