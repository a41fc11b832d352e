from libc.stdint cimport int64_t, uint32_t, uint64_t

from camkit.gl_core._display_clock cimport DisplayClock
from camkit.memory_manager._clock_map cimport ClockMap


cdef extern from "_presentation.hpp" namespace "camkit" nogil:
    cdef struct presented_picture:
        uint64_t number
        bint shown
        int64_t ns
        uint32_t refresh
        uint64_t sequence
        uint32_t flags
    cdef cppclass presentation:
        presentation() noexcept
        const char *open(void *display, void *surface) noexcept
        void close() noexcept
        int clock_id() noexcept
        void request(uint64_t number) noexcept
        void poll() noexcept
        bint take(presented_picture *out) noexcept


cdef class WaylandClock(DisplayClock):
    cdef presentation *feed  # owned
    cdef ClockMap map  # from the compositor's clock to ours; None where they are one
    cdef readonly str clock
    cdef int64_t read_ns  # when the map was read last
    cdef uint32_t flags  # of the last picture
    cdef readonly uint64_t presented, discarded
