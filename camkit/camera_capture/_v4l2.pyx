"""V4L2Backend: the cameras of Linux, on the driver's own buffers."""

from libc.errno cimport EAGAIN, EBUSY, EINTR, EIO, EMSGSIZE, ENODEV, ENOMEM, EPERM, EPROTO, errno
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy
from posix.mman cimport MAP_FAILED, MAP_SHARED, PROT_READ, mmap
from posix.unistd cimport close as c_close

cimport cython

from camkit.camera_capture._backend cimport Backend, gate
from camkit.camera_capture._v4l2_abi cimport *
from camkit.camera_capture._v4l2_buffers_abi cimport *
from camkit.camera_capture._v4l2_buffers cimport (
    MOST_BUFFERS,
    describe_buffer,
    destroy,
    drain,
    driver_buffer,
    driver_stream,
    inherited,
    new_stream,
    queue_buffer,
    recycle,
    request_buffers,
    ring,
)
from camkit.camera_capture._v4l2_device cimport Device, failure, ioctl_errno
from camkit.memory_manager._abi cimport (
    CAMKIT_CLOCK_COPY,
    CAMKIT_CLOCK_MONOTONIC,
    CAMKIT_CLOCK_UNKNOWN,
    CAMKIT_FRAME_CORRUPT,
    CAMKIT_FRAME_KEYFRAME,
    CAMKIT_FRAME_READ_ONLY,
    CAMKIT_INTERRUPTED,
    CAMKIT_MEMORY_MMAP,
    CAMKIT_OK,
    CAMKIT_STAMP_END_OF_FRAME,
    CAMKIT_STAMP_START_OF_EXPOSURE,
    CAMKIT_TIMEOUT,
    camkit_driver_buffer,
    camkit_frame,
    camkit_frame_describe,
    frame_pool,
)
from camkit.memory_manager._format cimport PixelFormat

import dataclasses

from camkit.camera_capture._v4l2_controls import ControlNode
from camkit.camera_capture._v4l2_negotiate import negotiate
from camkit.camera_capture._v4l2_reasons import start_reason
from camkit.camera_capture.info import StreamInfo
from camkit.errors import CameraBusy, CameraDisconnected, CameraError, FormatNotSupported
from camkit.memory_manager._frame import CLOCKS, MATRICES, PRIMARIES, RANGES, STAMPS, TRANSFERS

cdef int MOST_IO_ERRORS = 8  # without a frame in between: then they are no hiccup
cdef uint64_t INTERRUPT = <uint64_t>1 << 32  # what unblock() adds to the bell; a buffer that came back adds 1


