"""PyStage: a Python callable as a stage."""

from camkit.memory_manager._abi cimport (
    CAMKIT_DROP,
    CAMKIT_OK,
    camkit_frame,
    camkit_frame_release,
    camkit_frame_retain,
)
from camkit.memory_manager._frame cimport Frame, Frame_wrap
from camkit.performance_core._stage cimport Stage


class _Drop:
    """The one object that a stage returns to drop its frame."""

    def __repr__(self):
        return "camkit.DROP"

    def __reduce__(self):
        return "DROP"


DROP = _Drop()


cdef class PyStage(Stage):
    """Call a Python function for every frame; it takes the GIL while it runs.

    Parameters
    ----------
    function : callable
        Called with a `Frame`. It returns None or the same frame to send it on, another `Frame` to send that instead
        (take one from a `FramePool` with `acquire(like=frame)`), or `camkit.DROP`. It may keep the frame or views of
        it; the slot comes back when they go.
    name : str, optional
        Name in statistics and errors. Default: the function's own.
    """

    def __init__(self, function, name=None):
        if not callable(function):
            raise TypeError(f"a stage is a Stage or a callable, not {type(function).__name__}")
        self.function = function
        super().__init__(name or getattr(function, "__name__", None) or type(function).__name__)

    cdef int process(self, camkit_frame **frame) except -1 nogil:
        with gil:
            return self.call(frame)

    cdef int call(self, camkit_frame **frame) except -1:
        # The function gets a lease of its own: whatever it does with it, the pipeline's reference is safe.
        camkit_frame_retain(frame[0])
        lease = Frame_wrap(frame[0])
        return self.answer(frame, lease, self.function(lease))

    # What the function gave back for the frame that it got as `lease`.
    cdef int answer(self, camkit_frame **frame, Frame lease, result) except -1:
        if result is None or result is lease:
            return CAMKIT_OK
        if result is DROP:
            camkit_frame_release(frame[0])
            frame[0] = NULL
            return CAMKIT_DROP
        if not isinstance(result, Frame):
            raise TypeError(f"stage {self.name!r} returned a {type(result).__name__}; a stage returns None or its "
                            "frame to send it on, another Frame, or camkit.DROP")
        cdef camkit_frame *other = (<Frame>result).get()
        camkit_frame_retain(other)
        camkit_frame_release(frame[0])
        frame[0] = other
        return CAMKIT_OK
