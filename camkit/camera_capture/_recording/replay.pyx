"""ReplayBackend: a recording as a camera."""

from cpython.buffer cimport PyBUF_WRITE
from cpython.memoryview cimport PyMemoryView_FromMemory
from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint64_t
from libc.string cimport memset

from camkit.camera_capture._recording.frame_record cimport from_record
from camkit.camera_capture._timed cimport TimedBackend
from camkit.memory_manager._abi cimport (
    CAMKIT_CLOCK_COPY,
    CAMKIT_CLOCK_MONOTONIC,
    CAMKIT_END,
    CAMKIT_FRAME_DISCONTINUITY,
    CAMKIT_INTERRUPTED,
    CAMKIT_MEMORY_FOREIGN,
    CAMKIT_MEMORY_HEAP,
    CAMKIT_OK,
    CAMKIT_TIMEOUT,
    camkit_frame,
    camkit_frame_release,
    now_ns,
)
from camkit.memory_manager._format cimport PixelFormat_of
from camkit.memory_manager._pool cimport FramePool

import errno
from dataclasses import replace
from functools import partial
from numbers import Real

from camkit import errors
from camkit.camera_capture._recording.find import open_recording
from camkit.camera_capture.info import StreamInfo, check_choice
from camkit.camera_capture._recording.damage import ChunkDamaged, Damage
from camkit.camera_capture.lender import check_lender, lent_pool
from camkit.memory_manager._checks import shown
from camkit.memory_manager._format import FORMATS
from camkit.memory_manager._description import CLOCKS, MATRICES, MEMORIES, PRIMARIES, RANGES, STAMPS, TRANSFERS

TIMES = ("recorded", "now")
DAMAGE = ("raise", "skip")
cdef int64_t LOOK_NS = 1_000_000
CAUSES = ("driver", "corrupt", "pool", "pipeline")
NAP_NS = 500_000
MOST = (1 << 63) - 1


