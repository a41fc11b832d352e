"""UvcMetadata: when a USB webcam's own clock says that a frame was exposed.

uvcvideo copies the headers of a webcam's payloads to a metadata node (V4L2_META_FMT_UVC). They hold the time of the
picture (PTS) and of sending (SCR) on the webcam's clock, and the kernel adds when each arrived (USB Video Class 1.5,
section 2.4.3.3; Linux: userspace-api/media/v4l/metafmt-uvc). From SCR and arrival follows how the two clocks run,
from that and the PTS the moment of the picture on the monotonic clock.
"""

from libc.errno cimport EAGAIN, EIO, EINVAL, errno
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy, memset
from posix.mman cimport MAP_FAILED, MAP_SHARED, PROT_READ, mmap, munmap
from posix.unistd cimport close as c_close

from camkit.camera_capture._v4l2.uvc_metadata_abi cimport *
from camkit.camera_capture._v4l2.abi cimport (
    O_CLOEXEC,
    O_NONBLOCK,
    O_RDWR,
    VIDIOC_G_FMT,
    VIDIOC_S_FMT,
    c_open,
)
from camkit.camera_capture._v4l2.buffers_abi cimport (
    V4L2_MEMORY_MMAP,
    VIDIOC_DQBUF,
    VIDIOC_QBUF,
    VIDIOC_QUERYBUF,
    VIDIOC_REQBUFS,
    VIDIOC_STREAMON,
    v4l2_buffer,
    v4l2_requestbuffers,
)
from camkit.camera_capture._v4l2.device cimport failure, ioctl_errno
from camkit.memory_manager._abi cimport camkit_frame, now_ns

import os

from camkit.camera_capture._v4l2.uvc_node import clock_hertz, metadata_node
from camkit.errors import CameraError

# A block: when it arrived (8 bytes), the host's USB frame number (2), then the payload header: length, flags, and what
# the flags announce.
cdef enum:
    SOF_AT = 8
    FLAGS_AT = 11
    FIELDS_AT = 12
    PTS_BYTES = 4
    SCR_BYTES = 6
    HAS_PTS = 0x04
    HAS_SCR = 0x08

cdef int64_t LATEST = 20_000_000  # ns that a picture may seem to begin after its first bytes came
cdef int64_t EARLIEST = 10_000_000_000  # or before that: the longest exposures
cdef int64_t ANOTHER_CLOCK = 60_000_000_000
WISHES = (False, True, "auto")


def metadata_of(camera, wish):
    """Return the UvcMetadata that `hardware_time=wish` asks for, None for False.

    Raises
    ------
    ValueError
        There is no such wish.
    CameraError
        It is True, and the camera has no metadata node.
    """
    if not any(wish is known or (isinstance(wish, str) and wish == known) for known in WISHES):
        raise ValueError(f"hardware_time is {wish!r}, not True, False or 'auto'")
    return UvcMetadata(camera, wish is True) if wish else None


