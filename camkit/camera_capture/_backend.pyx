"""Backend: a camera that is open: started, read, stopped and let go."""

from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int64_t

from camkit.camera_capture._intake cimport SLICE_NS, Intake
from camkit.memory_manager._abi cimport (
    CAMKIT_END,
    CAMKIT_OK,
    CAMKIT_TIMEOUT,
    camkit_frame,
    camkit_frame_release,
    now_ns,
)
from camkit.memory_manager._frame cimport Frame, Frame_wrap

import atexit
import contextlib
import errno
import os
import threading
from dataclasses import replace
from weakref import WeakSet, ref

from camkit.camera_capture.events import Events
from camkit.errors import CameraError, CameraTimeout, SettingNotSupported
from camkit.performance_core._places import places
from camkit.performance_core.negotiate import FrameSpec

cdef extern from "pythread.h" nogil:
    unsigned long PyThread_get_thread_ident()

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


cdef class Backend(Intake):
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
            self.begin()
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
                part = min(<int64_t>SLICE_NS, max(begun + limit - now_ns(), <int64_t>0))
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

    def slots(self, on_gpu=None):
        """As of a Source, of the driver's ring. Default of `on_gpu`: what the pipeline that it is attached to knows.

        Returns
        -------
        SlotCounts or None
            None: it does not stream, or begins or ends to just now.
        """
        pipeline = None if self.user is None else self.user()
        if on_gpu is None:
            on_gpu = frozenset() if pipeline is None else pipeline.frames_on_gpu()
        # Whoever has the lock may be waiting for a reader, which may be what asks.
        if not self.lock.acquire(blocking=False):
            return None
        try:
            ring = self._ring() if self.streaming else 0
            return places(ring, self.stream.buffers, on_gpu, streaming=True) if ring else None
        finally:
            self.lock.release()

    def _ring(self):
        # Address of the frame_pool whose first slots are the driver's buffers; 0, as here: there is none.
        return 0

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

    cdef int prepare(self, size_t image_bytes) except -1:
        self.equip(self.request, image_bytes)
        _live.add(self)
        return 0


cdef int64_t _nanoseconds(timeout) except -1:
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)):
        raise TypeError(f"timeout is {timeout!r}, not a number of seconds")
    if not 0 <= timeout <= 1e9:
        raise ValueError(f"timeout is {timeout!r}, not from 0 to 1e9 seconds")
    return <int64_t>(timeout * 1e9)
