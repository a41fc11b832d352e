"""The slow half of V4L2: what a device is, what it offers, what it is set to. No streaming here."""

from libc.errno cimport EINTR, EINVAL, ENODEV, ENOTTY, errno
from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memset
from posix.unistd cimport close as c_close

from camkit.camera_capture._v4l2.abi cimport *
from camkit.memory_manager._abi cimport CAMKIT_MAX_PLANES, camkit_format_from_v4l2, camkit_format_row

import os
import stat
from fractions import Fraction

from camkit.camera_capture._v4l2.reasons import reason
from camkit.camera_capture.info import FormatInfo, FrameSize
from camkit.errors import CameraNotFound

ENDLESS = 4096  # answers after which a driver's list is taken to have no end
VIDEO_MAJOR = 81  # of every V4L2 node; to open any other device could do harm (a watchdog, a tape)

# Nodes that are no cameras even when they capture video.
NO_CAMERAS = (
    (V4L2_CAP_VIDEO_M2M | V4L2_CAP_VIDEO_M2M_MPLANE, "a memory-to-memory converter or codec"),
    (V4L2_CAP_TOUCH, "a touch sensor"),
)
# What a node without video capture is, the most telling capability first. Beside video capture none of it tells:
# television cards have all in one node, and a loopback is an output for whoever feeds it.
OTHER_KINDS = (
    (V4L2_CAP_VIDEO_OUTPUT | V4L2_CAP_VIDEO_OUTPUT_MPLANE, "a video output"),
    (V4L2_CAP_META_CAPTURE | V4L2_CAP_META_OUTPUT, "a metadata node"),
    (V4L2_CAP_VBI_CAPTURE | V4L2_CAP_SLICED_VBI_CAPTURE | V4L2_CAP_VBI_OUTPUT | V4L2_CAP_SLICED_VBI_OUTPUT,
     "a teletext (VBI) node"),
    (V4L2_CAP_SDR_CAPTURE | V4L2_CAP_SDR_OUTPUT, "a software radio"),
    (V4L2_CAP_RADIO, "a radio"),
)

FIELDS = {
    V4L2_FIELD_ANY: "progressive", V4L2_FIELD_NONE: "progressive", V4L2_FIELD_INTERLACED: "interlaced",
    V4L2_FIELD_INTERLACED_TB: "interlaced", V4L2_FIELD_INTERLACED_BT: "interlaced", V4L2_FIELD_TOP: "top fields alone",
    V4L2_FIELD_BOTTOM: "bottom fields alone", V4L2_FIELD_SEQ_TB: "one field below the other",
    V4L2_FIELD_SEQ_BT: "one field below the other", V4L2_FIELD_ALTERNATE: "top and bottom fields by turns",
}