cdef class ReplayBackend(TimedBackend):
    """Play a recording: the same pixels, padding included, numbers, gaps, times, colours, flags and driver's words.

    No frame is lost in playing: a reader that comes late gets what came due, in order. What the recorded camera lost is
    in the frames' gaps and in the counters, by cause; frames that never came to the file count as the driver's. The
    error that ended the recording is raised at its end.

    Options
    -------
    memory : FramePool or callable
        As for `camkit.open`.
    realtime : bool
        False: a frame is ready whenever one is asked for. Default: as far apart as they were.
    loop : bool
        Begin anew at the end, for ever. Numbers and times go on; each first frame is marked as a discontinuity.
    start : float
        Seconds from the first frame on that are left out.
    times : {"recorded", "now"}
        Recorded times are those of another run, perhaps of another machine: the frames' clock is then `copy`. "now"
        shifts them to this machine's clock, as if the frames were captured now.
    damage : {"raise", "skip"}
        Whether damage is an error, RecordingDamaged, after the last whole frame before it, or is passed over and told
        by `explain()` and `damages`.
    faults : bool
        Whether the error that ended the recording is raised. False: the stream just ends.

    Thread-safety and ownership are those of `Backend`.
    """

    def __cinit__(self):
        self.upcoming = NEXT_NOTHING
        self.damages = []

    def __init__(self, info, request):
        super().__init__(info, request)
        self._take_options(**request.options)
        self.recording = open_recording(info.path)
        try:
            self._negotiate()
            self.prepare(self.recording.largest)
        except BaseException:
            self.recording.close()  # else for as long as somebody looks at the error
            raise

    def explain(self):
        """Tell in words what is played, how, and what was damaged."""
        how = "in real time" if self.realtime else "as fast as it is read"
        words = [super().explain(), self.recording.describe(), f"played {how}"]
        if self.loop:
            words.append("again and again")
        if self.skip_s:
            words.append(f"from {self.skip_s:g} s on")
        words.append("times shifted to now" if self.shifted else "times as recorded")
        words += [f"damaged: {damage}" for damage in self.damages if damage is not self.recording.damage]
        return "; ".join(words)

    def _take_options(self, *, memory=None, realtime=True, loop=False, start=0.0, times="recorded", damage="raise",
                      faults=True):
        for name, value in (("realtime", realtime), ("loop", loop), ("faults", faults)):
            if not isinstance(value, bool):
                raise TypeError(f"{name} is {shown(value)}, not a bool")
        if isinstance(start, bool) or not isinstance(start, Real):
            raise TypeError(f"start is {shown(start)}, not a number of seconds")
        if not 0 <= start <= 1e9:
            raise ValueError(f"start is {shown(start)}, not from 0 to 1e9 seconds")
        self.lender = None if memory is None else check_lender(memory)
        self.memory = CAMKIT_MEMORY_HEAP if memory is None else CAMKIT_MEMORY_FOREIGN
        self.realtime, self.loop, self.faults, self.skip_s = realtime, loop, faults, start
        self.shifted = check_choice("times", times, TIMES) == "now"
        self.skips = check_choice("damage", damage, DAMAGE) == "skip"

    def _negotiate(self):
        asked, told = self.request, self.recording.facts.get("stream") or {}
        first = self.recording.first()
        if first is None and not _is_stream(told):
            raise errors.CameraNotFound(errno.EINVAL, f"no frame to play: {self.recording.describe()}", self.name)
        record = first.record if first is not None else None
        fps = told.get("fps")
        # The frames are believed rather than the camera: a stage may have made others of them.
        format = record["format"] if record else told["format"]
        size = (record["width"], record["height"]) if record else (told["width"], told["height"])
        stride = record["planes"][0]["stride"] if record else told["stride"]
        colour = record["colour"] if record else {}
        differences = asked.settle(self.info, format, size, fps)
        clock = CLOCKS[record["clock"]] if record else told["clock"]
        self.stream = StreamInfo(
            format, FORMATS[format].fourcc, *size, stride, fps, MEMORIES[self.memory], asked.buffers,
            PRIMARIES.get(colour.get("primaries"), "unknown"), TRANSFERS.get(colour.get("transfer"), "unknown"),
            MATRICES.get(colour.get("matrix"), "unknown"), RANGES.get(colour.get("range"), "unknown"),
            clock if self.shifted or clock != "monotonic" else "copy",
            STAMPS[record["stamp"]] if record else told["stamp"], differences, told.get("field", "progressive"))
        self.layout = list(FORMATS).index(format), *size, stride
        self.pause_ns = <int64_t>(1e9 / fps) if fps else 0

    cdef int prepare(self, size_t image_bytes) except -1:
        try:
            return TimedBackend.prepare(self, image_bytes)
        except MemoryError:
            raise self._too_large() from None

    def _too_large(self):
        """Return the error of a recording whose frames need more memory than there is."""
        return errors.CameraError(
            errno.ENOMEM, f"no memory for {self.stream.buffers} frames of {self.recording.largest} bytes, which its "
            "largest chunk has: take fewer buffers, unless the file is damaged", self.name)

    cdef int stream_on(self) except -1:
        lender = self.lender or partial(FramePool, prefault=False)
        try:
            self.pool = lent_pool(lender, self.stream.buffers, max(self.recording.largest, 1), self.name)
        except MemoryError as error:
            raise self._too_large() from error
        self.base = self.highest = 0
        self.pass_ns = 0
        self._begin_pass()
        return 0

    def _ring(self):
        return <size_t>self.pool.pool if self.pool is not None else 0

    cdef int stream_off(self) except -1:
        self.pool = self.walk = self.item = None
        self.upcoming = NEXT_NOTHING
        return 0

    cdef int give_up(self) except -1:
        if self.recording is not None:
            self.recording.close()
        return 0

    def _begin_pass(self):
        self.walk = self.recording.walk(self.skip_s)
        self.end = None
        self.passed = 0
        memset(self.told, 0, sizeof(self.told))
        self.upcoming = NEXT_UNKNOWN

    cdef int dequeue(self, camkit_frame **out, int64_t timeout_ns) except -1 nogil:
        cdef int64_t now = now_ns(), end = now + timeout_ns if timeout_ns >= 0 else INT64_MAX
        cdef camkit_frame *f
        cdef int answer
        while True:
            if self.interrupted.load():
                return CAMKIT_INTERRUPTED
            if self.upcoming == NEXT_UNKNOWN:
                with gil:
                    self.advance()
                continue
            if self.upcoming == NEXT_NOTHING:
                return CAMKIT_END
            if self.due <= now:
                if self.upcoming == NEXT_TROUBLE:
                    self.upcoming = NEXT_UNKNOWN
                    with gil:
                        raise self.item
                with gil:
                    f = self.load()
                if f != NULL:
                    out[0] = f
                    return CAMKIT_OK
                continue
            answer = self.doze(self.due, end, &now)
            if answer != CAMKIT_OK:
                return answer

    cdef int wait_for_buffer(self, int64_t timeout_ns) except -1 nogil:
        # Slots of a FramePool come back without a word, and no device waits for us meanwhile: look now and then.
        cdef int answer = TimedBackend.wait_for_buffer(self, min(timeout_ns, LOOK_NS))
        if answer == CAMKIT_TIMEOUT and (timeout_ns > LOOK_NS or self.queued() > self.reserve):
            return CAMKIT_OK
        return answer

    cdef int queued(self) noexcept nogil:
        return self.pool.pool.slots.free_count()

    cdef uint64_t number(self, camkit_frame *f) noexcept nogil:
        cdef uint64_t lost = self.count_losses()
        self.sequence = f.sequence  # common code names it
        if not self.shifted:
            f.dequeue_ns = self.had_ns
        return lost

    cdef uint64_t count_losses(self) noexcept nogil:
        self.counters.driver += self.missing[0] + self.missing[3]
        self.counters.corrupt += self.missing[1]
        self.counters.pool += self.missing[2]
        return self.missing[0] + self.missing[1] + self.missing[2] + self.missing[3]

    # Find out what comes next, and when.
    cdef int advance(self) except -1:
        item = self.item = next(self.walk, None)
        if item is None:
            self.finish_pass()
        elif isinstance(item, Damage):
            self._take_damage(item)
        elif not isinstance(item, dict):
            self.upcoming = NEXT_FRAME
            if not self.passed:
                self.first_ns = item.record["dequeue_ns"]
                if not self.base:
                    self.began = now_ns()
            self.plan(item.record["dequeue_ns"])
        elif item.get("kind") == "end":
            self.end = item
        elif item.get("kind") == "error" and self.faults:
            self.item = self._recorded_error(item)
            self.upcoming = NEXT_TROUBLE
            self.plan(_integer(item.get("time_ns"), MOST))
        elif item.get("kind") != "error":
            self._tell(**item)
        return 0

    cdef int plan(self, int64_t time_ns) except -1:
        cdef int64_t apart = time_ns - self.first_ns if time_ns > self.first_ns else 0
        self.due = 0
        if self.realtime and self.passed + self.base and apart < INT64_MAX - self.began:
            self.due = self.began + apart
        return 0

    cdef int finish_pass(self) except -1:
        cdef int64_t lasted
        self.upcoming = NEXT_NOTHING
        # The account knows what was lost behind the last frame too, and the cause where a frame could not tell it. Less
        # of a cause than was told takes back what was counted: the numbers wrap back to where they were.
        if self.end is not None and not self.damages and not self.skip_s:
            account = self.end.get("dropped")
            for i in range(4):
                self.missing[i] = _integer(account.get(CAUSES[i]), 1 << 62) if isinstance(account, dict) else 0
                self.missing[i] -= self.told[i]
            self.counters.captured += self.count_losses()
        if self.loop and self.passed:
            lasted = add(self.had_ns, -self.pass_ns) - self.first_ns + self.pause_ns
            self.base = self.highest + 1
            self.pass_ns += lasted
            self.began += lasted
            self._begin_pass()
        return 0

    # The frame whose turn it is; NULL if there is none after all, and something else comes next.
    cdef camkit_frame *load(self) except? NULL:
        item = self.item
        cdef camkit_frame *f = self.pool.take()
        if f == NULL:
            self.due = now_ns() + NAP_NS
            return NULL
        self.upcoming = NEXT_UNKNOWN
        try:
            if item.size > self.pool.slot_bytes:
                raise ValueError(f"frame {item.record['sequence']} has {item.size} bytes, more than its chunk")
            item.load(PyMemoryView_FromMemory(<char *>f.planes[0].data, self.pool.slot_bytes, PyBUF_WRITE))
            from_record(f, item.record, f.planes[0].data, item.size)
        except (ChunkDamaged, ValueError) as error:
            camkit_frame_release(f)
            last = self.highest - self.base if self.passed else None
            self._take_damage(self.recording.damage_here(str(error), last))
            return NULL
        except BaseException:
            camkit_frame_release(f)
            raise
        self.count_missing(f, item.record["lost"])
        if (f.format, f.width, f.height, f.planes[0].stride) != self.layout:
            self.follow(f)
        f.memory = <uint8_t>self.memory
        if self.base and not self.passed:
            f.flags |= CAMKIT_FRAME_DISCONTINUITY
        f.sequence += self.base
        self.highest = f.sequence
        self.passed += 1
        f.generation += self.generation - 1
        self.place_in_time(f)
        return f

    cdef int count_missing(self, camkit_frame *f, dict lost) except -1:
        cdef uint64_t gap = 0, expected = self.highest - self.base + 1
        for i in range(4):
            self.missing[i] = lost[CAUSES[i]]
            self.told[i] += self.missing[i]
            gap += self.missing[i]
        # Frames that damage has taken.
        if self.passed and f.generation == self.last_generation and f.sequence > expected + gap and self.damages:
            self.missing[3] += f.sequence - expected - gap
        self.last_generation = f.generation
        return 0

    cdef void place_in_time(self, camkit_frame *f) noexcept nogil:
        cdef int64_t shift = self.pass_ns
        self.had_ns = add(f.dequeue_ns, self.pass_ns)
        if self.shifted:
            shift = add(self.began if self.realtime else now_ns(), -(self.first_ns if self.realtime else f.dequeue_ns))
        elif f.clock == CAMKIT_CLOCK_MONOTONIC:
            # That clock was another machine's, or ran at another time: no latency may be computed with it.
            f.clock = CAMKIT_CLOCK_COPY
        f.timestamp_ns = add(f.timestamp_ns, shift)
        if f.hardware_ns:
            f.hardware_ns = add(f.hardware_ns, shift)

    def _tell(self, kind="unknown", time_ns=0, **fields):
        self.events.add(str(kind), add(_integer(time_ns, MOST), self.pass_ns), **fields)

    # The recorded stream went on as another.
    cdef int follow(self, camkit_frame *f) except -1:
        s = self.stream
        row = PixelFormat_of(f.format)
        self.stream = replace(s, format=row.name, fourcc=row.fourcc, width=f.width, height=f.height,
                              stride=f.planes[0].stride)
        self.layout = f.format, f.width, f.height, f.planes[0].stride
        return self.prepare(self.recording.largest)

    def _take_damage(self, damage):
        self.damages.append(damage)
        self.upcoming = NEXT_UNKNOWN
        if not self.skips:
            self.item = errors.RecordingDamaged(
                errno.EIO, f'the recording is damaged: {damage}; damage="skip" plays what can be read', self.name)
            self.upcoming = NEXT_TROUBLE
            self.due = 0
            self.walk = iter(())

    def _recorded_error(self, event):
        kind = getattr(errors, str(event.get("type")), None)
        if not (isinstance(kind, type) and issubclass(kind, errors.CamkitError)):
            kind = errors.CameraError
        words = f"{event.get('message')} (as recorded)"
        if issubclass(kind, OSError):
            return kind(_integer(event.get("errno"), 4095) or errno.EIO, words, self.name)
        return kind(words)


# Without a frame there is only what the file says of its camera, where any byte may be damaged.
def _is_stream(told):
    return (isinstance(told.get("format"), str) and told["format"] in FORMATS
            and all(_integer(told.get(name), 65536) for name in ("width", "height"))
            and isinstance(told.get("stride"), int) and 0 <= told["stride"] < 1 << 31
            and told.get("clock") in CLOCKS and told.get("stamp") in STAMPS)


# Numbers of a recording may be any: what does not fit wraps, as the drivers' own do.
cdef int64_t add(int64_t a, int64_t b) noexcept nogil:
    return <int64_t>(<uint64_t>a + <uint64_t>b)


def _integer(value, most):
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most else 0
