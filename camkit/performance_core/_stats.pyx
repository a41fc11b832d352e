"""Latency statistics: the C++ histogram as numbers for people."""

from libc.stdint cimport int64_t

from camkit.performance_core.stats import Summary


cdef object summary(histogram *h):
    if h.count() == 0:
        return Summary()
    return Summary(
        h.percentile(50) / 1000.0, h.percentile(90) / 1000.0, h.percentile(99) / 1000.0, h.percentile(99.9) / 1000.0,
        h.min() / 1000.0, h.max() / 1000.0, h.mean() / 1000.0, h.count(),
    )


cdef class Histogram:
    """Count latencies in logarithmic buckets: fixed memory, no lock, about 1.6 % relative error, negative values too.

    One thread records, any thread reads.
    """

    cdef histogram *h

    def __cinit__(self):
        self.h = new histogram()
        if self.h == NULL:
            raise MemoryError("no memory for a histogram")

    def __dealloc__(self):
        del self.h

    def __len__(self):
        return self.h.count()

    def record(self, ns):
        """Count one latency of `ns` nanoseconds."""
        cdef int64_t value = ns
        self.h.record(value)

    def reset(self):
        """Forget everything."""
        self.h.reset()

    def percentile(self, percent):
        """Nanoseconds that `percent` (0 to 100) of the values do not exceed."""
        if not 0 <= percent <= 100:
            raise ValueError(f"percent is {percent}, not from 0 to 100")
        return self.h.percentile(percent)

    def summary(self):
        """Return a Summary: percentiles in microseconds, and how many there are."""
        return summary(self.h)