cdef class Device:
    """An open V4L2 node that captures video.

    Owns its file descriptor. Asking changes nothing on the device; only `set_format` and `set_rate` do. One thread at
    a time.

    Parameters
    ----------
    path : str
        Node, such as `/dev/video0`.
    write : bool, optional
        Open for streaming; False: only to ask.

    Raises
    ------
    CameraNotFound
        No such node, or it is not one that captures video.
    CameraPermission, CameraBusy, CameraError
        The system does not let us open it.
    """

    def __cinit__(self, path, *, write=True):
        self.fd = -1
        self.path = os.fspath(path)
        try:
            mode = os.stat(self.path)
        except OSError as error:
            raise failure(self.path, "open", error.errno) from None
        if not stat.S_ISCHR(mode.st_mode) or os.major(mode.st_rdev) != VIDEO_MAJOR:
            kind = stat.S_ISCHR(mode.st_mode) or stat.S_ISBLK(mode.st_mode)
            what = "another kind of device" if kind else "a folder" if stat.S_ISDIR(mode.st_mode) else "a file"
            raise CameraNotFound(ENOTTY, f"not a camera but {what}", self.path)
        self.fd = c_open(os.fsencode(self.path), (O_RDWR if write else O_RDONLY) | O_NONBLOCK | O_CLOEXEC)
        if self.fd < 0:
            raise failure(self.path, "open", errno)
        self._identify()

    def __dealloc__(self):
        if self.fd >= 0:
            c_close(self.fd)

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.close()

    def close(self):
        """Close the node. Closing twice is harmless."""
        if self.fd >= 0:
            c_close(self.fd)
            self.fd = -1

    @property
    def multiplanar(self):
        """bool: the driver speaks the multi-planar API."""
        return self.kind == V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE

    def codes(self):
        """List the pixel formats on offer, known to camkit or not.

        Returns
        -------
        list of (int, str, bool)
            Fourcc, the driver's description, whether it is compressed.
        """
        cdef v4l2_fmtdesc d
        found = []
        for i in range(ENDLESS):
            memset(&d, 0, sizeof(d))
            d.index = i
            d.type = self.kind
            if self.ends(ioctl_errno(self.fd, VIDIOC_ENUM_FMT, &d), "list the formats"):
                break
            found.append((d.pixelformat, text(d.description, 32), d.flags & V4L2_FMT_FLAG_COMPRESSED != 0))
        return found

    def sizes(self, uint32_t code):
        """List the sizes of a format, without rates; a range is one entry."""
        cdef v4l2_frmsizeenum e
        found = []
        for i in range(ENDLESS):
            memset(&e, 0, sizeof(e))
            e.index = i
            e.pixel_format = code
            if self.ends(ioctl_errno(self.fd, VIDIOC_ENUM_FRAMESIZES, &e), "list the sizes"):
                break
            if e.type != V4L2_FRMSIZE_TYPE_DISCRETE:
                s = e.stepwise
                found.append(FrameSize(s.max_width, s.max_height, (), (s.min_width, s.min_height),
                                       (max(s.step_width, 1), max(s.step_height, 1))))
                break
            found.append(FrameSize(e.discrete.width, e.discrete.height, ()))
        return found

    def rates(self, uint32_t code, uint32_t width, uint32_t height):
        """List the frame rates of a format and size as fractions, highest first.

        Empty if the driver does not tell or has a range.
        """
        cdef v4l2_frmivalenum e
        found = set()
        for i in range(ENDLESS):
            memset(&e, 0, sizeof(e))
            e.index = i
            e.pixel_format = code
            e.width = width
            e.height = height
            if self.ends(ioctl_errno(self.fd, VIDIOC_ENUM_FRAMEINTERVALS, &e), "list the rates"):
                break
            if e.type != V4L2_FRMIVAL_TYPE_DISCRETE:
                break
            if e.discrete.numerator and e.discrete.denominator:
                found.add(Fraction(e.discrete.denominator, e.discrete.numerator))
        return sorted(found, reverse=True)

    def formats(self):
        """List everything on offer: formats, their sizes, their rates.

        Returns
        -------
        tuple of FormatInfo
        """
        found = []
        for code, description, compressed in self.codes():
            sizes = []
            for size in self.sizes(code):
                rates = self.rates(code, size.width, size.height)
                sizes.append(FrameSize(size.width, size.height, tuple(map(float, rates)), size.minimum, size.step))
            found.append(FormatInfo(code_text(code), code_name(code), description, compressed, tuple(sizes)))
        return tuple(found)

    def current(self):
        """Return (fourcc, width, height) as the device is set now."""
        memset(&self.format, 0, sizeof(self.format))
        self.format.type = self.kind
        self.control(VIDIOC_G_FMT, &self.format, "ask for the format")
        return self._answer()

    def try_format(self, uint32_t code, uint32_t width, uint32_t height):
        """Return the (fourcc, width, height) that `set_format` would give, None if the driver cannot tell."""
        self._ask(code, width, height)
        cdef int error = ioctl_errno(self.fd, VIDIOC_TRY_FMT, &self.format)
        if error == ENOTTY:  # it is optional
            return None
        if error:
            raise failure(self.path, f"try {code_text(code)} {width}x{height}", error)
        return self._answer()

    def set_format(self, uint32_t code, uint32_t width, uint32_t height):
        """Set the format and return the (fourcc, width, height) that the driver made of it."""
        self._ask(code, width, height)
        self.control(VIDIOC_S_FMT, &self.format, f"set {code_text(code)} {width}x{height}")
        return self._answer()

    def set_rate(self, rate):
        """Set the frame rate and return the Fraction that the driver made of it; None if it has no say in that."""
        cdef v4l2_streamparm p
        memset(&p, 0, sizeof(p))
        p.type = self.kind
        if self.ends(ioctl_errno(self.fd, VIDIOC_G_PARM, &p), "ask for the frame rate"):
            return None
        interval = 1 / Fraction(rate).limit_denominator(1001)
        if p.parm.capture.capability & V4L2_CAP_TIMEPERFRAME:
            p.parm.capture.timeperframe.numerator = interval.numerator
            p.parm.capture.timeperframe.denominator = interval.denominator
            self.control(VIDIOC_S_PARM, &p, f"set {float(rate):g} frames per second")
        got = p.parm.capture.timeperframe
        return Fraction(got.denominator, got.numerator) if got.numerator and got.denominator else None

    @property
    def layout(self):
        """(tuple of (int, int), str): stride and bytes of each memory plane, and `field`, as last answered."""
        return tuple([(self.stride(i), self.plane_bytes(i)) for i in range(self.planes())]), self.field

    @property
    def overwrites(self):
        """bool: the driver fills buffers again that it has lent out, so that only a copy of a frame lasts."""
        return self.driver == "v4l2 loopback"

    @property
    def field(self):
        """str: which rows of a picture a frame has, as the driver last answered: a value of FIELDS."""
        field = self.format.fmt.pix_mp.field if self.multiplanar else self.format.fmt.pix.field
        return FIELDS.get(field, f"fields in an order of number {field}")

    cdef int control(self, unsigned long request, void *argument, what) except -1:
        cdef int error = ioctl_errno(self.fd, request, argument)
        if error:
            raise failure(self.path, what, error)
        return 0

    # Whether a list is over, or something is not to be had. Of a device that has gone it tells nothing.
    cdef bint ends(self, int error, what) except -1:
        if error == ENODEV:
            raise failure(self.path, what, error)
        return error != 0

    cdef uint32_t planes(self) noexcept:
        if self.kind == V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE:
            return min(self.format.fmt.pix_mp.num_planes, <uint32_t>CAMKIT_MAX_PLANES)
        return 1

    cdef uint32_t stride(self, uint32_t plane) noexcept:
        if self.kind == V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE:
            return self.format.fmt.pix_mp.plane_fmt[plane].bytesperline
        return self.format.fmt.pix.bytesperline

    cdef uint32_t plane_bytes(self, uint32_t plane) noexcept:
        if self.kind == V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE:
            return self.format.fmt.pix_mp.plane_fmt[plane].sizeimage
        return self.format.fmt.pix.sizeimage

    cdef size_t image_bytes(self) noexcept:
        cdef size_t total = 0
        for i in range(self.planes()):
            total += self.plane_bytes(i)
        return total

    def _identify(self):
        cdef v4l2_capability c
        memset(&c, 0, sizeof(c))
        cdef int error = ioctl_errno(self.fd, VIDIOC_QUERYCAP, &c)
        if error == ENOTTY or error == EINVAL:
            raise CameraNotFound(error, "not a camera but another kind of video device", self.path)
        if error:
            raise failure(self.path, "ask for its capabilities", error)
        self.driver, self.card, self.bus = text(c.driver, 16), text(c.card, 32), text(c.bus_info, 32)
        caps = c.device_caps if c.capabilities & V4L2_CAP_DEVICE_CAPS else c.capabilities
        captures = caps & (V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_VIDEO_CAPTURE_MPLANE)
        kinds = NO_CAMERAS if captures else NO_CAMERAS + OTHER_KINDS
        other = next((name for bits, name in kinds if caps & bits), None)
        if other is not None:
            raise CameraNotFound(ENODEV, f"not a camera: {self.card!r} is {other} here", self.path)
        if caps & V4L2_CAP_VIDEO_CAPTURE:
            self.kind = V4L2_BUF_TYPE_VIDEO_CAPTURE
        elif caps & V4L2_CAP_VIDEO_CAPTURE_MPLANE:
            self.kind = V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE
        else:
            raise CameraNotFound(ENODEV, f"not a camera: {self.card!r} does not capture video here", self.path)
        if not caps & V4L2_CAP_STREAMING:
            raise CameraNotFound(ENODEV, f"not usable: {self.card!r} offers read() only, no streaming", self.path)

    def _ask(self, uint32_t code, uint32_t width, uint32_t height):
        memset(&self.format, 0, sizeof(self.format))
        self.format.type = self.kind
        if self.kind == V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE:
            self.format.fmt.pix_mp.pixelformat = code
            self.format.fmt.pix_mp.width, self.format.fmt.pix_mp.height = width, height
            self.format.fmt.pix_mp.field = V4L2_FIELD_NONE
            self.format.fmt.pix_mp.num_planes = 1
            self.format.fmt.pix_mp.plane_fmt[0].bytesperline = self.wanted_stride
        else:
            self.format.fmt.pix.pixelformat = code
            self.format.fmt.pix.width, self.format.fmt.pix.height = width, height
            self.format.fmt.pix.field = V4L2_FIELD_NONE
            self.format.fmt.pix.bytesperline = self.wanted_stride

    def _answer(self):
        if self.kind == V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE:
            mp = &self.format.fmt.pix_mp
            return mp.pixelformat, mp.width, mp.height
        sp = &self.format.fmt.pix
        return sp.pixelformat, sp.width, sp.height


def code_text(uint32_t code):
    """Return a fourcc as text; what cannot be printed, as dots."""
    letters = "".join(chr(code >> shift & 0x7F) for shift in (0, 8, 16, 24))
    return "".join(c if c.isprintable() else "." for c in letters).rstrip() + ("-BE" if code >> 31 else "")


def code_name(uint32_t code):
    """Return camkit's name of a fourcc, None if camkit has no such format."""
    row = camkit_format_row(camkit_format_from_v4l2(code))
    return row.name.decode() if row != NULL else None


cdef str text(const uint8_t *s, size_t size):
    return s[:size].partition(b"\0")[0].decode("utf-8", "replace")


cdef int ioctl_errno(int fd, unsigned long request, void *argument) noexcept nogil:
    while c_ioctl(fd, request, argument) < 0:
        if errno != EINTR:
            return errno
    return 0


cdef object failure(str path, str what, int error):
    return reason(path, what, error)
