"""V4L2Backend: the cameras of Linux, on the driver's own buffers."""

from libc.errno cimport EBUSY, EMSGSIZE, ENOLINK, ENOTTY, EOPNOTSUPP, EPERM, errno
from libc.stdint cimport int64_t, uint32_t
from libc.string cimport memcmp
from posix.unistd cimport close as c_close

cimport cython

from camkit.camera_capture._backend cimport Backend
from camkit.camera_capture._v4l2.abi cimport F_SETFL, O_NONBLOCK, O_RDWR, c_fcntl
from camkit.camera_capture._v4l2.buffers cimport (
    MOST_BUFFERS,
    MOST_PLANES,
    abandon_ready,
    describe_buffer,
    destroy,
    drain,
    driver_stream,
    inherited,
    new_stream,
    queue_buffer,
    recycle,
    request_buffers,
)
from camkit.camera_capture._v4l2.buffers_abi cimport *
from camkit.camera_capture._v4l2.colour cimport colour_of
from camkit.camera_capture._v4l2.device cimport Device, failure, ioctl_errno
from camkit.camera_capture._v4l2.frame cimport clock_of, fits, picture_of, stamp_of
from camkit.camera_capture._v4l2.memory cimport get_buffers, get_more, refusal, slowness
from camkit.memory_manager._abi cimport CAMKIT_INTERRUPTED, CAMKIT_TIMEOUT, camkit_colour, frame_pool
from camkit.memory_manager._format cimport PixelFormat

import dataclasses
import os

from camkit.camera_capture._v4l2.configure import configure, select_streaming
from camkit.camera_capture._v4l2.controls import ControlNode
from camkit.camera_capture._v4l2.device import code_text
from camkit.camera_capture._v4l2.explain import facts
from camkit.camera_capture._v4l2.follow import Follower
from camkit.camera_capture._v4l2.io import WORDS, Trials, WayRefused
from camkit.camera_capture._v4l2.reasons import start_reason
from camkit.camera_capture._v4l2.settings import V4L2Settings
from camkit.camera_capture._v4l2.uvc_metadata import metadata_of
from camkit.camera_capture._v4l2.watch import V4L2Events
from camkit.camera_capture.info import MOST_BUFFERS as MOST, StreamInfo
from camkit.camera_capture.selection import check_rect
from camkit.errors import CameraBusy, CameraDisconnected, CameraError, CameraNotFound, FormatNotSupported
from camkit.memory_manager._description import CLOCKS, MATRICES, PRIMARIES, RANGES, STAMPS, TRANSFERS