cdef class UvcMetadata:
    """The metadata stream beside a webcam's video stream.

    Frames never wait for it: what is not there when a frame comes is counted, and the frame has no hardware time. It
    costs two calls of the driver for a frame, one of them before the frame is handed out; nothing is allocated. Owns
    the node's file descriptor while it streams. For the thread that reads; `explain` for any.

    Parameters
    ----------
    camera : str
        The video node.
    required : bool
        Whether not to have one is an error, or told by `explain` only.
    """

    def __cinit__(self, str camera not None, bint required):
        self.fd = -1
        self.camera, self.required, self.path, self.why_not = camera, required, "", ""
        self.clock = new device_clock(0)
        if self.clock == NULL:
            raise MemoryError("no memory for a clock")
        try:
            self.path = metadata_node(camera)
        except CameraError as error:
            if required:
                raise
            self.why_not = error.strerror

    def __dealloc__(self):
        self.end()
        del self.clock

    def explain(self):
        """Tell in words what was taken, how well it fits, and what was not there."""
        if not self.path or self.why_not:
            return self.why_not
        lost = {
            "before the clock was known": self.unsettled, "without metadata": self.missing,
            "without a time of the picture": self.without_pts, "with a time that stood still": self.stuck,
            "with an impossible time": self.implausible,
        }
        if self.error:
            lost["unknown, for the node failed: " + os.strerror(self.error)] = 1
        if self.other_clock:
            return (f"no hardware time: {self.path} is not on the monotonic clock; load uvcvideo with "
                    "clock=CLOCK_MONOTONIC")
        c = self.clock
        words = f"hardware time from {self.path}: {self.timed} frames timed"
        if c.ready():
            words += (f" by a clock of {c.hertz() * 1e-6:g} MHz that runs {c.rate() * 1e6:+.1f} ppm, its best readings "
                      f"within {c.spread_ns() * 1e-6:.2f} ms")
        if c.jumps():
            words += f", {c.jumps()} jumps of it"
        if self.timed and not self.sofs:
            words += ", USB frame numbers unknown to the host"
        return "; ".join([words, *[f"{n} {what}" for what, n in lost.items() if n]])

    cdef int begin(self, str camera, uint32_t frames) except -1:
        self.end()
        try:
            if camera != self.camera or not self.path:
                # It came back under another name.
                self.path, self.camera = metadata_node(camera), camera
            self._open(frames)
            self.why_not = ""
        except CameraError as error:
            self.end()
            if self.required:
                raise
            self.why_not = f"no hardware time: {error.strerror}"
        return 0

    cdef int _open(self, uint32_t frames) except -1:
        cdef meta_format f
        cdef v4l2_requestbuffers r
        cdef v4l2_buffer b
        cdef int error, kind = V4L2_BUF_TYPE_META_CAPTURE
        cdef void *memory
        cdef uint32_t i, hertz = clock_hertz(self.camera)
        if hertz != self.declared:
            self.clock.declare(hertz)
            self.declared = hertz
        else:
            self.clock.restart()
        self.fd = c_open(os.fsencode(self.path), O_RDWR | O_NONBLOCK | O_CLOEXEC)
        if self.fd < 0:
            raise failure(self.path, "open the metadata", errno)
        memset(&f, 0, sizeof(f))
        f.type = kind
        error = ioctl_errno(self.fd, VIDIOC_G_FMT, &f)
        if not error and f.fmt.meta.dataformat != V4L2_META_FMT_UVC:
            f.fmt.meta.dataformat = V4L2_META_FMT_UVC
            error = ioctl_errno(self.fd, VIDIOC_S_FMT, &f) or (
                0 if f.fmt.meta.dataformat == V4L2_META_FMT_UVC else EINVAL)
        if error:
            raise failure(self.path, "set to the headers of USB Video Class payloads", error)
        memset(&r, 0, sizeof(r))
        # As many as there are frames that can be filled unread, two in our hands, and more for a ring that grows.
        r.count, r.type, r.memory = min(max(frames + 2, 16), <uint32_t>MOST_META_BUFFERS), kind, V4L2_MEMORY_MMAP
        error = ioctl_errno(self.fd, VIDIOC_REQBUFS, &r)
        if error:
            raise failure(self.path, f"get {r.count} buffers for metadata", error)
        for i in range(min(r.count, <uint32_t>MOST_META_BUFFERS)):
            describe(&b, i)
            error = ioctl_errno(self.fd, VIDIOC_QUERYBUF, &b)
            if error:
                raise failure(self.path, f"ask for metadata buffer {i}", error)
            memory = mmap(NULL, b.length, PROT_READ, MAP_SHARED, self.fd, b.m.offset)
            if memory == MAP_FAILED:
                raise failure(self.path, f"map metadata buffer {i}", errno)
            self.buffers[i].data, self.buffers[i].size = <uint8_t *>memory, b.length
            error = self._queue(i)
            if error:
                raise failure(self.path, f"queue metadata buffer {i}", error)
        error = ioctl_errno(self.fd, VIDIOC_STREAMON, &kind)
        if error:
            raise failure(self.path, "start the metadata", error)
        self.done.held = self.early.held = self.any_pts = False
        self.error = 0
        return 0

    cdef void end(self) noexcept:
        # Closing it ends the stream and frees the buffers; a forked child's closing changes nothing for its parent.
        for i in range(MOST_META_BUFFERS):
            if self.buffers[i].data != NULL:
                munmap(self.buffers[i].data, self.buffers[i].size)
                self.buffers[i].data = NULL
        if self.fd >= 0:
            c_close(self.fd)
            self.fd = -1

    cdef void time_frame(self, camkit_frame *f) noexcept nogil:
        cdef int32_t ahead
        cdef uint32_t pts
        cdef int64_t came, when
        f.hardware_ns = 0
        if self.fd < 0:
            return
        if self.done.held:
            self._absorb(&self.done)
        while True:
            if self.early.held:
                self.done = self.early
                self.early.held = False
            elif not self._next(&self.done):
                self.missing += 1
                return
            ahead = <int32_t>(self.done.sequence - <uint32_t>f.sequence)
            if ahead == 0:
                break
            if ahead > 0:  # the driver had no buffer for this frame's
                self.early = self.done
                self.done.held = False
                self.missing += 1
                return
            self._absorb(&self.done)  # of a frame that the driver dropped
        if not find_pts(&self.buffers[self.done.index], self.done.used, &pts, &came):
            self.without_pts += 1
            return
        if self.any_pts and pts == self.last_pts:
            self.stuck += 1
            return
        self.last_pts = pts
        self.any_pts = True
        if not self.clock.ready():
            self.unsettled += 1
            return
        when = self.clock.to_host(pts)
        if when > came + LATEST or when < came - EARLIEST:
            self.implausible += 1
            return
        f.hardware_ns = when
        self.timed += 1

    cdef void catch_up(self) noexcept nogil:
        if self.done.held:
            self._absorb(&self.done)

    # Take the next filled buffer; False if there is none.
    cdef bint _next(self, meta_filled *to) noexcept nogil:
        cdef v4l2_buffer b
        describe(&b, 0)
        cdef int error = ioctl_errno(self.fd, VIDIOC_DQBUF, &b)
        if not error and (b.index >= MOST_META_BUFFERS or self.buffers[b.index].data == NULL):
            error = EIO
        if error:
            if error != EAGAIN:
                self.error = error
            return False
        # The error flag says that headers were left out, or that the picture is damaged: those that are there are good.
        to.index, to.sequence, to.held = b.index, b.sequence, True
        to.used = min(b.bytesused, <uint32_t>self.buffers[b.index].size)
        return True

    cdef void _absorb(self, meta_filled *filled) noexcept nogil:
        cdef const uint8_t *p = self.buffers[filled.index].data
        cdef uint32_t at = 0, size, stc
        cdef uint16_t sof
        cdef int64_t came
        while at + FIELDS_AT <= filled.used:
            size = block_size(p[at + FLAGS_AT])
            if at + size > filled.used:
                break
            if p[at + FLAGS_AT] & HAS_SCR:
                memcpy(&came, p + at, 8)
                memcpy(&sof, p + at + SOF_AT, 2)
                stc = little32(p + at + size - SCR_BYTES)
                self.sofs += sof != 0
                self.clock.observe(stc, came)
            at += size
        if at and not self.timed:
            memcpy(&came, p, 8)
            self.other_clock = not -ANOTHER_CLOCK < came - now_ns() < ANOTHER_CLOCK
        filled.held = False
        cdef int error = self._queue(filled.index)
        if error:
            self.error = error

    cdef int _queue(self, uint32_t index) noexcept nogil:
        cdef v4l2_buffer b
        describe(&b, index)
        return ioctl_errno(self.fd, VIDIOC_QBUF, &b)