@cython.no_gc_clear  # the collector must not close the device before __dealloc__ has ended the stream
cdef class V4L2Backend(Backend):
    """Stream from a V4L2 device into the driver's own buffers, mapped into this process.

    A frame is a buffer of the driver. It goes back when its last reference drops, on whatever thread that is; what the
    caller still holds at the end of a stream stays mapped and is never given to a later stream. Owns the device's file
    descriptor. Thread-safety is that of `Backend`. A forked child can look at its parent's frames and drop them; it
    must open the camera anew to read.

    Parameters
    ----------
    info : CameraInfo
        Camera to open.
    request : Request
        What is asked of it. Its option `stride` is the least number of bytes from one row to the next, for who needs
        rows aligned.

    Raises
    ------
    CameraNotFound, CameraPermission, CameraBusy, CameraError
        The device is not there, not a camera, not ours to open, in use, or fails.
    FormatNotSupported
        It cannot deliver what was asked, or nothing that camkit knows.
    """

    def __cinit__(self):
        self.bell = -1
        self.ringing = new gate()

    def __init__(self, info, request):
        super().__init__(info, request)
        self.device = Device(info.path)
        agreed = negotiate(self.device, request)
        self.bell = c_eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)
        if self.bell < 0:
            raise failure(info.path, "make an event descriptor", errno)
        cdef PixelFormat f = agreed.format
        self.rate, self.format = agreed.rate, f.id
        self.width, self.height = agreed.size
        self.agreed = self.device.current() + self.device.layout
        self.stride = 0 if f.compressed else self.device.stride()
        self.colour = self.device.colour()
        # The padding of the very last row need not be there.
        last = len(f.planes) - 1
        self.needed = 1 if f.compressed else (
            f.image_bytes(self.width, self.height, self.stride) - f.plane_stride(self.stride, last)
            + f.row_bytes(self.width, last))
        self.stream = StreamInfo(
            f.name, f.fourcc, self.width, self.height, self.stride, None if self.rate is None else float(self.rate),
            "heap" if self.device.overwrites else "mmap", request.buffers, PRIMARIES[self.colour.primaries],
            TRANSFERS[self.colour.transfer], MATRICES[self.colour.matrix], RANGES[self.colour.range],
            field=self.device.field, differences=agreed.differences)
        self.prepare(self.device.image_bytes())

    def __dealloc__(self):
        if self.pool != NULL:
            self._end()
        if self.bell >= 0:
            c_close(self.bell)
        del self.ringing

    def explain(self):
        d, s = self.device, self.stream
        words = [super().explain(), f"{d.bus}, V4L2 {'multi' if d.multiplanar else 'single'}-planar API"]
        if self.orphans or self.pool != NULL:
            words.append(f"{self.request.buffers} buffers asked for, {s.buffers} got")
            words.append("each frame is copied, for the driver writes into those that are held" if d.overwrites else
                         "frames may outlive the stream" if self.orphans else
                         "frames of an ended stream must be dropped before the next one can start")
        words.append(f"rows {s.stride} bytes apart, {d.image_bytes()} bytes for an image" if s.stride else
                     f"up to {d.image_bytes()} bytes for an image")
        words.append("interlaced: every other row is of a later moment" if s.field == "interlaced" else s.field)
        moment = {"start_of_exposure": "when the exposure began", "end_of_frame": "when the frame was complete"}
        clock = {"monotonic": "the monotonic clock", "copy": "the source's own clock"}
        if s.stamp != "unknown":  # known from the first stream on
            words.append(f"timestamps tell {moment[s.stamp]} on {clock.get(s.clock, 'an unknown clock')}")
        if self.requeue_failures:
            words.append(f"the driver refused {self.requeue_failures} buffers that came back")
        return "; ".join(words)

    def control_node(self):
        return ControlNode(self.device, self.lock)

    cdef int stream_on(self) except -1:
        if self.device is None:
            raise ValueError("the camera was never opened")
        cdef int fd = self.device.fd, kind = self.device.kind
        cdef uint32_t none = 0
        cdef driver_stream *s = new_stream(fd, self.bell, kind)
        if s == NULL:
            raise MemoryError("no memory for the stream's own records")
        try:
            s.count = self._claim()
            self._map(s)
            self.pool = new frame_pool(s.count, recycle, destroy, s)
            if self.pool == NULL or not self.pool.ok():
                raise MemoryError("no memory for the stream's own records")
        except BaseException:
            if self.pool != NULL:
                self.pool.unref()
                self.pool = NULL
            else:
                destroy(s)
            request_buffers(fd, kind, &none, NULL)
            raise
        self.driver = s
        self.pool.generation.store(self.generation)
        self.io_errors = 0
        drain(self.bell)
        try:
            for i in range(s.count):
                error = queue_buffer(s, i)
                if error:
                    raise failure(self.device.path, f"start: queue buffer {i}", error)
            error = ioctl_errno(fd, VIDIOC_STREAMON, &kind)
            if error:
                raise start_reason(self.device.path, self.device.bus, self.stream, self.device.image_bytes(), error)
        except BaseException:
            self._end()
            raise
        return 0

    cdef int stream_off(self) except -1:
        self._end()
        return 0

    cdef int give_up(self) except -1:
        self.ringing.close_and_wait()
        c_close(self.bell)
        self.bell = -1
        self.device.close()
        return 0

    cdef int queued(self) noexcept nogil:
        return self.driver.queued.load() if self.driver != NULL else 0

    cdef void unblock(self) noexcept nogil:
        if self.ringing.enter():
            ring(self.bell, INTERRUPT)
            self.ringing.leave()

    cdef int dequeue(self, camkit_frame **out, int64_t timeout_ns) except -1 nogil:
        cdef driver_stream *s = self.driver
        cdef v4l2_buffer b
        cdef v4l2_plane plane
        cdef short events = 0
        if inherited(s):
            raise CameraError(EPERM, "cannot take a frame: the stream belongs to the process that this one was forked "
                              "from; open the camera here", self.device.path)
        if s.unqueued.load():
            self._queue_again()
        cdef int error, answer = self._wait(timeout_ns, &events)
        if answer != CAMKIT_OK:
            return answer
        describe_buffer(s, &b, &plane, 0)
        error = ioctl_errno(s.fd, VIDIOC_DQBUF, &b)
        if error:
            return self._failed(error, events)
        self.io_errors = 0
        return self._fill(out, &b, &plane)

    # Wait for a buffer to be filled. CAMKIT_TIMEOUT may come early: Backend.fetch() looks at the clock.
    cdef int _wait(self, int64_t timeout_ns, short *events) except -1 nogil:
        cdef driver_stream *s = self.driver
        cdef pollfd p[2]
        cdef int64_t ms = min((timeout_ns + 999999) // 1000000, <int64_t>0x7FFFFFFF)
        cdef int n, timeout_ms = -1 if timeout_ns < 0 else <int>ms
        cdef bint dry = s.queued.load() <= 0
        if dry:
            s.dry.store(1)
            dry = s.queued.load() <= 0  # or one came back just now, too early to ring
        p[0].fd, p[0].events = self.bell, POLLIN
        # A driver without buffers may answer POLLERR to POLLIN for ever; asked for nothing, it only tells of an
        # unplugging.
        p[1].fd, p[1].events = s.fd, 0 if dry else POLLIN
        n = c_poll(p, 2, timeout_ms)
        if dry and n > 0 and p[1].revents and not p[0].revents and not self._gone():
            n = c_poll(p, 1, timeout_ms)
            p[1].revents = 0
        s.dry.store(0)
        if n < 0:
            if errno == EINTR:
                return CAMKIT_INTERRUPTED
            with gil:
                raise failure(self.device.path, "wait for a frame", errno)
        if n == 0:
            return CAMKIT_TIMEOUT
        if p[0].revents and drain(self.bell) >= INTERRUPT:
            return CAMKIT_INTERRUPTED
        events[0] = p[1].revents
        return CAMKIT_OK if events[0] else CAMKIT_TIMEOUT

    cdef int _fill(self, camkit_frame **out, v4l2_buffer *b, v4l2_plane *plane) except -1 nogil:
        cdef driver_stream *s = self.driver
        cdef camkit_frame *f = self.pool.adopt(b.index) if b.index < s.count else NULL
        if f == NULL:
            with gil:
                raise CameraError(EPROTO, f"the driver handed over buffer {b.index}, which it has not got",
                                  self.device.path)
        s.queued.fetch_sub(1)
        cdef driver_buffer *memory = &s.buffers[b.index]
        cdef bint mplane = s.kind == V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE
        cdef size_t used = plane.bytesused if mplane else b.bytesused
        cdef size_t offset = plane.data_offset if mplane else 0
        f.flags = CAMKIT_FRAME_READ_ONLY
        used = min(used, memory.size)
        # That the picture fits without an offset was proved when the buffer was mapped.
        if offset > used or camkit_frame_describe(f, self.format, self.width, self.height, memory.data + offset,
                                                  memory.size - offset, self.stride):
            offset = used = 0
            camkit_frame_describe(f, self.format, self.width, self.height, memory.data, memory.size, self.stride)
        f.bytes_used = used - offset
        if b.flags & V4L2_BUF_FLAG_ERROR or f.bytes_used < self.needed:
            f.flags |= CAMKIT_FRAME_CORRUPT
        if b.flags & V4L2_BUF_FLAG_KEYFRAME:
            f.flags |= CAMKIT_FRAME_KEYFRAME
        f.colour = self.colour
        f.memory = CAMKIT_MEMORY_MMAP
        f.clock = clock_of(b.flags)
        f.stamp = stamp_of(b.flags)
        f.timestamp_ns = b.timestamp.tv_sec * 1_000_000_000 + b.timestamp.tv_usec * 1000
        f.sequence = b.sequence
        keep_record(&f.driver, b, plane)
        out[0] = f
        return CAMKIT_OK

    cdef int _failed(self, int error, short events) except -1 nogil:
        cdef bint broken = events & (POLLERR | POLLHUP)
        if error == EAGAIN and not broken:
            return CAMKIT_TIMEOUT
        if error == EIO and not broken and self.io_errors < MOST_IO_ERRORS:
            # V4L2 lets drivers say so for a passing trouble, such as a lost signal: a gap in the sequence will tell.
            self.io_errors += 1
            return CAMKIT_TIMEOUT
        with gil:
            if self._gone():
                raise CameraDisconnected(ENODEV, "the camera is gone: unplugged, or let go by its driver; close it, "
                                         "and open it again when it is back", self.device.path)
            if broken or error == EIO:
                raise CameraError(EIO, "the driver has given the stream up after an error; start it again, or plug the "
                                  "camera in anew", self.device.path)
            raise failure(self.device.path, "take a frame", error)

    cdef int _queue_again(self) except -1 nogil:
        cdef driver_stream *s = self.driver
        cdef uint64_t failed = s.unqueued.exchange(0), still = 0
        cdef uint32_t i, n = 0
        cdef int error = s.unqueued_errno.load()
        for i in range(s.count):
            if failed >> i & 1:
                n += 1
                if queue_buffer(s, i):
                    still += 1
        with gil:
            self.requeue_failures += n
            if self._gone():
                return self._failed(ENODEV, POLLHUP)
            raise failure(self.device.path, f"give {n} buffer(s) back to the driver ({n - still} went on a second try)",
                          error)

    cdef bint _gone(self) noexcept nogil:
        cdef v4l2_capability c
        return ioctl_errno(self.device.fd, VIDIOC_QUERYCAP, &c) == ENODEV

    # Make sure of the format and get buffers; their number.
    cdef int _claim(self) except -1:
        cdef Device d = self.device
        cdef uint32_t capabilities = 0
        # Another program may have set the device to something else while we did not stream.
        same = d.current() + d.layout == self.agreed or d.set_format(*self.agreed[:3]) + d.layout == self.agreed
        if not same or (self.rate is not None and d.set_rate(self.rate) != self.rate):
            raise FormatNotSupported(f"cannot start {d.path!r}: it does not offer {self.stream} any more; "
                                     "open it again")
        cdef uint32_t n = self.request.buffers
        cdef int error = request_buffers(d.fd, d.kind, &n, &capabilities)
        if error == EBUSY and self.stuck:
            raise CameraBusy(error, "cannot start: frames of the last stream are in use, and this driver cannot begin "
                             "another beside them; close them and drop their views", d.path)
        if error:
            raise failure(d.path, f"start: get {self.request.buffers} buffers of {d.image_bytes()} bytes", error)
        self.stuck = False
        self.orphans = capabilities & V4L2_BUF_CAP_SUPPORTS_ORPHANED_BUFS != 0
        if n < 2:
            raise CameraError(ENOMEM, f"cannot start: the driver gave {n} of {self.request.buffers} buffers, 2 are the "
                              "least that can stream", d.path)
        return min(n, <uint32_t>MOST_BUFFERS)

    cdef int _map(self, driver_stream *s) except -1:
        cdef v4l2_buffer b
        cdef v4l2_plane plane
        cdef camkit_frame trial
        cdef driver_buffer *to
        cdef void *memory
        cdef bint mplane = s.kind == V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE
        for i in range(s.count):
            describe_buffer(s, &b, &plane, i)
            self.device.control(VIDIOC_QUERYBUF, &b, f"start: ask for buffer {i}")
            to = &s.buffers[i]
            to.size = plane.length if mplane else b.length
            memory = mmap(NULL, to.size, PROT_READ, MAP_SHARED, s.fd, plane.m.mem_offset if mplane else b.m.offset)
            if memory == MAP_FAILED:
                raise failure(self.device.path, f"start: map buffer {i} of {to.size} bytes", errno)
            to.data = <uint8_t *>memory
            if camkit_frame_describe(&trial, self.format, self.width, self.height, to.data, to.size, self.stride):
                raise CameraError(EMSGSIZE, f"cannot start: the driver's buffers of {to.size} bytes are too small for "
                                  f"{self.stream} with rows {self.stride} bytes apart", self.device.path)
        # Whoever keeps all buffers back hands out copies.
        self.reserve = s.count if self.device.overwrites else 2 if s.count >= 4 else 1
        self.stream = dataclasses.replace(self.stream, buffers=s.count, clock=CLOCKS[clock_of(b.flags)],
                                          stamp=STAMPS[stamp_of(b.flags)])
        return 0

    cdef int _end(self) noexcept:
        cdef driver_stream *s = self.driver
        cdef int fd = s.fd, kind = s.kind
        cdef uint32_t none = 0
        if inherited(s):
            # The driver takes us for our parent. The pool stays as it is: other threads of his may be in it for ever.
            self.pool = NULL
            self.driver = NULL
            return 0
        with nogil:
            self.pool.stop()
            ioctl_errno(fd, VIDIOC_STREAMOFF, &kind)
            self.driver = NULL
            # Before the driver frees its buffers, so that an old one finds no mapping in its way.
            self.pool.unref()
            self.pool = NULL
            self.stuck = request_buffers(fd, kind, &none, NULL) == EBUSY
        return 0


cdef void keep_record(camkit_driver_buffer *to, v4l2_buffer *b, v4l2_plane *plane) noexcept nogil:
    to.index, to.type, to.flags, to.field, to.sequence = b.index, b.type, b.flags, b.field, b.sequence
    to.memory, to.length, to.bytes_used = b.memory, b.length, b.bytesused
    to.timecode_type = 0
    if b.flags & V4L2_BUF_FLAG_TIMECODE:
        to.timecode_type, to.timecode_flags = b.timecode.type, b.timecode.flags
        memcpy(to.timecode, &b.timecode.frames, 8)
    to.plane_count = 0
    if b.type == V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE:
        to.plane_count = min(b.length, <uint32_t>4)
        for i in range(to.plane_count):
            to.planes[i].bytes_used, to.planes[i].length = plane[i].bytesused, plane[i].length
            to.planes[i].data_offset = plane[i].data_offset


cdef uint8_t clock_of(uint32_t flags) noexcept nogil:
    cdef uint32_t kind = flags & V4L2_BUF_FLAG_TIMESTAMP_MASK
    if kind == V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC:
        return CAMKIT_CLOCK_MONOTONIC
    return CAMKIT_CLOCK_COPY if kind == V4L2_BUF_FLAG_TIMESTAMP_COPY else CAMKIT_CLOCK_UNKNOWN


cdef uint8_t stamp_of(uint32_t flags) noexcept nogil:
    if flags & V4L2_BUF_FLAG_TSTAMP_SRC_MASK == V4L2_BUF_FLAG_TSTAMP_SRC_SOE:
        return CAMKIT_STAMP_START_OF_EXPOSURE
    return CAMKIT_STAMP_END_OF_FRAME
