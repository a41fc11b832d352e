"""PyStage: a Python callable as a stage."""

cimport cython
from libc.stdlib cimport free, malloc

from camkit.memory_manager._abi cimport (
    CAMKIT_DROP,
    CAMKIT_OK,
    CAMKIT_TIMEOUT,
    camkit_frame,
    camkit_frame_release,
    camkit_frame_retain,
)
from camkit.memory_manager._frame cimport Frame, Frame_wrap
from camkit.performance_core._stage cimport Stage

from camkit.errors import BadFrame


class _Drop:
    """The one object that a stage returns to drop its frame."""

    def __repr__(self):
        return "camkit.DROP"

    def __reduce__(self):
        return "DROP"


DROP = _Drop()
cdef object _BadFrame = BadFrame


cdef class PyStage(Stage):
    """Call a Python function for every frame; it takes the GIL while it runs.

    Parameters
    ----------
    function : callable
        Called with a `Frame`, and with an `output` with a second one, to be written. It returns None or the same frame
        to send it on (the second one, with an output), another `Frame` to send that instead, or `camkit.DROP`; it may
        raise `camkit.BadFrame`. It may keep frames or views of them; a slot comes back when they go.
    name : str, optional
        Name in statistics and errors. Default: the function's own.
    batch : bool, optional
        The function gets a list of frames, and a list of outputs, as many as wait up to the pipeline's `batch`. It
        returns None, or a list with what it would return for each; a `BadFrame` in it is one that it would raise, and
        one that it raises is meant for all.
    inputs, output, writes, slots, when_dry
        As for `Stage`. Without `output` or `writes` it is not known what goes on from here.
    """

    def __init__(self, function, name=None, *, inputs=None, output=None, writes=False, batch=False, slots=6,
                 when_dry="block"):
        if not callable(function):
            raise TypeError(f"a stage is a Stage or a callable, not {type(function).__name__}")
        self.function = function
        self.batch = bool(batch)
        super().__init__(name or getattr(function, "__name__", None) or type(function).__name__, inputs=inputs,
                         output=output, writes=writes, slots=slots, when_dry=when_dry)

    def last_bad(self):
        """Return why the latest bad frame was bad."""
        with cython.critical_section(self):
            reason = self.reason
        return f"frame {self.bad_sequence}: {reason}" if reason else super().last_bad()

    cdef int process(self, camkit_frame **frame) except -1 nogil:
        cdef camkit_frame *out = NULL
        cdef int answer = self.ready(frame, &out) if self.checks else CAMKIT_OK
        if answer != CAMKIT_OK:
            return answer
        with gil:
            if not self.batch:
                return self.call(frame, out)
            try:
                self.call_batch(frame, &out, &answer, 1)
            finally:
                if out != NULL:
                    camkit_frame_release(out)
            return answer

    # The GIL is taken once for all of them, and not before there are slots for all.
    cdef int process_n(self, camkit_frame **frames, int *answers, int n) except -1 nogil:
        cdef camkit_frame **outs = <camkit_frame **>malloc(n * sizeof(camkit_frame *))
        cdef int i
        cdef bint waits = False
        if outs == NULL:
            raise MemoryError("no memory for a batch of frames")
        try:
            for i in range(n):
                answers[i] = -1
                outs[i] = NULL
            for i in range(n):
                answers[i] = CAMKIT_TIMEOUT if waits else self.ready(&frames[i], &outs[i]) if self.checks else CAMKIT_OK
                waits = answers[i] == CAMKIT_TIMEOUT
            with gil:
                self.call_batch(frames, outs, answers, n)
        finally:
            for i in range(n):
                if outs[i] != NULL:
                    camkit_frame_release(outs[i])
            free(outs)
        return CAMKIT_OK

    # Those of the frames whose answer is CAMKIT_OK get the function's; a slot that is used up is NULL in `outs`.
    cdef int call_batch(self, camkit_frame **frames, camkit_frame **outs, int *answers, int n) except -1:
        cdef camkit_frame *out
        cdef int i, at = 0
        if not self.batch:
            for i in range(n):
                if answers[i] == CAMKIT_OK:
                    answers[i] = -1
                    out = outs[i]
                    outs[i] = NULL
                    answers[i] = self.call(&frames[i], out)
            return 0
        which, leases, slots = [], [], []
        for i in range(n):
            if answers[i] != CAMKIT_OK:
                continue
            answers[i] = -1
            which.append(i)
            camkit_frame_retain(frames[i])
            leases.append(Frame_wrap(frames[i]))
            if outs[i] != NULL:
                camkit_frame_retain(outs[i])
                slots.append(Frame_wrap(outs[i]))
        if not which:
            return 0
        try:  # lists of its own: whatever it does with them, ours are as long as `which`
            results = self.function(leases[:], slots[:]) if slots else self.function(leases[:])
        except _BadFrame as error:
            results = [error] * len(which)
        if results is None:
            results = [None] * len(which)
        elif not isinstance(results, (list, tuple)) or len(results) != len(which):
            what = f"{len(results)} answers" if isinstance(results, (list, tuple)) else f"a {type(results).__name__}"
            raise TypeError(f"stage {self.name!r} returned {what} for {len(which)} frames; a stage with a batch "
                            "returns None to send all on, or a list with an answer for each")
        results = list(results)  # nobody else can make it shorter meanwhile
        for at in range(len(which)):
            i = which[at]
            result = results[at]
            if isinstance(result, _BadFrame):
                answers[i] = self.bad_because(result, &frames[i], outs[i])
            else:
                answers[i] = self.take(result, slots[at] if slots else leases[at], &frames[i], outs[i])
            outs[i] = NULL
        return 0

    cdef int call(self, camkit_frame **frame, camkit_frame *out) except -1:
        # The function gets leases of its own: whatever it does with them, the pipeline's references are safe.
        cdef Frame lease, slot
        camkit_frame_retain(frame[0])
        lease = Frame_wrap(frame[0])
        try:
            if out == NULL:
                return self.take(self.function(lease), lease, frame, out)
            camkit_frame_retain(out)
            slot = Frame_wrap(out)
            return self.take(self.function(lease, slot), slot, frame, out)
        except _BadFrame as error:
            return self.bad_because(error, frame, out)
        except BaseException:
            if out != NULL:
                camkit_frame_release(out)
            raise

    # What the function returned, as an answer; `lease` is what sends the frame on. Uses `out` up unless it raises.
    cdef int take(self, object result, object lease, camkit_frame **frame, camkit_frame *out) except -1:
        cdef camkit_frame *other
        if result is None or result is lease:
            if out != NULL:
                camkit_frame_release(frame[0])
                frame[0] = out
            return CAMKIT_OK
        if result is DROP:
            camkit_frame_release(frame[0])
            frame[0] = NULL
            if out != NULL:
                camkit_frame_release(out)
            return CAMKIT_DROP
        if not isinstance(result, Frame):
            raise TypeError(f"stage {self.name!r} returned a {type(result).__name__}; a stage returns None or its "
                            "frame to send it on, another Frame, or camkit.DROP")
        other = (<Frame>result).share()
        camkit_frame_release(frame[0])
        frame[0] = other
        if out != NULL:
            camkit_frame_release(out)
        return CAMKIT_OK

    cdef int bad_because(self, object error, camkit_frame **frame, camkit_frame *out) except -1:
        reason = str(error)
        with cython.critical_section(self):
            self.reason = reason
        if out != NULL:
            camkit_frame_release(out)
        return self.bad(frame, NULL)
