from libc.stdint cimport uint64_t
from libcpp.atomic cimport atomic

from camkit.gl_core._panel cimport latest_slot
from camkit.gl_core._sink cimport GLSink
from camkit.memory_manager._abi cimport camkit_frame
from camkit.performance_core._queue cimport parker

ctypedef camkit_frame *frame_pointer


cdef class Pane(GLSink):
    cdef object loop, pumping, caption
    cdef readonly int number
    cdef latest_slot[frame_pointer] *newest  # owned, with the frame inside; from the camera's thread to the grid's
    cdef parker *bell  # of the board, which the loop keeps
    cdef atomic[int] broken
    cdef object failure  # why; raised in the camera's thread
    cdef readonly uint64_t overtaken  # frames that a newer one replaced before they could be drawn

    # On the grid's thread: draw the newest frame, if there is one, and answer who asks for a picture. Returns whether
    # there is something new to be seen.
    cdef int turn(self) except -1 nogil
    cdef bint waits(self) noexcept nogil
