from libc.stdint cimport int64_t, uint64_t

from camkit.memory_manager._pool cimport FramePool
from camkit.performance_core._chain cimport tick_clock
from camkit.performance_core._source cimport Source


cdef extern from "<atomic>" namespace "std" nogil:
    cdef cppclass atomic_bool "std::atomic<bool>":
        bint exchange(bint value) noexcept
        void store(bint value) noexcept


cdef class PoolSource(Source):
    cdef tick_clock *ticks  # owned; a reading costs half of what the system's clock does
    cdef readonly FramePool pool
    cdef uint64_t frames, given  # frames: 0 is no limit
    cdef int64_t period, offset, began
    cdef unsigned char clock
    cdef atomic_bool interrupted
