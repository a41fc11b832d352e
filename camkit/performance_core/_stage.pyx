"""Stage: works on one frame after the other."""

cimport cython
from cpython.exc cimport PyErr_Occurred
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memset, strerror

from camkit.memory_manager._abi cimport (
    CAMKIT_BAD_FRAME,
    CAMKIT_DROP,
    CAMKIT_FRAME_READ_ONLY,
    CAMKIT_FULL,
    CAMKIT_OK,
    CAMKIT_TIMEOUT,
    camkit_format_row,
    camkit_frame,
    camkit_frame_release,
    copy_description,
    copy_pixels,
)
from camkit.memory_manager._format cimport PixelFormat, PixelFormat_of
from camkit.performance_core._node cimport Node

from camkit.errors import FormatMismatch, StageError
from camkit.memory_manager._checks import check_int
from camkit.performance_core.negotiate import FrameSpec, declared, mismatch, words
from camkit.performance_core.node_stats import StageStats

cdef int64_t SLICE_NS = 100_000_000  # a stage that waits for a slot comes back this often, to be told that it is over

ctypedef int (*work_method)(Stage, camkit_frame *, camkit_frame *) noexcept nogil


cdef class Stage(Node):
    """Work on one frame after the other. Subclass in Cython and override `work`, or `process` for the whole way.

    The contract, which is that of functions given to `PyStage` and `CStage` too:

    - The frame is lent for the time of the call. What keeps it longer takes a reference of its own.
    - Its pixels may be changed only by a stage that was made with `writes`: it gets a frame that nobody else holds and
      that is writable, copied first where that is not so (counted in `stats`).
    - A stage with an `output` gets a free slot beside the frame, with its times, number and colour, and writes its
      picture there. It takes the frame's place in the pipeline.
    - A frame that is of no use is reported (CAMKIT_BAD_FRAME, in Python `camkit.BadFrame`), counted, and the pipeline
      goes on. An exception stops it and reaches the caller.
    - Formats are agreed on before the first frame where they are known (`negotiate`), else with it. Frames of another
      format in mid-run are agreed on again: `FormatMismatch` stops the run if the stage does not take them, and the
      slots are made anew if it does.

    Thread-safety as for `Node`.

    Parameters
    ----------
    name : str, optional
    inputs : str, PixelFormat, FrameSpec or several of them, optional
        What it takes. Default: anything.
    output : str, PixelFormat, FrameSpec or function, optional
        What it makes, in slots of its own: what a FrameSpec leaves open is as in the frames that come, and a function
        gets their FrameSpec and returns that of the output. Default: it makes no pictures.
    writes : bool, optional
        It changes pixels in place.
    slots : int, optional
        Pictures that it may have under way, 1 to 64, for its output or its copies.
    when_dry : {"block", "drop"}
        What happens when all of them are held downstream: wait for one, or lose the frame, counted as `pool`.

    Raises
    ------
    TypeError, ValueError
        An argument that means nothing; the message names it.
    FormatNotSupported
        There is no such format.
    """

    def __cinit__(self):
        self.inputs = ()
        self.slots = 6
        self.when_dry, self.waits = "block", True

    def __init__(self, name=None, *, inputs=None, output=None, writes=False, slots=6, when_dry="block"):
        super().__init__(name)
        if writes and output is not None:
            raise ValueError("a stage either writes into the frame that comes or has an output of its own, not both")
        if when_dry not in ("block", "drop"):
            raise ValueError(f"when_dry is {when_dry!r}, not 'block' or 'drop'")
        self.inputs = declared(inputs, "inputs")
        if output is not None and not callable(output):
            made = declared(output, "output")
            if len(made) != 1:
                raise ValueError(f"output is {output!r}: a stage makes frames of one kind")
            output = made[0]
        self.output = output
        self.writes = bool(writes)
        self.slots = check_int("slots", slots, 1, 64)
        self.when_dry, self.waits = when_dry, when_dry == "block"
        self.checks = self.inputs or self.writes or self.output is not None

    def __dealloc__(self):
        if self.pool != NULL:
            self.pool.unref()

    def attach(self, pipeline):
        """Begin to count anew."""
        memset(&self.counters, 0, sizeof(self.counters))

    def start(self):
        """Make the slots that the output, or copies, will need, where the format is known by now."""
        if self.agreed is not None and self.agreed.known and not self.format_is(self.agreed):
            self.make_pool(self.agreed, 0)

    def negotiate(self, frames):
        """As of a Node. Where nothing is declared, what goes on from here is not known."""
        if frames is not None and self.inputs and not any(each.fits(frames) for each in self.inputs):
            raise mismatch(self, self.inputs, frames)
        given = self.gives(frames)
        with cython.critical_section(self):
            self.agreed, self.given = frames, given
        return given

    def gives(self, frames):
        """Return the FrameSpec of what goes on from here when `frames` come; None: not known."""
        if self.writes:
            return frames
        if not callable(self.output):
            return None if self.output is None else self.output.of(frames)
        given = None if frames is None else self.output(frames)
        if given is not None and not isinstance(given, FrameSpec):
            raise TypeError(f"output of stage {self.name!r} is a function that returned a {type(given).__name__}, not "
                            "a FrameSpec")
        return given

    def stats(self):
        """Frames lost in this stage by cause, and the copies made, in this run or in the last.

        Returns
        -------
        StageStats
        """
        c = self.counters
        return StageStats(c.bad, c.pool, c.copies, c.copied_bytes)

    def explain(self):
        """Tell what the stage takes and gives, in whose memory, and what became of frames in it."""
        c = self.counters
        what = ["changes frames in place" if self.writes else repr(self) if self.output is None else "makes new frames"]
        if self.inputs:
            what.append(f"takes {words(self.inputs)}")
        slots = most = 0
        with cython.critical_section(self):
            given = self.given
            if self.pool != NULL:
                slots, most = self.pool.capacity(), self.pool.high_water()
        if slots:
            use = f"{given} in" if self.output is not None else "copies in"
            what.append(f"{use} {slots} slots, at most {most} in use; when dry: {self.when_dry}")
        if c.copies:
            what.append(f"{c.copies} frames copied first ({c.copied_bytes} bytes), as others held them or they could "
                        "not be written")
        if c.pool:
            what.append(f"{c.pool} lost for want of a slot")
        if c.bad:
            what.append(f"{c.bad} bad, the last: {self.last_bad()}")
        return "; ".join(what)

    def holders(self):
        """Tell who holds the stage's slots now, if it knows: tuple of SlotHolder. Any thread."""
        return ()

    def last_bad(self):
        """Return why the latest bad frame was bad."""
        why = self.why_bad.decode() if self.why_bad != NULL else "the stage did not say why"
        return f"frame {self.bad_sequence}: {why}"

    cdef int work(self, camkit_frame *frame, camkit_frame *out) except -1 nogil:
        with gil:
            raise NotImplementedError(f"{type(self).__name__} is a Stage without a work() or a process()")

    cdef int process(self, camkit_frame **frame) except -1 nogil:
        cdef camkit_frame *out = NULL
        cdef int answer = self.ready(frame, &out) if self.checks else CAMKIT_OK
        if answer != CAMKIT_OK:
            return answer
        # Not Cython's own call, which takes a -1 for an exception even where there is none.
        answer = (<work_method>self.work)(self, frame[0], out)
        if answer == CAMKIT_OK and out == NULL:
            return CAMKIT_OK
        return self.finish(frame, out, answer)

    cdef int process_n(self, camkit_frame **frames, int *answers, int n) except -1 nogil:
        cdef int i
        cdef bint waits = False
        for i in range(n):
            answers[i] = -1
        for i in range(n):
            answers[i] = CAMKIT_TIMEOUT if waits else self.process(&frames[i])
            waits = answers[i] == CAMKIT_TIMEOUT
        return CAMKIT_OK

    cdef int ready(self, camkit_frame **frame, camkit_frame **out) except -1 nogil:
        cdef camkit_frame *f = frame[0]
        cdef int answer = CAMKIT_OK
        out[0] = NULL
        if not self.agreed_to(f):
            with gil:
                self.agree(f)
        if self.writes:
            if f.flags & CAMKIT_FRAME_READ_ONLY or not held_alone(f):
                return self.private_copy(frame)
        elif self.pool != NULL:
            out[0] = self.slot(f, &answer)
            if answer == CAMKIT_FULL:
                camkit_frame_release(f)
                frame[0] = NULL
        return answer

    cdef int finish(self, camkit_frame **frame, camkit_frame *out, int answer) except -1 nogil:
        cdef camkit_frame *spent = out
        if answer == CAMKIT_OK:
            if out != NULL:
                spent, frame[0] = frame[0], out
        elif answer == CAMKIT_DROP:
            camkit_frame_release(frame[0])
            frame[0] = NULL
        elif answer == CAMKIT_BAD_FRAME:
            self.bad(frame, NULL)
        if spent != NULL:
            camkit_frame_release(spent)
        if answer == CAMKIT_OK or answer == CAMKIT_DROP or answer == CAMKIT_BAD_FRAME:
            return answer
        with gil:
            if PyErr_Occurred() == NULL:
                raise StageError(f"stage {self.name!r} answered {answer} on frame {frame[0].sequence}: it is "
                                 "CAMKIT_OK (0), CAMKIT_DROP (4) or CAMKIT_BAD_FRAME (6), and anything else an error")
            return -1

    cdef int bad(self, camkit_frame **frame, const char *why) noexcept nogil:
        self.bad_sequence = frame[0].sequence
        self.why_bad = why
        camkit_frame_release(frame[0])
        frame[0] = NULL
        return CAMKIT_BAD_FRAME

    # Put a copy that is ours alone in the frame's place.
    cdef int private_copy(self, camkit_frame **frame) except -1 nogil:
        cdef camkit_frame *f = frame[0]
        cdef int answer = CAMKIT_OK
        cdef camkit_frame *copy = self.slot(f, &answer)
        cdef int64_t copied
        if copy == NULL:
            if answer == CAMKIT_FULL:
                camkit_frame_release(f)
                frame[0] = NULL
            return answer
        copied = copy_pixels(copy, f)
        if copied < 0:  # a compressed picture larger than any before
            camkit_frame_release(copy)
            with gil:
                self.make_pool(FrameSpec(PixelFormat_of(f.format), (f.width, f.height)), f.bytes_used * 2)
            copy = self.slot(f, &answer)
            copied = copy_pixels(copy, f)
        self.counters.copies += 1
        self.counters.copied_bytes += <uint64_t>copied
        camkit_frame_release(f)
        frame[0] = copy
        return CAMKIT_OK

    # A slot described as `like` is; or NULL with the answer.
    cdef camkit_frame *slot(self, camkit_frame *like, int *answer) noexcept nogil:
        cdef bint wait = self.waits
        cdef camkit_frame *out = self.pool.take(SLICE_NS if wait else 0)
        if out == NULL:
            answer[0] = CAMKIT_TIMEOUT if wait else CAMKIT_FULL
        else:
            copy_description(out, like)
        return out

    cdef bint agreed_to(self, const camkit_frame *f) noexcept nogil:
        return f.format == self.format and f.width == self.width and f.height == self.height and self.width != 0

    # The format is not that of the frames before: see whether it will do, and make the slots for it.
    cdef int agree(self, camkit_frame *f) except -1:
        if camkit_format_row(f.format) == NULL:
            raise FormatMismatch(f"{self.name!r} takes pictures, and frame {f.sequence} is plain bytes")
        spec = FrameSpec(PixelFormat_of(f.format), (f.width, f.height))
        if self.inputs and not any(each.fits(spec) for each in self.inputs):
            when = "the first one" if self.width == 0 else "the source changed it in mid-run"
            raise FormatMismatch(f"{self.name!r} takes {words(self.inputs)}, but frame {f.sequence} is {spec} ({when}):"
                                 " open the camera with another format or size, or put a stage before it that converts")
        given = self.gives(spec)
        with cython.critical_section(self):
            self.given = given
        return self.make_pool(spec, f.planes[0].size)

    # Slots for frames of `spec`; `room` is what a compressed one may take, 0: a generous guess.
    cdef int make_pool(self, spec, size_t room) except -1:
        cdef int error = 0
        cdef stage_pool *fresh = NULL
        cdef stage_pool *old
        cdef PixelFormat row = PixelFormat.find(spec.format)
        made = spec if self.writes else self.gives(spec) if self.output is not None else None
        if self.writes or self.output is not None:
            if made is None or not made.known:
                raise ValueError(f"output of stage {self.name!r} is {made} for frames of {spec}: it needs a format and "
                                 "a size")
            width, height = made.size
            format = PixelFormat.find(made.format)
            if not self.writes or not room:
                room = width * height * 3
            fresh = stage_pool.make(self.slots, format.id, width, height, room, &error)
            if fresh == NULL:
                raise MemoryError(f"stage {self.name!r} cannot have {self.slots} slots of {made}: "
                                  f"{strerror(error).decode()}")
        with cython.critical_section(self):  # explain() looks at it
            old, self.pool = self.pool, fresh
        if old != NULL:
            old.unref()
        self.format = row.id
        self.width, self.height = spec.size
        return 0

    cdef bint format_is(self, spec):
        return self.width != 0 and (self.width, self.height) == spec.size and (
            PixelFormat.find(spec.format).id == self.format)
