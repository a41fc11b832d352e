"""TimingsNode: the ioctls of digital video inputs, HDMI and the like: their timings, and the EDID that sources read."""

from libc.errno cimport ENODATA
from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memset

from camkit.camera_capture._v4l2.node cimport Node
from camkit.camera_capture._v4l2.timings_abi cimport *

from camkit.camera_capture.timings import Timings, TimingsRange

ENDLESS = 4096  # a driver whose list never ends has an error
MOST_BLOCKS = 256  # of an EDID


cdef class TimingsNode(Node):
    """Ask for and set the timings and the EDID of a device; see `Node`."""

    def offered(self):
        """List the timings that the driver knows by name; empty if the chosen input has none.

        Returns
        -------
        list of Timings
        """
        cdef v4l2_enum_dv_timings t
        found = []
        for index in range(ENDLESS):
            memset(&t, 0, sizeof(t))
            t.index = index
            if self.attempt(VIDIOC_ENUM_DV_TIMINGS, &t):
                break
            if t.timings.type == V4L2_DV_BT_656_1120:
                found.append(told(&t.timings))
        return found

    def range(self):
        """Return the TimingsRange of the chosen input, None if it has none."""
        cdef v4l2_dv_timings_cap c
        memset(&c, 0, sizeof(c))
        if self.attempt(VIDIOC_DV_TIMINGS_CAP, &c) or c.type != V4L2_DV_BT_656_1120:
            return None
        return TimingsRange(c.bt.min_width, c.bt.max_width, c.bt.min_height, c.bt.max_height, c.bt.min_pixelclock,
                            c.bt.max_pixelclock)

    def current(self):
        """Return the Timings that are set, None if the chosen input has none."""
        cdef v4l2_dv_timings t
        memset(&t, 0, sizeof(t))
        if self.attempt(VIDIOC_G_DV_TIMINGS, &t) or t.type != V4L2_DV_BT_656_1120:
            return None
        return told(&t)

    def detect(self):
        """Return 0 or errno, and the Timings that the signal has or, where there is no usable one, None."""
        cdef v4l2_dv_timings t
        memset(&t, 0, sizeof(t))
        error = self.attempt(VIDIOC_QUERY_DV_TIMINGS, &t)
        return error, None if error else told(&t)

    def set(self, timings):
        """Set timings, after which the device may have forgotten its format; 0 or errno."""
        cdef v4l2_dv_timings t
        memset(&t, 0, sizeof(t))
        t.type = V4L2_DV_BT_656_1120
        t.bt.width, t.bt.height = timings.width, timings.height
        t.bt.interlaced, t.bt.polarities = timings.interlaced, timings.polarities
        t.bt.pixelclock = timings.pixelclock
        t.bt.hfrontporch, t.bt.hsync, t.bt.hbackporch = timings.horizontal
        t.bt.vfrontporch, t.bt.vsync, t.bt.vbackporch = timings.vertical
        t.bt.il_vfrontporch, t.bt.il_vsync, t.bt.il_vbackporch = timings.vertical_second
        t.bt.standards, t.bt.flags = timings.standards, timings.flags
        t.bt.picture_aspect.numerator, t.bt.picture_aspect.denominator = timings.aspect
        t.bt.cea861_vic, t.bt.hdmi_vic = timings.vic, timings.hdmi_vic
        return self.attempt(VIDIOC_S_DV_TIMINGS, &t)

    def edid(self, uint32_t pad):
        """Return the EDID that sources see at input `pad`, empty if there is none now; None: it cannot have one."""
        cdef v4l2_edid e
        memset(&e, 0, sizeof(e))
        e.pad = pad
        error = self.attempt(VIDIOC_G_EDID, &e)
        if error:
            return b"" if error == ENODATA else None
        memory = bytearray(128 * min(e.blocks, <uint32_t>MOST_BLOCKS))
        if not memory:
            return b""
        e.blocks = len(memory) // 128
        e.edid = memory
        error = self.attempt(VIDIOC_G_EDID, &e)
        if error:
            raise self.failure("read the EDID", error)
        return bytes(memory[:128 * e.blocks])

    def set_edid(self, uint32_t pad, const uint8_t[:] data):
        """Set the EDID of input `pad`, no bytes: take it away, which tells sources that nobody is there.

        Returns
        -------
        (int, int)
            0 or errno, and the most blocks there may be if they were too many.
        """
        cdef v4l2_edid e
        memset(&e, 0, sizeof(e))
        e.pad = pad
        e.blocks = data.shape[0] // 128
        if e.blocks:
            e.edid = <uint8_t *>&data[0]
        error = self.attempt(VIDIOC_S_EDID, &e)
        return error, e.blocks


cdef object told(v4l2_dv_timings *t):
    cdef v4l2_bt_timings b = t.bt
    return Timings(
        b.width, b.height, b.interlaced != 0, b.pixelclock, b.polarities, (b.hfrontporch, b.hsync, b.hbackporch),
        (b.vfrontporch, b.vsync, b.vbackporch), (b.il_vfrontporch, b.il_vsync, b.il_vbackporch), b.standards, b.flags,
        (b.picture_aspect.numerator, b.picture_aspect.denominator), b.cea861_vic, b.hdmi_vic)
