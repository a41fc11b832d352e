"""TraceRing: what one thread of a pipeline did with each frame and when."""

from libc.stdint cimport uint64_t

from camkit.memory_manager._checks import check_int

KINDS = ("take", "stage", "sink", "push", "pop", "aborted")


def anchor():
    """Return (ticks, nanoseconds of the monotonic clock): one moment on the clock of the rings and on the system's."""
    cdef tick_pair now = tick_pair.read(the_tick_rate())
    return now.ticks, now.ns


cdef class TraceRing:
    """Keep the latest events of one thread, in memory that is allocated here and never grows.

    One thread records, any thread reads, also meanwhile.

    Parameters
    ----------
    capacity : int
        Events that are kept, rounded up to a power of two; 32 bytes each.
    """

    def __cinit__(self, capacity):
        cdef size_t size = check_int("capacity", capacity, 2, 1 << 24)
        self.ring = new trace_ring(size)
        if self.ring == NULL or not self.ring.ok():
            raise MemoryError(f"no memory for a trace of {capacity} events")

    def __dealloc__(self):
        del self.ring

    @property
    def capacity(self):
        """int: events that are kept."""
        return self.ring.capacity()

    @property
    def recorded(self):
        """int: events so far, those that were overwritten too."""
        return self.ring.recorded()

    @property
    def lost(self):
        """int: events that were overwritten by later ones."""
        return self.ring.lost()

    def record(self, kind, place, frame, begin, end, answer=0, extra=0):
        """Note one event; pipeline threads do it without the GIL."""
        self.ring.record(<trace_kind><int>KINDS.index(kind), place, frame, begin, end, answer, extra)

    def events(self):
        """Return what is kept, oldest first.

        Returns
        -------
        list of (str, int, int, int, int, int, int)
            Kind, place, frame, begin and end in ticks, answer, extra; `trace.hpp` tells what they mean.
        """
        cdef trace_event e
        cdef uint64_t at = self.ring.lost(), end = self.ring.recorded()
        found = []
        while at < end:
            if self.ring.read(at, &e):
                found.append((KINDS[<int>e.kind], e.place, e.frame, e.begin, e.end, e.answer, e.extra))
            at += 1
        return found
