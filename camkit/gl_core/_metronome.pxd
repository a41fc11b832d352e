from libc.stdint cimport int64_t, uint64_t


cdef class Metronome:
    cdef readonly double period_ns  # 0: not known
    cdef int64_t phase  # the moment of the last beat that was seen
    cdef int64_t off  # the farthest that a beat lay from where it was expected, slowly forgotten
    cdef uint64_t count  # of the last beat, as its source counts; 0: it does not
    cdef double hint, gain
    cdef int seen, strange
    cdef readonly uint64_t restarts

    # A beat was seen at `at`. `hint`: its period as its source has it, 0: it does not say. `count`: its number, 0: it
    # has none.
    cdef void observe(self, int64_t at, double hint, uint64_t count) noexcept nogil
    cdef void begin(self, int64_t at, double hint, uint64_t count) noexcept nogil
    cdef bint stray(self, int64_t at, double hint, uint64_t count) noexcept nogil
    cdef bint locked(self) noexcept nogil
    # The first beat after a moment; the one nearest to it; that of a number. Only when the period is known.
    cdef int64_t after(self, int64_t t) noexcept nogil
    cdef int64_t nearest(self, int64_t t) noexcept nogil
    cdef int64_t numbered(self, uint64_t count) noexcept nogil
    # How far a beat that is expected at `t` may be off.
    cdef int64_t error_at(self, int64_t t) noexcept nogil
