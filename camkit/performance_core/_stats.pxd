from libc.stdint cimport int64_t, uint64_t
from libcpp.vector cimport vector


cdef extern from "camkit/histogram.hpp" namespace "camkit" nogil:
    cdef cppclass histogram:
        histogram() except +
        void record(int64_t ns) noexcept
        void record_all(const histogram &other) noexcept
        void reset() noexcept
        uint64_t count() noexcept
        int64_t min() noexcept
        int64_t max() noexcept
        double mean() noexcept
        int64_t percentile(double percent) noexcept
        void merge(const histogram &other) noexcept
        void subtract(const histogram &other) noexcept
        void assign(const histogram &other) noexcept
        @staticmethod
        int bucket_count() noexcept
        uint64_t held(int index) noexcept
        @staticmethod
        int64_t lowest(int index) noexcept
        @staticmethod
        int64_t highest(int index) noexcept


# A Summary: microseconds, None where nothing was recorded.
cdef object summary(histogram *h)
# The same of several together.
cdef object summary_of(vector[histogram *] &those)


cdef class Histogram:
    cdef histogram *h  # owned


# A Histogram of its own with what `h` holds at this moment, also while its writer records.
cdef Histogram snapshot(histogram *h)
