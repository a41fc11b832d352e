"""Source: where frames come from."""

from libc.stdint cimport int64_t

from camkit.memory_manager._abi cimport camkit_frame
from camkit.performance_core._stats cimport histogram, summary

from camkit.performance_core.node_stats import Drops, SourceStats


cdef class Source(Node):
    """Where frames come from. Subclass in Cython and override `next` and `interrupt`.

    `next` hands over a frame with one reference, which the caller owns from then on. `interrupt` may be called from any
    thread. Thread-safety otherwise as for `Node`.
    """

    def __cinit__(self):
        self.dequeue_latency = new histogram()
        if self.dequeue_latency == NULL:
            raise MemoryError("no memory for a histogram")

    def __dealloc__(self):
        del self.dequeue_latency

    def stats(self):
        """Frames so far: captured = taken + dropped, dropped by cause, and the copies made.

        Returns
        -------
        SourceStats
        """
        c = self.counters
        dropped = Drops(c.driver, c.corrupt, c.pool, aborted=c.aborted)
        return SourceStats(c.captured, c.taken, dropped, c.copies, c.copied_bytes)

    def latencies(self):
        """Return {"dequeue": Summary}: from the driver's timestamp to our hands, since the pipeline's run began."""
        return {"dequeue": summary(self.dequeue_latency)}

    def slots(self, on_gpu=frozenset()):
        """Tell where the slots are that its frames lie in. Any thread.

        Parameters
        ----------
        on_gpu : set of int, optional
            Frames that GPUs read, as of `Pipeline.frames_on_gpu`. Default: none.

        Returns
        -------
        SlotCounts or None
            None: it has none now, or does not know.
        """
        return None

    def wake(self):
        """Make a waiting `next` return soon. Any thread."""
        self.interrupt()

    cdef int next(self, camkit_frame **out, int64_t timeout_ns) except -1 nogil:
        with gil:
            raise NotImplementedError(f"{type(self).__name__} is a Source without a next()")

    cdef void interrupt(self) noexcept nogil:
        pass
