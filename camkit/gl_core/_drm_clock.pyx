"""DrmClock: the display's time as the graphics card's driver of Linux has it."""

from libc.errno cimport ENODEV
from libc.stdint cimport int64_t, uint32_t

import os
from errno import ENOTSUP

from camkit.errors import GLError

# Of each ioctl: its number, and the bytes of its argument, which the number holds too.
REQUESTS = {
    "DRM_IOCTL_GET_CAP": drm_get_cap,
    "DRM_IOCTL_MODE_GETRESOURCES": drm_get_resources,
    "DRM_IOCTL_CRTC_GET_SEQUENCE": drm_get_sequence,
}


cdef class DrmClock(DisplayClock):
    """Read the number and the time of the last vblank from the card that drives the one screen which is lit.

    The kernel stamps vblanks on the monotonic clock, from the hardware's scan-out position where it can. That a
    picture was shown is not told: it counts as shown at the first vblank after it was handed over.

    Parameters
    ----------
    node : str
        Such as ``"/dev/dri/card0"``.

    Raises
    ------
    GLError
        The node cannot be opened, or tells nothing, or drives several screens: the window may be on any of them.
    """

    def __cinit__(self, *args):
        self.fd = -1

    def __init__(self, str node not None):
        cdef uint32_t lit[8]
        cdef int count = 0
        self.name, self.node = "drm", node
        try:
            self.fd = os.open(node, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            raise GLError(f"cannot ask {node!r} for its vblanks: {error.strerror}") from error
        self.error = drm_lit(self.fd, lit, 8, &count)
        if self.error or count != 1:
            self.close()
            if self.error == ENOTSUP:
                why = "its driver has no vblanks, or not on the monotonic clock"
            elif self.error:
                why = os.strerror(self.error)
            else:
                why = f"{count} screens are lit, and the window may be on any of them" if count else "no screen is lit"
            raise GLError(f"cannot ask {node!r} for its vblanks: {why}")
        self.crtc = lit[0]

    def __dealloc__(self):
        if self.fd >= 0:
            os.close(self.fd)

    def close(self):
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)

    def explain(self):
        words = f"{super().explain()}, from {self.node}"
        return f"{words}; it answers {os.strerror(self.error)} now" if self.error else words

    cdef void poll(self, int64_t now) noexcept nogil:
        cdef drm_sequence last
        if self.fd < 0:
            return
        last.crtc, last.active, last.sequence, last.ns = self.crtc, 0, 0, 0
        self.error = drm_call(self.fd, drm_get_sequence, &last)
        if self.error == 0 and not last.active:
            self.error = ENODEV
        if self.error == 0 and last.ns > 0:
            self.beat.observe(last.ns, 0, last.sequence)
