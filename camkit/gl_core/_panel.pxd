from libc.stdint cimport uint64_t

from camkit.gl_core._view cimport View
from camkit.memory_manager._abi cimport camkit_frame


cdef class Panel:
    cdef readonly View view
    cdef readonly bint frozen
    cdef readonly uint64_t passed  # frames that came while it was frozen, by now
    cdef camkit_frame *held  # a reference to the frame on show; NULL: none
    cdef const camkit_frame *frame  # what paint() is to tell of; for the time of one drawing

    # Hold the frame that is drawn now instead of the one before.
    cdef void hold(self, camkit_frame *f) noexcept nogil
    cdef void let_go(self) noexcept nogil
    cdef void freeze(self, bint on) noexcept nogil
