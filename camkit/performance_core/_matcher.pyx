"""Matcher: the frames of several links as one source, each with its companions."""

from libc.stdint cimport int64_t

from camkit.memory_manager._abi cimport CAMKIT_ERROR, CAMKIT_MAX_COMPANIONS, camkit_frame
from camkit.performance_core._outlets cimport Outlet
from camkit.performance_core._source cimport Source

from camkit.errors import ClockUnknown


MOST_INPUTS = CAMKIT_MAX_COMPANIONS + 1


cdef class Matcher(Source):
    """What a `Match` is in a run: it pops from the inputs' links in the thread that works on the matched frames.

    Parameters
    ----------
    name : str
        In errors.
    inlets : dict of str to Outlet
        The inputs' last links by the inputs' names, the reference first.
    tolerance, patience : float
        Seconds; see `Match`.
    ended : callable
        Called in the matching thread when no match will come any more: stops the sources.
    """

    def __cinit__(self, str name not None, dict inlets not None, double tolerance, double patience, ended):
        cdef Outlet inlet
        self.inlets, self.names, self.ended = list(inlets.values()), list(inlets), ended
        self.m = new frame_matcher(<int64_t>(tolerance * 1e9), <int64_t>(patience * 1e9))
        if self.m == NULL:
            raise MemoryError("no memory for a match of cameras")
        for inlet in self.inlets:
            inlet.keeper = self  # its producer rings our bell, perhaps after everybody else has forgotten us
            self.m.add(inlet.o)

    def __init__(self, name, *args):
        super().__init__(name)

    def __dealloc__(self):
        del self.m

    def matched(self):
        """Sets of frames that were matched."""
        return self.m.matched()

    def unmatched(self, name):
        """Frames of an input that found no partner."""
        return self.m.unmatched(self.names.index(name))

    def stop(self):
        """Let go of what is held, and end the inputs."""
        self.m.finish()
        self.ended()
        for inlet in self.inlets:
            inlet.abort()

    cdef int next(self, camkit_frame **out, int64_t timeout_ns) except -1 nogil:
        cdef int answer = self.m.next(out, timeout_ns)
        if answer == CAMKIT_ERROR:
            with gil:
                self._explain()
        return answer

    cdef void interrupt(self) noexcept nogil:
        self.m.interrupt()

    def _explain(self):
        first, other = self.names[0], self.names[self.m.culprit()]
        frame = f"frame {self.m.sequence()} of {other!r}"
        if self.m.trouble() == match_came_twice:
            raise ValueError(f"cannot match {frame}: it was matched before, and came a second time; a stage in front "
                             "of a Match gives every frame once")
        raise ClockUnknown(
            f"cannot match {frame} with others: its timestamp is on a clock that is not the system's monotonic one, so "
            f"that it tells nothing of {'the others' if other == first else first!r}; a stage in front of the Match "
            "may drop such frames")
