from libc.stdint cimport int64_t, uint64_t
from libcpp.atomic cimport atomic

from camkit.gl_core._board cimport Board
from camkit.gl_core._flights cimport Flights
from camkit.gl_core._gl cimport gl_functions
from camkit.gl_core._grid_pacer cimport GridPacer
from camkit.gl_core._overlay cimport Overlay
from camkit.gl_core._pane cimport Pane


cdef class GridLoop:
    cdef readonly object context
    cdef readonly GridPacer pacer  # from `run` on
    cdef readonly dict verdicts  # why the display's time comes from where it does
    cdef Board board
    cdef Overlay overlay
    cdef gl_functions *gl  # of the context
    cdef tuple panes
    cdef void *pointers[16]  # the panes; the tuple keeps them
    cdef int count
    cdef void (*swap)(void *) noexcept nogil
    cdef void *window
    cdef bint vsync
    cdef str pacing
    cdef object lock, orders, failure
    cdef readonly object group  # ShareGroup of the panes' memory, None: they have lent none
    cdef bint ended
    cdef atomic[int] ordered  # there are orders, or it is to end
    cdef atomic[int] stopping
    cdef atomic[int] width, height  # of the window, in pixels
    cdef bint stale  # the window is to be drawn at the next moment, whether there are frames or not
    cdef Flights flights  # of whole windows, to learn how long one takes
    cdef int64_t begun[4]  # when the drawing of each under way began
    cdef uint64_t flown, landed

    # Draw until there are orders.
    cdef int loop(self) except -1 nogil
    # See to the panes; returns whether frames wait.
    cdef bint attend(self) except -1 nogil
    # Draw what is due; returns whether the window is to be drawn.
    cdef bint draw(self) except -1 nogil
    cdef int compose(self, int64_t begun) except -1 nogil
    cdef void present(self) noexcept nogil
    cdef int land(self) except -1 nogil
    cdef int sleep(self) except -1 nogil
    cdef bint quiet(self) noexcept nogil
    cdef int broke(self, int pane) except -1 with gil
