"""SelectionNode: the ioctls that cut a picture out and place it. What targets there are is told in selection.py."""

from libc.stdint cimport int32_t, uint32_t
from libc.string cimport memset

from camkit.camera_capture._v4l2.abi cimport V4L2_BUF_TYPE_VIDEO_CAPTURE
from camkit.camera_capture._v4l2.node cimport Node

cdef extern from "<linux/videodev2.h>" nogil:
    cdef unsigned long VIDIOC_G_SELECTION, VIDIOC_S_SELECTION
    cdef struct v4l2_rect:
        int32_t left, top
        uint32_t width, height
    cdef struct v4l2_selection:
        uint32_t type, target, flags
        v4l2_rect r


cdef class SelectionNode(Node):
    """Ask for and set the rectangles of a device; see `Node`. A rectangle is (x, y, width, height)."""

    def get(self, uint32_t target):
        """Return the rectangle of a target, None if the device has not got it."""
        cdef v4l2_selection s
        describe(&s, target)
        if self.attempt(VIDIOC_G_SELECTION, &s):
            return None
        return s.r.left, s.r.top, s.r.width, s.r.height

    def set(self, uint32_t target, rect):
        """Set the rectangle of a target.

        Returns
        -------
        (int, tuple)
            0 or errno, and what the driver made of it.
        """
        cdef v4l2_selection s
        describe(&s, target)
        s.r.left, s.r.top, s.r.width, s.r.height = rect
        error = self.attempt(VIDIOC_S_SELECTION, &s)
        return error, (s.r.left, s.r.top, s.r.width, s.r.height)


cdef void describe(v4l2_selection *s, uint32_t target) noexcept:
    memset(s, 0, sizeof(s[0]))
    s.type = V4L2_BUF_TYPE_VIDEO_CAPTURE  # the kernel takes it for both APIs
    s.target = target
