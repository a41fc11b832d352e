"""PyBatch: a Python callable as a stage that gets several frames at once."""

from camkit.memory_manager._abi cimport CAMKIT_OK, camkit_frame, camkit_frame_retain
from camkit.memory_manager._frame cimport Frame, Frame_wrap
from camkit.performance_core.stages._python cimport PyStage


cdef class PyBatch(PyStage):
    """Call a Python function with a list of the frames that wait: `camkit.Step(function, batch=8)`.

    It takes the GIL once for all of them.

    Parameters
    ----------
    function : callable
        Called with a list of `Frame`, oldest first. It returns None to send all on, or a list with an answer for each:
        None, a `Frame` or `camkit.DROP`, as a `PyStage` returns it.
    name : str, optional
        Name in statistics and errors. Default: the function's own.
    """

    cdef int process(self, camkit_frame **frame) except -1 nogil:
        cdef int answer = CAMKIT_OK
        with gil:
            self.call_n(frame, &answer, 1)
        return answer

    cdef int process_n(self, camkit_frame **frames, int *answers, int n) except -1 nogil:
        with gil:
            return self.call_n(frames, answers, n)

    cdef int call_n(self, camkit_frame **frames, int *answers, int n) except -1:
        cdef int i
        leases = []
        for i in range(n):
            answers[i] = -1
            camkit_frame_retain(frames[i])
            leases.append(Frame_wrap(frames[i]))
        results = self.function(list(leases))
        if results is not None and (not isinstance(results, (list, tuple)) or len(results) != n):
            what = f"{len(results)} answers" if isinstance(results, (list, tuple)) else f"a {type(results).__name__}"
            raise TypeError(f"stage {self.name!r} returned {what} for {n} frames; a stage with a batch returns None to "
                            "send all on, or a list with an answer for each")
        for i in range(n):
            result = None if results is None else results[i]
            answers[i] = self.answer(&frames[i], <Frame>leases[i], result)
        return CAMKIT_OK
