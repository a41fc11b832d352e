from libc.stdint cimport uint32_t, uint64_t

from camkit.gl_core._flights cimport latency_log
from camkit.gl_core._view cimport View
from camkit.memory_manager._abi cimport camkit_frame

cdef enum:
    CAPTION_BYTES = 1020


# Lines of text with line feeds between them; a line that begins with \1 is an alert.
cdef struct caption:
    int length
    char text[1020]


ctypedef caption *caption_pointer


cdef extern from "camkit/latest_slot.hpp" namespace "camkit" nogil:
    cdef cppclass latest_slot[P]:
        P put(P value) noexcept
        P take() noexcept
        bint empty() noexcept


cdef class Panel:
    cdef readonly View view
    cdef readonly bint frozen
    cdef readonly uint64_t passed  # frames that came while it was frozen, by now
    cdef readonly uint64_t seen  # frames that came at all
    cdef latency_log log  # of the frames that the GPU was done with
    cdef uint32_t format, width, height  # of the frame on show, as the next one
    cdef uint64_t sequence
    cdef camkit_frame *held  # a reference to it; NULL: none
    cdef const camkit_frame *lent  # it too, while it is drawn
    # Owned, with what is inside; from the thread that tells to the one that draws.
    cdef latest_slot[caption_pointer] *captions
    cdef caption *caption  # owned by the latter

    # Show this frame instead of the one before: it is held from now on.
    cdef void show(self, camkit_frame *f) noexcept nogil
    cdef void let_go(self) noexcept nogil
    cdef void freeze(self, bint on) noexcept nogil
    # The frame on show, if its memory is there; NULL: it is not.
    cdef const camkit_frame *frame(self) noexcept nogil
    # What was told last; NULL: nothing. Valid until the next call.
    cdef const caption *told(self) noexcept nogil
