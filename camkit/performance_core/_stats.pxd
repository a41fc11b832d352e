from libc.stdint cimport int64_t, uint64_t


cdef extern from "camkit/histogram.hpp" namespace "camkit" nogil:
    cdef cppclass histogram:
        histogram() noexcept
        void record(int64_t ns) noexcept
        void reset() noexcept
        uint64_t count() noexcept
        int64_t min() noexcept
        int64_t max() noexcept
        double mean() noexcept
        int64_t percentile(double percent) noexcept


# A Summary: microseconds, None where nothing was recorded.
cdef object summary(histogram *h)
