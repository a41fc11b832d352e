"""Latency statistics: the C++ histogram as numbers for people."""

from libc.stdint cimport int64_t

from camkit.performance_core.stats import Summary


cdef object summary(histogram *h):
    cdef Histogram now = snapshot(h)  # numbers of one moment, that agree with each other and with the plots
    cdef histogram *n = now.h
    if n.count() == 0:
        return Summary(histogram=now)
    return Summary(
        n.percentile(50) / 1000.0, n.percentile(90) / 1000.0, n.percentile(99) / 1000.0, n.percentile(99.9) / 1000.0,
        n.min() / 1000.0, n.max() / 1000.0, n.mean() / 1000.0, n.count(), now,
    )


cdef Histogram snapshot(histogram *h):
    cdef Histogram own = Histogram()
    own.h.assign(h[0])
    return own


cdef object summary_of(vector[histogram *] &those):
    if those.size() == 1:
        return summary(those[0])
    cdef histogram *total = new histogram()
    cdef histogram *one
    if total == NULL:
        raise MemoryError("no memory for a histogram")
    try:
        for one in those:
            total.record_all(one[0])
        return summary(total)
    finally:
        del total


cdef class Histogram:
    """Count durations in logarithmic buckets: fixed memory, no lock, at most 1.6 % relative error, negative values too.

    Magnitudes below 64 ns have a bucket each; above, every octave has 32. Beyond 2**37 ns (137 s) the outermost bucket
    takes all; `min` and `max` stay exact.

    One thread calls `record`, `merge` and `reset`; any thread reads, also meanwhile.
    """

    def __cinit__(self):
        self.h = new histogram()
        if self.h == NULL:
            raise MemoryError("no memory for a histogram")

    def __dealloc__(self):
        del self.h

    def __len__(self):
        return self.h.count()

    def __repr__(self):
        return f"<Histogram of {len(self)} values>"

    def record(self, ns):
        """Count one duration of `ns` nanoseconds."""
        cdef int64_t value = ns
        self.h.record(value)

    def merge(self, Histogram other not None):
        """Count everything that another one has, too. Its writer may go on meanwhile."""
        self.h.merge(other.h[0])

    def copy(self):
        """Return one of its own with the values of this moment."""
        return snapshot(self.h)

    def since(self, Histogram earlier not None):
        """Return the values that came after `earlier`, a copy of this one.

        Their `min` and `max` are as exact as the buckets.
        """
        cdef Histogram own = self.copy()
        own.h.subtract(earlier.h[0])
        return own

    def reset(self):
        """Forget everything."""
        self.h.reset()

    @property
    def min(self):
        """int: the smallest, in nanoseconds; 0 while empty."""
        return self.h.min()

    @property
    def max(self):
        """int: the largest, in nanoseconds; 0 while empty."""
        return self.h.max()

    @property
    def mean(self):
        """float: the mean in nanoseconds; 0 while empty."""
        return self.h.mean()

    def percentile(self, percent):
        """Nanoseconds that `percent` (0 to 100) of the values do not exceed."""
        if not 0 <= percent <= 100:
            raise ValueError(f"percent is {percent}, not from 0 to 100")
        return self.h.percentile(percent)

    def percentiles(self, *percents):
        """Return `percentile` of each, all of one moment."""
        now = self.copy()
        return [now.percentile(percent) for percent in percents]

    def buckets(self):
        """Return the buckets that hold something, in ascending order, for plots.

        Returns
        -------
        list of (int, int, int)
            The smallest and the largest value that belong there, in nanoseconds, and how many there are.
        """
        cdef uint64_t held
        cdef int i
        found = []
        for i in range(histogram.bucket_count()):
            held = self.h.held(i)
            if held:
                found.append((histogram.lowest(i), histogram.highest(i), held))
        return found

    def summary(self):
        """Return a Summary: percentiles in microseconds, and how many there are."""
        return summary(self.h)
