"""Backend: what all cameras have in common once a driver hands buffers over."""

from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int64_t, uint32_t, uint64_t

from camkit.memory_manager._abi cimport (
    CAMKIT_CLOCK_MONOTONIC,
    CAMKIT_CLOCK_UNKNOWN,
    CAMKIT_DROP,
    CAMKIT_END,
    CAMKIT_FRAME_COPY,
    CAMKIT_FRAME_CORRUPT,
    CAMKIT_FRAME_DISCONTINUITY,
    CAMKIT_FULL,
    CAMKIT_INTERRUPTED,
    CAMKIT_OK,
    CAMKIT_TIMEOUT,
    camkit_frame,
    camkit_frame_release,
    copy_description,
    copy_pixels,
    now_ns,
    one_clock,
)
from camkit.memory_manager._frame cimport Frame, Frame_wrap
from camkit.memory_manager._pool cimport FramePool
from camkit.performance_core._stage cimport Source

import atexit
import contextlib
import errno
import os
import threading
from dataclasses import replace
from weakref import WeakSet, ref

from camkit.camera_capture.events import Events
from camkit.errors import CameraError, CameraTimeout, PoolExhausted, SettingNotSupported
from camkit.performance_core.negotiate import FrameSpec

cdef extern from "pythread.h" nogil:
    unsigned long PyThread_get_thread_ident()

cdef int64_t FOREVER = <int64_t>1 << 62
cdef int64_t SLICE = 100_000_000  # ns that a wait may keep Python's signal handlers waiting

_policies = {"copy": EXHAUSTED_COPY, "drop": EXHAUSTED_DROP, "block": EXHAUSTED_BLOCK, "raise": EXHAUSTED_RAISE}
_live = WeakSet()
_ending = False  # the interpreter is


def live_backends():
    """Return the backends of this process that may be open."""
    return list(_live)


def end_thread_at_exit():
    """End a daemon thread without a word whose camera was closed because the interpreter ends: SystemExit."""
    if _ending and threading.current_thread() is not threading.main_thread():
        raise SystemExit


@atexit.register
def _close_all():
    global _ending
    _ending = True
    # A thread that still waits in a driver while the interpreter is torn down could only end badly.
    for backend in live_backends():
        with contextlib.suppress(OSError):
            backend.close()


def _forget_threads():
    # A child has none of the threads that its parent has in a camera, and would wait for them for ever.
    for backend in live_backends():
        backend._forget_threads()
    _live.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_threads)


