# Users may subclass it by cimport for a display of their own: such code fits no other version of camkit.
from libc.stdint cimport int64_t, uint64_t

from camkit.gl_core._metronome cimport Metronome


# What became of a picture that was handed over.
cdef struct shown_picture:
    uint64_t number  # of the swap
    int64_t ns  # monotonic: when it came on the screen; 0: never


cdef class DisplayClock:
    cdef readonly str name
    cdef Metronome beat
    cdef int64_t deadline_ns  # how long before the vblank a picture is wanted, at a first guess
    cdef int64_t source_error_ns  # what the source itself adds to the error
    cdef shown_picture told[16]
    cdef int first, count

    # ---- what a subclass writes; all in the thread that draws ----
    # Before and after picture `number` is handed over.
    cdef void submit(self, uint64_t number, int64_t begun) noexcept nogil
    cdef void submitted(self, uint64_t number, int64_t begun, int64_t ended) noexcept nogil
    # Gather what the display has said meanwhile; never waits.
    cdef void poll(self, int64_t now) noexcept nogil

    # ---- what it calls ----
    cdef void tell(self, uint64_t number, int64_t ns) noexcept nogil

    # ---- what the Pacer asks ----
    cdef bint take(self, shown_picture *out) noexcept nogil
    # The first vblank after t; 0: nobody knows.
    cdef int64_t next_after(self, int64_t t) noexcept nogil
    cdef int64_t error_at(self, int64_t t) noexcept nogil