@cython.no_gc_clear  # the collector must not close the device before __dealloc__ has ended the stream
cdef class V4L2Backend(V4L2Reader):
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
        rows aligned; `io` names the way in which frames get into memory, see `_v4l2.io.WAYS`; `hardware_time` asks for
        `Frame.hardware_ns`, see `UvcMetadata`; the others are those of `Wishes`.

    Raises
    ------
    CameraNotFound, CameraPermission, CameraBusy, CameraError
        The device is not there, not a camera, not ours to open, in use, or fails.
    FormatNotSupported
        It cannot deliver what was asked, or nothing that camkit knows.
    """

    def __init__(self, info, request):
        super().__init__(info, request)
        self.device = Device(info.path)
        try:
            self._settle(configure(self.device, request))
            self.events = V4L2Events(self.device, self)
            self.follower = Follower(self.device, request, self.events)
            self.bell = c_eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)
            if self.bell < 0:
                raise failure(info.path, "make an event descriptor", errno)
            self.metadata = metadata_of(self.device.path, request.options.get("hardware_time", False))
        except BaseException as error:
            self.device.close()  # the error's traceback would keep it open
            if isinstance(error, CameraDisconnected):
                raise CameraNotFound(error.errno, "cannot open: the camera was unplugged meanwhile; `camkit list` "
                                     "tells what cameras there are", info.path) from error
            raise

    def __dealloc__(self):
        if self.pool != NULL:
            self._end()

    def explain(self):
        begun = self.orphans or self.trials.taken is not None
        words = [super().explain(), *facts(self.device, self.stream, self.request, self.trials, begun, self.orphans)]
        if self.unwatched > 0:
            words.append(f"waits for frames by poll, a call more for each: {os.strerror(self.unwatched)}")
        if self.metadata is not None:
            words.append(self.metadata.explain())
        if self.sync_failures:
            words.append(f"{self.sync_failures} frames could not be made coherent for the CPU")
        words += self.follower.explain()
        if self.requeue_failures:
            words.append(f"the driver refused {self.requeue_failures} buffers that came back")
        return "; ".join(words)

    def control_node(self):
        return ControlNode(self.device, self.lock)

    def grow(self, count):
        with self.lock:
            if not self.streaming:
                raise ValueError(f"cannot grow the ring of camera {self.name!r}: it does not stream; start it, or open "
                                 "it with more buffers")
            if self.driver == NULL:
                raise CameraError(ENOLINK, "cannot grow the ring: there is no stream just now, for the camera is away "
                                  "or what comes in cannot be taken; grow it when frames come again", self.device.path)
            if inherited(self.driver):
                raise CameraError(EPERM, "cannot grow the ring: the stream belongs to the process that this one was "
                                  "forked from; open the camera here", self.device.path)
            self._grow(count)

    def settings(self):
        return V4L2Settings(self.device, self.lock)

    def select(self, target, rect):
        rect = check_rect(target, rect)
        request = dataclasses.replace(self.request, options={**self.request.options, target: rect})
        with self.lock:
            if self.closed:
                raise ValueError(f"camera {self.name!r} is closed")
            if not self.streaming:
                self._settle(configure(self.device, request))
            else:
                got = select_streaming(self.device, target, rect, request)
                differences = {what: pair for what, pair in self.stream.differences.items() if what != target}
                if got != rect:
                    differences[target] = tuple(rect), tuple(got)
                self.stream = dataclasses.replace(self.stream, differences=differences)
            self.request = request

    def source_changed(self):
        """Have the input looked at before the next frame; from any thread."""
        self.stale.store(True)
        self.unblock()

    def restart(self):
        """End the stream if there is one, set the device up anew for what comes in, and stream on.

        The account of frames goes on, and the next frame is marked as the first after a discontinuity. With the lock
        held, by the thread that reads or while none does. After an error there is no stream.
        """
        before, lost = self.stream, 0 if self.first else abandon_ready(self.driver, self.last_sequence)
        self.renew(lost)
        self._end()
        self._settle(configure(self.device, self.request, following=True))
        self.generation += 1
        self._start()
        self.follower.restarted(before, self.stream, lost)

    # Look at the input and do what is to be done about it: nothing, wait, begin anew, or raise an error.
    cdef int _look(self) except -1:
        found = self.follower.look()
        self.useless = self.follower.lost
        if self.useless:
            return 0
        same = not found.differs(self.device) and (*self.device.current(), self.device.layout) == self.agreed
        cdef camkit_colour colour = colour_of(&self.device.format)
        same = same and not memcmp(&colour, &self.picture.colour, sizeof(colour))
        if not self.streaming:
            if not same:  # nobody has seen a frame yet
                self._settle(configure(self.device, self.request, following=True))
        elif self.driver == NULL:
            self.restart()
        elif not same:
            self.follower.check_change(self.stream)
            self.restart()
        return 0

    cdef int stream_on(self) except -1:
        if self.device is None:
            raise ValueError("the camera was never opened")
        self.ended = False
        self.stale.store(False)
        if self.follower.signal.state != "unknown":
            self._look()
        return self._start()

    cdef int _start(self) except -1:
        self._check_format()
        self.trials.begin()
        while True:
            way = self.trials.next()
            try:
                self._begin(way)
                return 0
            except WayRefused as error:
                self.trials.refuse(way, error)

    # Begin to stream in one way.
    cdef int _begin(self, way) except -1:
        cdef int fd = self.device.fd, kind = self.device.kind
        cdef uint32_t i, capabilities = self.trials.capabilities
        cdef driver_stream *s = new_stream(fd, self.bell, kind)
        if s == NULL:
            raise MemoryError("no memory for the stream's own records")
        # Slots enough for a ring that grows.
        self.pool = new frame_pool(MOST_BUFFERS, recycle, destroy, s)
        if self.pool == NULL or not self.pool.ok():
            if self.pool == NULL:
                destroy(s)
            else:
                self.pool.unref()
            self.pool = NULL
            raise MemoryError("no memory for the stream's own records")
        self.driver = s
        self.pool.generation.store(self.generation)
        self.io_errors = 0
        drain(self.bell)
        try:
            self._get_buffers(way, &capabilities)
            self.orphans = capabilities & V4L2_BUF_CAP_SUPPORTS_ORPHANED_BUFS != 0
            for i in range(s.count.load()):
                error = queue_buffer(s, i)
                if error and way.ours:
                    raise refusal(self.device.path, f"start: lend buffer {i} to the driver", error)
                if error:
                    raise failure(self.device.path, f"start: queue buffer {i}", error)
            if self.metadata is not None:
                self.metadata.begin(self.device.path, s.count.load())
            error = ioctl_errno(fd, VIDIOC_STREAMON, &kind)
            if error:
                raise start_reason(self.device.path, self.device.bus, self.stream, self.device.image_bytes(), error)
            # Only videobuf2, which alone tells capabilities, is known to let a sleep in its call be broken off.
            self.unwatched = self.watch.start(fd) if capabilities else EOPNOTSUPP
            c_fcntl(fd, F_SETFL, O_RDWR | (O_NONBLOCK if self.unwatched else 0))
        except BaseException:
            self._end()
            raise
        self._tell(way)
        return 0

    cdef int _get_buffers(self, way, uint32_t *capabilities) except -1:
        cdef driver_stream *s = self.driver
        try:
            get_buffers(s, self.device, way, self.request.buffers, capabilities)
        except CameraBusy as error:
            if self.stuck:
                raise CameraBusy(error.errno, "cannot start: frames of the last stream are in use, and this driver "
                                 "cannot begin another beside them; close them and drop their views",
                                 self.device.path) from None
            raise
        if not fits(&self.picture, s):
            raise CameraError(EMSGSIZE, f"cannot start: the driver's buffers of {s.buffers[0].planes[0].size} bytes "
                              f"are too small for {self.stream} with rows {self.stream.stride} bytes apart",
                              self.device.path)
        self.trials.measured(way, slowness(s))
        return 0

    # Tell the world what the stream is like, now that it flows.
    cdef int _tell(self, way) except -1:
        cdef driver_stream *s = self.driver
        cdef v4l2_buffer b
        cdef v4l2_plane planes[MOST_PLANES]
        cdef uint32_t i, count = 0
        for i in range(s.count.load()):
            count += s.buffers[i].planes[0].data != NULL
        describe_buffer(s, &b, planes, 0)
        known = ioctl_errno(s.fd, VIDIOC_QUERYBUF, &b) == 0
        # Whoever keeps all buffers back hands out copies.
        self.reserve = count if self.device.overwrites else 2 if count >= 4 else 1
        self.trials.taken = way
        self.stream = dataclasses.replace(
            self.stream, buffers=count, io=way.name,
            memory="heap" if self.device.overwrites else WORDS[way.memory],
            clock=CLOCKS[clock_of(b.flags)] if known else "unknown",
            stamp=STAMPS[stamp_of(b.flags)] if known else "unknown")
        return 0

    cdef int _grow(self, uint32_t count) except -1:
        cdef driver_stream *s = self.driver
        cdef uint32_t i, before = s.count.load()
        refused = None
        if before + count > MOST:
            raise ValueError(f"cannot grow the ring of camera {self.name!r} by {count}: it has {before} buffers, "
                             f"{MOST} are the most")
        try:
            get_more(s, self.device, self.trials.taken, count)
        except CameraError as error:
            if error.errno == ENOTTY:
                raise CameraError(error.errno, "cannot get more buffers: the driver has no VIDIOC_CREATE_BUFS; open "
                                  "the camera with more buffers", self.device.path) from None
            refused = error  # but what was made until then is the driver's
        for i in range(before, s.count.load()):
            # The driver numbers on behind buffers that an earlier call could not get into memory.
            error = queue_buffer(s, i) if s.buffers[i].planes[0].data != NULL else 0
            if error and refused is None:
                refused = failure(self.device.path, f"queue the new buffer {i}", error)
        self._tell(self.trials.taken)
        if refused is not None:
            raise refused
        return 0

    # Go on with another opening of the device: all that belongs to the old one begins anew.
    cdef int _adopt(self, Device device) except -1:
        self.device = self.follower.device = device
        self.events.attach(device)
        self.ended = self.useless = False
        self.stale.store(self.follower.signal.state != "unknown")  # another signal may come in now
        return 0

    def _ring(self):
        return <size_t>self.pool

    cdef int stream_off(self) except -1:
        self._end()
        return 0

    cdef int give_up(self) except -1:
        self.ringing.close_and_wait()
        c_close(self.bell)
        self.bell = -1
        self.device.close()
        return 0

    cdef int stalled(self) except -1 nogil:
        if self.useless:
            self.waiting_since = 0
            with gil:
                raise self.follower.no_signal()
        return Backend.stalled(self)

    # Look at what comes in now. CAMKIT_TIMEOUT: done with that, ask again.
    cdef int _follow(self, int64_t timeout_ns) except -1 nogil:
        cdef pollfd p
        with gil:
            # Who holds it may be waiting for us to leave.
            if not self.lock.acquire(timeout=0.05):
                return CAMKIT_INTERRUPTED
            try:
                if not self.streaming:
                    return CAMKIT_INTERRUPTED
                self.stale.store(False)
                try:
                    self._look()
                except BaseException:
                    self.stale.store(True)  # the next one who reads shall learn of it too
                    raise
            finally:
                self.lock.release()
        if self.driver == NULL:
            # Without a signal after a stream that could not begin anew there is nothing to wait for but time.
            self.stale.store(True)
            p.fd, p.events = self.bell, POLLIN
            if c_poll(&p, 1, 100 if timeout_ns < 0 else <int>min(timeout_ns // 1000000, <int64_t>100)) > 0:
                drain(self.bell)
                return CAMKIT_INTERRUPTED
        return CAMKIT_TIMEOUT

    # Take note of what the device has been set to.
    cdef int _settle(self, agreed) except -1:
        cdef Device d = self.device
        cdef PixelFormat f = agreed.format
        self.rate = agreed.rate
        code, width, height = d.current()
        self.agreed = code, width, height, d.layout
        self.picture = picture_of(d, f, width, height)
        self.trials = Trials(d.path, self.request.options.get("io", "auto"), self._capabilities(),
                             self.request.options.get("memory"))
        c = self.picture.colour
        self.stream = StreamInfo(
            f.name, code_text(code), width, height, 0 if f.compressed else d.stride(0),
            None if self.rate is None else float(self.rate), "heap" if d.overwrites else self.trials.memory,
            self.request.buffers, PRIMARIES[c.primaries], TRANSFERS[c.transfer], MATRICES[c.matrix], RANGES[c.range],
            field=d.field, differences=agreed.differences, memories=d.planes())
        self.prepare(d.image_bytes())
        return 0

    # V4L2_BUF_CAP_* of the queue; 0: the driver does not tell.
    cdef uint32_t _capabilities(self) noexcept:
        cdef uint32_t none = 0, found = 0
        return 0 if request_buffers(self.device.fd, self.device.kind, V4L2_MEMORY_MMAP, &none, &found) else found

    # Another program may have set the device to something else while we did not stream.
    cdef int _check_format(self) except -1:
        cdef Device d = self.device
        same = (*d.current(), d.layout) == self.agreed or (*d.set_format(*self.agreed[:3]), d.layout) == self.agreed
        if not same or (self.rate is not None and d.set_rate(self.rate) != self.rate):
            raise FormatNotSupported(f"cannot start {d.path!r}: it does not offer {self.stream} any more; "
                                     "open it again")
        return 0

    cdef int _end(self) noexcept:
        cdef driver_stream *s = self.driver
        cdef frame_pool *pool = self.pool
        cdef int fd, kind
        cdef uint32_t none = 0, memory
        self.unwatched = -1
        if s == NULL:
            return 0
        fd, kind, memory = s.fd, s.kind, s.memory
        if inherited(s):
            # The driver takes us for our parent. The pool stays as it is: other threads of his may be in it for ever.
            self.watch.abandon()
            self.pool = NULL
            self.driver = NULL
            return 0
        if self.metadata is not None:
            self.metadata.end()
        self.pool = NULL  # whoever counts its slots, with the GIL, finds none
        with nogil:
            # Who interrupts would write to a descriptor that is closed, or another's by now.
            self.ringing.close_and_wait()
            self.watch.stop()
            self.ringing.open()
            pool.stop()
            ioctl_errno(fd, VIDIOC_STREAMOFF, &kind)
            self.driver = NULL
            # Before the driver frees its buffers, so that an old one finds no mapping in its way.
            pool.unref()
            self.stuck = request_buffers(fd, kind, memory, &none, NULL) == EBUSY
        return 0