cdef class Backend(Source):
    """Turn a driver's buffers into frames: number them, count what is lost and why, keep the driver in buffers.

    Owns the device. `start`, `stop`, `close` and the properties may be called from any thread, `next` and `read` from
    one at a time, and `read` by nobody while a pipeline runs on the camera. An abandoned backend gives everything up by
    itself; frames that are out stay valid in any case.

    Parameters
    ----------
    info : CameraInfo
        Camera to open.
    request : Request
        What is asked of it.
    """

    def __cinit__(self):
        self.inside = new gate(True)
        self.lock = threading.RLock()

    def __init__(self, info, request):
        if self.info is not None:
            raise RuntimeError(f"camera {self.name!r} is open: it cannot be made a second time")
        super().__init__(str(info))
        self.info = info
        self.request = request
        self.events = Events()

    def __dealloc__(self):
        if self.kept != NULL:
            camkit_frame_release(self.kept)
        del self.inside

    def __repr__(self):
        state = "closed" if self.closed else "streaming" if self.streaming else "open"
        return f"<{type(self).__name__} {self.name} {self.stream} {state}>"

    def attach(self, pipeline):
        """Hear which pipeline takes the frames: while it runs nobody else may."""
        self.user = ref(pipeline)

    def start(self):
        """Begin to stream; harmless while it streams. Each stream counts frames from its own beginning.

        Raises
        ------
        ValueError
            The camera is closed.
        CameraError
            The camera refused.
        """
        with self.lock:
            if self.closed:
                raise ValueError(f"camera {self.name!r} is closed")
            if self.streaming:
                return
            self.generation += 1
            self.first = True
            self.recount = self.discontinuous = False
            self.lost = 0
            self.waiting_since = 0
            self.interrupted.store(False)
            self.stream_on()
            self.streaming = True
            self.inside.open()

    def stop(self):
        """End the stream; harmless when there is none. A `read` in another thread ends too; frames stay valid."""
        with self.lock:
            self._check_outside("stop")
            self.end_stream()

    def close(self):
        """End the stream and let the device go; harmless when that was done. Frames stay valid."""
        with self.lock:
            if self.closed:
                return
            self._check_outside("close")
            self.closed = True
            try:
                self.end_stream()
            finally:
                self.events.close()
                self.give_up()

    def read(self, timeout=None):
        """Wait for the next frame.

        Python's signal handlers run while it waits, so Ctrl-C works.

        Parameters
        ----------
        timeout : float, optional
            Seconds; 0 looks only. Default: until a frame comes or the stall limit given to `open` is over.

        Returns
        -------
        Frame or None
            None: the stream is over, was stopped or never started.

        Raises
        ------
        CameraTimeout
            No frame within the time.
        PoolExhausted
            `on_exhausted` is "raise" and the caller holds too many frames.
        CameraError
            The camera failed.
        RuntimeError
            Another thread is reading, or a pipeline runs on the camera.
        """
        cdef camkit_frame *c = NULL
        cdef int64_t limit = -1, begun = 0, part = -1
        cdef int answer
        self._check_unused()
        if timeout is not None:
            limit = _nanoseconds(timeout)
            begun = now_ns()
        while True:
            if limit >= 0:
                part = min(SLICE, max(begun + limit - now_ns(), <int64_t>0))
            with nogil:
                answer = self.next(&c, part)
            if answer == CAMKIT_OK:
                return Frame_wrap(c)
            if answer == CAMKIT_END:
                return None
            PyErr_CheckSignals()
            if limit >= 0 and now_ns() - begun >= limit:
                raise CameraTimeout(errno.ETIMEDOUT, f"no frame within {timeout:g} s", self.name)

    def read_until_woken(self):
        """Wait for the next frame as `read` does, or until `wake` is called, which may have been before.

        Returns
        -------
        Frame, None or False
            None as for `read`; False: it was woken.

        Raises
        ------
        As `read`.
        """
        cdef camkit_frame *c = NULL
        cdef int answer = CAMKIT_TIMEOUT
        self._check_unused()
        while answer == CAMKIT_TIMEOUT:
            with nogil:
                answer = self.next(&c, -1)
        if answer == CAMKIT_OK:
            return Frame_wrap(c)
        return None if answer == CAMKIT_END else False

    def take_back(self, Frame frame not None):
        """Have a frame that was read, and that its reader never saw, for the next one to be read.

        When the stream has ended meanwhile, or somebody reads already, it is counted as `aborted` instead.
        """
        cdef camkit_frame *c = frame.share()
        with self.lock:
            if self.streaming and c.generation == self.generation and not self.reading.exchange(True):
                if self.kept == NULL:
                    self.kept = c
                    c = NULL
                self.reading.store(False)
            if c != NULL:
                camkit_frame_release(c)
                self.counters.taken -= 1
                self.counters.aborted += 1

    def stats(self):
        """As of a Source; `outages` and `outage_s`: how often, and how long in all, the camera was waited for.

        Returns
        -------
        SourceStats
        """
        away = self.outage_ns + (now_ns() - self.outage_since if self.outage_since else 0)
        return replace(super().stats(), outages=self.outages, outage_s=away / 1e9)

    def negotiate(self, frames):
        """Tell what frames the camera delivers; as of a Node."""
        s = self.stream
        return FrameSpec(s.format, (s.width, s.height), s.stride or None)

    def control_node(self):
        """Return what reads and sets the camera's controls; None, as here: it has none."""

    def grow(self, count):
        """Add `count` buffers to the ring while it streams; see `Camera.grow`."""
        raise CameraError(errno.EOPNOTSUPP, "its ring cannot grow while it streams; open it with more buffers",
                          self.name)

    def settings(self):
        """Return what tells of inputs, timings and the like; None, as here: the camera has none of that."""

    def select(self, target, rect):
        """Set the `crop` or `compose` rectangle; raises SettingNotSupported, as here, where there is none."""
        raise SettingNotSupported(f"cannot set the {target} of camera {self.name!r}: it has none")

    def explain(self):
        """Tell in words what the camera delivers, what is not as asked, and what happened to the frames so far.

        Returns
        -------
        str
        """
        s = self.stream
        words = [f"{self.info.name} ({self.name}, {self.info.driver}): {s}, {s.buffers} buffers in {s.memory} memory"]
        words += [f"{what} {got} instead of {asked}" for what, (asked, got) in s.differences.items()]
        c = self.counters
        if c.captured:
            words.append(f"{c.captured} frames captured, {c.taken} taken, lost {c.driver} in the driver, {c.corrupt} "
                         f"corrupt and {c.pool} for want of a buffer")
        if c.copies:
            words.append(f"{c.copies} copied because the caller held more than {s.buffers - self.reserve} buffers")
        if self.false_stamps:
            words.append(f"{self.false_stamps} timestamps were not of the clock that the driver names")
        return "; ".join(words)

    def _forget_threads(self):
        cdef gate *left = self.inside
        self.inside = new gate(not left.is_open())
        del left
        self.reading.store(False)
        self.reader.store(0)
        self.lock = threading.RLock()

    # A signal handler or a listener may run in the midst of next(), which would wait for itself.
    cdef int _check_outside(self, str what) except -1:
        if self.reader.load() == PyThread_get_thread_ident():
            raise RuntimeError(f"cannot {what} camera {self.name!r} from within its own read: a signal handler or "
                               "listener that ran there must leave that to others, or raise an error")
        return 0

    # The frame would be missing in the pipeline's account.
    cdef int _check_unused(self) except -1:
        pipeline = None if self.user is None else self.user()
        if pipeline is not None and pipeline.running:
            raise RuntimeError(f"camera {self.name!r} is read by {pipeline!r}: stop that first, or give it a stage "
                               "that takes the frames")
        return 0

    cdef int next(self, camkit_frame **out, int64_t timeout_ns) except -1 nogil:
        if not self.inside.enter():
            return CAMKIT_END
        try:
            if self.reading.exchange(True):
                raise RuntimeError(f"cannot read from camera {self.name!r}: another thread is reading from it")
            self.reader.store(PyThread_get_thread_ident())
            try:
                if self.kept != NULL:
                    out[0] = self.kept
                    self.kept = NULL
                    return CAMKIT_OK
                return self.fetch(out, timeout_ns)
            finally:
                self.reader.store(0)
                self.reading.store(False)
        finally:
            self.inside.leave()

    cdef void interrupt(self) noexcept nogil:
        self.interrupted.store(True)
        self.unblock()

    cdef int prepare(self, size_t image_bytes) except -1:
        request, stream = self.request, self.stream
        self.on_exhausted = _policies[request.on_exhausted]
        self.drop_corrupt = request.corrupt == "drop"
        self.reserve = 2 if stream.buffers >= 4 else 1
        self.stall_ns = 0 if request.timeout is None else <int64_t>(request.timeout * 1e9)
        if self.on_exhausted == EXHAUSTED_COPY:
            size = stream.width, stream.height
            # Without padding, whatever the driver's rows have: only a compressed picture needs to be told its bytes.
            room = None if stream.stride else image_bytes
            self.spare = FramePool(stream.buffers, room, format=stream.format, size=size)
        _live.add(self)
        return 0

    cdef int fetch(self, camkit_frame **out, int64_t timeout_ns) except -1 nogil:
        cdef camkit_frame *f = NULL
        cdef int64_t now, begun, wait, slept = 0
        cdef int answer
        if timeout_ns < 0 or timeout_ns > FOREVER:
            # While frames flow and nobody has set a limit, not even the clock need be asked.
            # A short stall is for dequeue(), which comes back in time.
            if self.waiting_since == 0 and not self.interrupted.load() and (
                    self.stall_ns == 0 or self.stall_ns >= 2 * TAKE_NS) and (
                    self.on_exhausted != EXHAUSTED_BLOCK or self.queued() > self.reserve):
                answer = self.take(&f)
                if answer == CAMKIT_OK and self.arrived(&f) == CAMKIT_OK:
                    out[0] = f
                    return CAMKIT_OK
                if answer == CAMKIT_INTERRUPTED:
                    self.interrupted.store(False)
                if answer == CAMKIT_INTERRUPTED or answer == CAMKIT_END:
                    return answer
                if answer == CAMKIT_TIMEOUT:
                    slept = TAKE_NS
            timeout_ns = SLICE
        now = begun = now_ns()
        if self.waiting_since == 0:
            self.waiting_since = now - slept
        while True:
            wait = max(begun + timeout_ns - now, <int64_t>0)
            if self.stall_ns:
                wait = min(wait, max(self.waiting_since + self.stall_ns - now, <int64_t>0))
            if self.on_exhausted == EXHAUSTED_BLOCK and self.queued() <= self.reserve:
                answer = self.wait_for_buffer(wait)
                if answer == CAMKIT_OK:
                    now = now_ns()
                    continue
            else:
                answer = self.dequeue(&f, wait)
            if answer == CAMKIT_OK:
                if self.arrived(&f) == CAMKIT_OK:
                    self.waiting_since = 0
                    out[0] = f
                    return CAMKIT_OK
                # A source that never makes us wait would never tell of it.
                if self.interrupted.load():
                    answer = CAMKIT_INTERRUPTED
            elif answer == CAMKIT_END:
                return CAMKIT_END
            if answer == CAMKIT_INTERRUPTED:
                self.interrupted.store(False)
                return CAMKIT_INTERRUPTED
            now = now_ns()
            if self.stall_ns and now - self.waiting_since >= self.stall_ns:
                self.stalled()
            if now - begun >= timeout_ns:
                return CAMKIT_TIMEOUT

    # Number and count the frame that came, then hand it on, a copy of it, or CAMKIT_DROP.
    cdef int arrived(self, camkit_frame **frame) except -1 nogil:
        cdef camkit_frame *f = frame[0]
        cdef camkit_frame *copy
        cdef uint64_t gap
        cdef int64_t copied
        f.dequeue_ns = now_ns()
        if f.clock == CAMKIT_CLOCK_MONOTONIC and not one_clock(f.timestamp_ns, f.dequeue_ns):
            f.clock = CAMKIT_CLOCK_UNKNOWN
            self.false_stamps += 1
        gap = self.number(f)
        self.counters.captured += 1 + gap
        self.lost += gap
        if f.flags & CAMKIT_FRAME_CORRUPT and self.drop_corrupt:
            camkit_frame_release(f)
            self.counters.corrupt += 1
            self.lost += 1
            return CAMKIT_DROP
        if self.queued() < self.reserve:
            copy = self.spare.take() if self.on_exhausted == EXHAUSTED_COPY else NULL
            if copy != NULL:
                copy_description(copy, f)
                copied = copy_pixels(copy, f)
                if copied < 0:
                    camkit_frame_release(copy)
                    copy = NULL
                else:
                    copy.flags |= CAMKIT_FRAME_COPY
                    self.counters.copies += 1
                    self.counters.copied_bytes += <uint64_t>copied
            camkit_frame_release(f)
            if copy == NULL:
                self.counters.pool += 1
                self.lost += 1
                if self.on_exhausted == EXHAUSTED_RAISE:
                    raise PoolExhausted(
                        f"no buffer for frame {self.sequence} of camera {self.name!r}: the caller holds "
                        f"{self.stream.buffers - self.reserve} of {self.stream.buffers} and the camera needs the rest; "
                        'close frames earlier, open with more buffers, or with on_exhausted="copy"')
                return CAMKIT_DROP
            f = copy
        f.gap = self.lost
        self.lost = 0
        if self.discontinuous:
            self.discontinuous = False
            f.flags |= CAMKIT_FRAME_DISCONTINUITY
        self.counters.taken += 1
        if f.clock == CAMKIT_CLOCK_MONOTONIC:
            self.dequeue_latency.record(f.dequeue_ns - f.timestamp_ns)
        frame[0] = f
        return CAMKIT_OK

    cdef uint64_t number(self, camkit_frame *f) noexcept nogil:
        cdef uint32_t number = <uint32_t>f.sequence
        cdef uint32_t step = number - self.last_sequence
        cdef uint64_t gap = 0
        if self.first:
            self.first = False
            self.sequence = number
        elif self.recount:
            self.sequence += 1
        else:
            # A driver that does not count, or begins anew, steps by 0 or backwards: then nothing is known of a loss.
            if step != 0 and step < <uint32_t>1 << 31:
                gap = step - 1
            self.sequence += gap + 1
        self.recount = False
        self.last_sequence = number
        f.sequence = self.sequence
        self.counters.driver += gap
        return gap

    cdef void renew(self, uint64_t lost_frames) noexcept nogil:
        self.counters.captured += lost_frames
        self.counters.driver += lost_frames
        self.sequence += lost_frames
        self.lost += lost_frames
        self.recount = self.discontinuous = True

    cdef int stalled(self) except -1 nogil:
        cdef int left = self.queued()
        self.waiting_since = 0
        with gil:
            c = self.counters
            why = f"{c.captured} captured so far, of which {c.corrupt} corrupt, {c.pool} without a free buffer"
            if left < self.stream.buffers and left <= self.reserve:
                why += (f"; the caller holds {self.stream.buffers - left} of {self.stream.buffers} buffers: close "
                        "frames and drop their views")
            else:
                why += "; see to the camera and its cable, or open it with a longer timeout"
            raise CameraTimeout(errno.ETIMEDOUT, f"no frame for {self.stall_ns / 1e9:g} s: {why}", self.name)

    cdef int end_stream(self) except -1:
        if not self.streaming:
            return 0
        self.streaming = False
        self.inside.close()
        self.interrupt()
        with nogil:
            self.inside.close_and_wait()
        if self.kept != NULL:
            camkit_frame_release(self.kept)
            self.kept = NULL
            self.counters.taken -= 1
            self.counters.aborted += 1
        self.stream_off()
        return 0

    cdef int stream_on(self) except -1:
        raise NotImplementedError(f"{type(self).__name__} is a Backend without a stream_on()")

    cdef int stream_off(self) except -1:
        return 0

    cdef int give_up(self) except -1:
        return 0

    cdef int take(self, camkit_frame **out) except -1 nogil:
        return CAMKIT_FULL

    cdef int dequeue(self, camkit_frame **out, int64_t timeout_ns) except -1 nogil:
        raise NotImplementedError(f"{type(self).__name__} is a Backend without a dequeue()")

    cdef int queued(self) noexcept nogil:
        return 0

    cdef int wait_for_buffer(self, int64_t timeout_ns) except -1 nogil:
        raise NotImplementedError(f"{type(self).__name__} is a Backend without a wait_for_buffer()")

    cdef void unblock(self) noexcept nogil:
        pass


cdef int64_t _nanoseconds(timeout) except -1:
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)):
        raise TypeError(f"timeout is {timeout!r}, not a number of seconds")
    if not 0 <= timeout <= 1e9:
        raise ValueError(f"timeout is {timeout!r}, not from 0 to 1e9 seconds")
    return <int64_t>(timeout * 1e9)
