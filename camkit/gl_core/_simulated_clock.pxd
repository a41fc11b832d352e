from libc.stdint cimport int64_t, uint64_t

from camkit.gl_core._display_clock cimport DisplayClock


cdef class SimulatedClock(DisplayClock):
    cdef double period
    cdef int64_t origin, lead
    cdef int64_t noise
    cdef uint64_t random
    cdef bint announced, hidden
    cdef uint64_t waiting[16]  # pictures handed over
    cdef int64_t due[16]  # and the vblank at which each is shown
    cdef int first_due, waits

    cdef int64_t vblank(self, int64_t t) noexcept nogil
