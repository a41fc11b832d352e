from libcpp.atomic cimport atomic

from camkit.gl_core._board cimport Board
from camkit.gl_core._gl cimport gl_functions
from camkit.gl_core._overlay cimport Overlay
from camkit.gl_core._pane cimport Pane


cdef class GridLoop:
    cdef readonly object context
    cdef Board board
    cdef Overlay overlay
    cdef gl_functions *gl  # of the context
    cdef tuple panes
    cdef void *pointers[16]  # the panes; the tuple keeps them
    cdef int count
    cdef void (*swap)(void *) noexcept nogil
    cdef void *window
    cdef object lock, orders, failure
    cdef readonly object group  # ShareGroup of the panes' memory, None: they have lent none
    cdef bint ended
    cdef atomic[int] ordered  # there are orders, or it is to end
    cdef atomic[int] stopping
    cdef atomic[int] width, height  # of the window, in pixels

    # Draw until there are orders.
    cdef int loop(self) except -1 nogil
    cdef int compose(self) except -1 nogil
    cdef bint quiet(self) noexcept nogil
    cdef int broke(self, int pane) except -1 with gil
