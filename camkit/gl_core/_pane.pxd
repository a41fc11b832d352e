from libc.stdint cimport int64_t, uint64_t
from libcpp.atomic cimport atomic

from camkit.gl_core._sink cimport GLSink
from camkit.memory_manager._abi cimport camkit_frame
from camkit.performance_core._queue cimport parker

ctypedef camkit_frame *frame_pointer

cdef enum:
    ROOMIEST = 16  # frames that a pane may keep until their moment comes


cdef extern from "camkit/evicting_ring.hpp" namespace "camkit" nogil:
    cdef cppclass evicting_ring[P]:
        evicting_ring(uint64_t capacity) noexcept
        bint ok() noexcept
        P put(P value) noexcept
        P take() noexcept
        size_t size() noexcept


cdef class Pane(GLSink):
    cdef object loop, pumping, caption
    cdef str mode
    cdef readonly int number
    cdef evicting_ring[frame_pointer] *came  # owned, with the frames inside; from the camera's thread to the grid's
    cdef camkit_frame *waiting[16]  # one reference each, the oldest first: those that were taken out of it
    cdef int places, count
    cdef parker *bell  # of the board, which the loop keeps
    cdef atomic[int] broken
    cdef object failure  # why; raised in the camera's thread
    cdef atomic[uint64_t] replaced  # frames that a newer one took the place of before they could be drawn
    cdef bint fresh  # its picture was drawn, and the window not yet
    cdef int64_t stamp  # of that picture
    cdef bint unheard  # the screen has something to say still of its last picture

    # ---- on the grid's thread ----
    # Answer who asks for a picture, and see to what the GPU has done. Returns whether frames wait.
    cdef int attend(self) except -1 nogil
    # Draw the frame whose moment has come, or the newest if it is the last of all. Returns whether there was one.
    cdef int turn(self, bint last) except -1 nogil
    # There is something to attend to. `anew`: no moment was set.
    cdef bint calls(self, bint anew) noexcept nogil
    # Around the call that shows the window; `seen`: with this pane in it.
    cdef void hand_over(self, bint seen, int64_t begun) noexcept nogil
    cdef void handed_over(self, int64_t begun, int64_t ended) noexcept nogil

    cdef bint works(self) noexcept nogil
    cdef void _gather(self) noexcept nogil
    cdef void _discard(self) noexcept nogil
    cdef camkit_frame *_oldest(self) noexcept nogil
    cdef void _overtake(self, camkit_frame *frame) noexcept nogil
