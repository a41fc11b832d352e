"""OrderedMap: a link whose frames several threads work on. LaneInlet, LaneOutlet: one of these threads' ends of it."""

cimport cython

from camkit.memory_manager._checks import check_int

MOST_WORKERS = 64
MOST_IN_FLIGHT = 1024


@cython.no_gc_clear
cdef class OrderedMap(Link):
    """Let several threads take what one pushes, and give what they make of it to one, in the order of arrival.

    Parameters
    ----------
    front : Link
        Where frames wait for a thread; its policy is the map's. Nobody else may use it.
    workers : int
        Threads, each with a lane, 1 to 64.
    in_flight : int
        Frames that may be under work or wait for their turn at the same time, 1 to 1024.
    """

    def __cinit__(self, Link front not None, workers, in_flight):
        self.workers = check_int("workers", workers, 1, MOST_WORKERS)
        self.in_flight = check_int("in_flight", in_flight, 1, MOST_IN_FLIGHT)
        self.front = front
        self.map = new ordered_map(front.link, self.workers, self.in_flight)
        self.link = self.map
        if self.map == NULL or not self.map.ok():
            raise MemoryError(f"no memory for a map of {workers} threads")

    def __dealloc__(self):
        # Before `front` goes: the map gives back the frames in there.
        del self.link
        self.link = NULL

    def __repr__(self):
        return f"<OrderedMap of {self.workers} threads, {self.in_flight} frame(s) in flight, behind {self.front!r}>"

    def lanes(self):
        """Return [(inlet, outlet)], the ends for each thread: it fetches from the one and hands on to the other."""
        inlets = [LaneInlet(self, i) for i in range(self.workers)]
        return [(inlet, LaneOutlet(inlet)) for inlet in inlets]


cdef class LaneInlet(Link):
    """Where one thread of an OrderedMap fetches frames."""

    def __cinit__(self, OrderedMap of not None, int index):
        self.of = of
        self.inlet = new lane_inlet(of.map, index)
        self.link = self.inlet
        if self.inlet == NULL:
            raise MemoryError("no memory for a thread of a map")


cdef class LaneOutlet(Link):
    """Where the same thread hands on what it made of the frame that it fetched last."""

    def __cinit__(self, LaneInlet inlet not None):
        self.inlet = inlet
        self.link = new lane_outlet(inlet.inlet)
        if self.link == NULL:
            raise MemoryError("no memory for a thread of a map")
