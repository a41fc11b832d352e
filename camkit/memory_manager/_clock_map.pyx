"""ClockMap: the time of one clock on another, and how far it can be off."""

cimport cython
from libc.stdint cimport int64_t

CLOCKS = ("monotonic", "realtime", "boottime", "monotonic_raw", "tai")
SLEWED = frozenset(("monotonic", "realtime", "boottime", "tai"))  # of one source, together
cdef dict _maps = {}  # by (source, target)


cdef class ClockMap:
    """Convert times between two clocks, in nanoseconds, with a bound of the error.

    Both clocks are read at once, one between two readings of the other: half of what that took bounds the error of
    the offset. Clocks of one source (monotonic, realtime, boottime, tai) keep their offset until somebody sets one or
    the machine sleeps, so that each reading narrows the same offset down. `monotonic_raw` and a GPU's clock run at
    their own rate: the map is a line from reading to reading. Nothing is summed up, so no error grows with time.

    A moment before a step keeps the offset that was right then. A moment between the last reading before it and the
    first one after it is uncertain by the size of the step, and `error_at` says so: call `update` as often as that
    matters (0.1 us). The last 64 steps are remembered, or 16 s of clocks that run apart.

    Converting is safe from any thread; compiled code does it without the GIL (`camkit/clock_map.hpp`).

    Parameters
    ----------
    source, target : {"monotonic", "realtime", "boottime", "monotonic_raw", "tai"}
        As of `clock_gettime` and `time.clock_gettime_ns`.

    Raises
    ------
    ValueError
        This system has no such clock.

    Examples
    --------
    >>> to_realtime = camkit.ClockMap("monotonic", "realtime")
    >>> to_realtime.convert(time.monotonic_ns())  # doctest: +SKIP
    1795000000123456789
    """

    def __cinit__(self, str source not None, str target not None):
        self.source, self.target = source, target
        same = SLEWED.issuperset((source, target)) or source == target
        self.c = new clock_map_c(not same)
        if self.c == NULL:
            raise MemoryError("no memory for a clock map")

    def __init__(self, source, target):
        cdef int64_t ns = 0
        for name in (source, target):
            if name not in CLOCKS or not read_clock(<system_clock><int>CLOCKS.index(name), ns):
                there = [clock for clock in CLOCKS if read_clock(<system_clock><int>CLOCKS.index(clock), ns)]
                raise ValueError(f"there is no clock {name!r} here, only {', '.join(there)}")
        self.first, self.other = CLOCKS.index(source), CLOCKS.index(target)
        for _ in range(8):
            self.read_both()

    def __dealloc__(self):
        del self.c

    def __repr__(self):
        return f"<ClockMap {self.source} to {self.target}, within {self.error_ns} ns>"

    @cython.critical_section
    def update(self):
        """Read both clocks; returns the map itself. The readings of one map belong to one thread at a time."""
        self.read_both()
        return self

    def convert(self, ns):
        """Return the moment `ns` of the source clock on the target clock.

        Parameters
        ----------
        ns : int
            Nanoseconds of the source clock.

        Returns
        -------
        int
            Nanoseconds of the target clock; `error_at(ns)` bounds its error.
        """
        cdef int64_t out = 0, error = 0
        self.c.convert(ns, out, error)
        return out

    def error_at(self, ns):
        """Return the most nanoseconds by which `convert(ns)` can be off.

        After the last reading it holds as long as no clock is set: call `update` first. For clocks with a rate of
        their own it grows by 500 ppm of the distance to the nearest reading, the most that the kernel slews a clock.

        Returns
        -------
        int or None
            None: `ns` is before the first reading, and nobody knows whether a clock was set since.
        """
        cdef int64_t out = 0, error = 0
        self.c.convert(ns, out, error)
        return None if error == clock_map_no_bound else error

    @property
    def error_ns(self):
        """int: bound of the error at the last reading."""
        return self.error_at(self.last)

    @property
    def offset_ns(self):
        """int: target minus source, at the last reading."""
        return self.convert(self.last) - self.last

    @property
    def rate_ppm(self):
        """float: by how many millionths the target runs faster; 0.0 for clocks of one source."""
        return self.c.rate() * 1e6

    @property
    def steps(self):
        """int: how often one of the clocks was seen to have been set, or to have stood still."""
        return self.c.steps()

    cdef void read_both(self) noexcept nogil:
        cdef int64_t before = 0, other = 0, after = 0
        read_clock(<system_clock>self.first, before)
        read_clock(<system_clock>self.other, other)
        read_clock(<system_clock>self.first, after)
        # A clock that was set back in the middle says nothing.
        if after >= before:
            self.take(before + (after - before) // 2, other, (after - before + 1) // 2)

    cdef void take(self, int64_t moment, int64_t other, int64_t error) noexcept nogil:
        if self.c.observe(moment, other, error):
            self.last = moment


def clock_map(source, target):
    """Return the map between two system clocks that the whole program shares, with both clocks read anew.

    It remembers the steps of its clocks from its first use on: from `import camkit` on for monotonic to realtime, which
    `Frame.time` uses. See `ClockMap`.

    Returns
    -------
    ClockMap
    """
    return shared_map(source, target)


cdef ClockMap shared_map(str source, str target):
    cdef ClockMap found = _maps.get((source, target))
    if found is None:
        return _maps.setdefault((source, target), ClockMap(source, target))
    with cython.critical_section(found):
        found.read_both()
    return found


clock_map("monotonic", "realtime")  # its history begins here, before any frame
