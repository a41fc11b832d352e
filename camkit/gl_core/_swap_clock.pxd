from libc.stdint cimport int64_t, uint64_t

from camkit.gl_core._display_clock cimport DisplayClock
from camkit.gl_core._metronome cimport Metronome


cdef class SwapClock(DisplayClock):
    cdef int64_t last  # the end of the last swap
    cdef readonly uint64_t waited, passed  # swaps that waited for the screen, and that did not

    cdef void learn(self, int64_t begun, int64_t ended) noexcept nogil
