from libc.stdint cimport int64_t, uint64_t

from camkit.gl_core._gl cimport Functions, gl_functions
from camkit.memory_manager._clock_map cimport ClockMap


cdef class GpuClock(ClockMap):
    cdef Functions functions  # keeps gl
    cdef gl_functions *gl  # NULL once the context is gone
    cdef int bits  # of the GPU's counter; 0: it has none
    cdef uint64_t counted  # what it showed last
    cdef int64_t ns  # the same without wrap

    # Read both clocks, on the thread of the context.
    cdef void refresh(self) noexcept nogil
    # The monotonic time of what a timer query told.
    cdef int64_t monotonic(self, uint64_t shown) noexcept nogil
    cdef int64_t _unwrapped(self, uint64_t shown) noexcept nogil
    # The context goes; times can still be converted.
    cdef void forget(self) noexcept


# The clock of the context that is current.
cdef GpuClock GpuClock_make(Functions functions)