cdef void describe(v4l2_buffer *b, uint32_t index) noexcept nogil:
    memset(b, 0, sizeof(b[0]))
    b.index, b.type, b.memory = index, V4L2_BUF_TYPE_META_CAPTURE, V4L2_MEMORY_MMAP


# What the kernel copies is what the flags announce; the header's own length may count more, the maker's fields.
cdef uint32_t block_size(uint8_t flags) noexcept nogil:
    return FIELDS_AT + (PTS_BYTES if flags & HAS_PTS else 0) + (SCR_BYTES if flags & HAS_SCR else 0)


cdef uint32_t little32(const uint8_t *p) noexcept nogil:
    return p[0] | <uint32_t>p[1] << 8 | <uint32_t>p[2] << 16 | <uint32_t>p[3] << 24


# The time of the picture, on the camera's clock, and when the block that tells it came.
cdef bint find_pts(const meta_buffer *b, uint32_t used, uint32_t *pts, int64_t *came) noexcept nogil:
    cdef uint32_t at = 0, size
    while at + FIELDS_AT <= used:
        size = block_size(b.data[at + FLAGS_AT])
        if at + size > used:
            return False
        if b.data[at + FLAGS_AT] & HAS_PTS:
            memcpy(came, b.data + at, 8)
            pts[0] = little32(b.data + at + FIELDS_AT)
            return True
        at += size
    return False
