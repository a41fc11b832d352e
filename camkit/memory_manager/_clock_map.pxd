from libc.stdint cimport int64_t, uint64_t


cdef extern from "camkit/clock.hpp" namespace "camkit" nogil:
    ctypedef int system_clock "camkit::system_clock"
    bint read_clock(system_clock which, int64_t &ns) noexcept


cdef extern from "camkit/clock_map.hpp" namespace "camkit" nogil:
    cdef cppclass clock_map_c "camkit::clock_map":
        clock_map_c(bint own_rate) noexcept
        bint observe(int64_t moment, int64_t other, int64_t error) noexcept
        bint convert(int64_t t, int64_t &out, int64_t &error) noexcept
        uint64_t steps() noexcept
        double rate() noexcept
    const int64_t clock_map_no_bound "camkit::clock_map::no_bound"


cdef class ClockMap:
    cdef clock_map_c *c  # owned; converting needs no lock and no GIL
    cdef readonly str source, target
    cdef int first, other  # numbers of the two system clocks
    cdef int64_t last  # of the source clock: the last reading

    # Read both clocks; one thread at a time.
    cdef void read_both(self) noexcept nogil
    # Keep a reading: at `moment` of the source the target showed `other`, give or take `error`.
    cdef void take(self, int64_t moment, int64_t other, int64_t error) noexcept nogil


# The map of two system clocks that the whole process shares, with both read anew.
cdef ClockMap shared_map(str source, str target)
