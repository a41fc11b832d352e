"""Node: ioctls on an open device from any thread, and what holds for the device as a whole."""

from libc.errno cimport ENODEV
from libc.stdint cimport uint32_t

from camkit.camera_capture._v4l2.device cimport Device, failure, ioctl_errno

from contextlib import nullcontext

cdef extern from "<linux/videodev2.h>" nogil:
    cdef unsigned long VIDIOC_G_PRIORITY, VIDIOC_S_PRIORITY


cdef class Node:
    """Ask and set what concerns an open V4L2 device; the base of what does so for one of its parts.

    Borrows the device. May be used from any thread, also while the device streams.

    Parameters
    ----------
    device : Device
        Open device.
    lock : context manager, optional
        Held during each call; who closes the device must hold it too. Default: nobody closes it meanwhile.
    """

    def __cinit__(self, Device device not None, lock=None):
        self.device = device
        self.lock = nullcontext() if lock is None else lock

    @property
    def path(self):
        """str: the device's node."""
        return self.device.path

    def fileno(self):
        """Return the device's descriptor; who uses it must keep the device from being closed meanwhile."""
        return self.device.fd

    def failure(self, what, int error):
        """Return the exception for `errno` when `what` was to be done."""
        return failure(self.device.path, what, error)

    def priority(self):
        """Return the highest priority that anybody has set on the device; None if it knows none."""
        cdef uint32_t value = 0
        return None if self.attempt(VIDIOC_G_PRIORITY, &value) else value

    def set_priority(self, uint32_t value):
        """Set the priority of this opening of the device; 0 or errno."""
        return self.attempt(VIDIOC_S_PRIORITY, &value)

    cdef int attempt(self, unsigned long request, void *argument) except -1:
        cdef int fd, error = 0
        with self.lock:
            fd = self.device.fd
            if self.device.lost:
                raise failure(self.device.path, "reach the device", ENODEV)
            if fd < 0:
                raise ValueError(f"camera {self.device.path!r} is closed")
            with nogil:
                error = ioctl_errno(fd, request, argument)
        # A device that goes while it is asked has not answered that it lacks what it was asked for.
        if error == ENODEV:
            raise failure(self.device.path, "reach the device", ENODEV)
        return error
