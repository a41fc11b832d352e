from libc.stdint cimport int64_t
from libcpp.atomic cimport atomic

from camkit.gl_core._panel cimport Panel
from camkit.performance_core._queue cimport parker

cdef enum:
    MOST_PANELS = 16

cdef enum gesture_kind:
    GESTURE_MOVE
    GESTURE_LEAVE
    GESTURE_PRESS
    GESTURE_RELEASE
    GESTURE_WHEEL  # amount: notches
    GESTURE_ZOOM  # amount: factor
    GESTURE_PAN  # x, y: shares of the panel
    GESTURE_RESET
    GESTURE_FREEZE  # number: -1 the other way, 0, 1; as the next three
    GESTURE_OVERLAY
    GESTURE_INSPECTOR
    GESTURE_HELP
    GESTURE_ALONE  # number: of the panel, -1: all


# What a hand did, or a program. Places are in pixels of the window, from its upper left corner.
cdef struct gesture:
    int kind, number
    double x, y, amount


cdef extern from "camkit/spsc_ring.hpp" namespace "camkit" nogil:
    cdef cppclass spsc_ring[T]:
        spsc_ring(size_t capacity) noexcept
        bint ok() noexcept
        bint try_push(const T &value) noexcept
        bint try_pop(T &value) noexcept
        bint empty() noexcept


cdef class Board:
    cdef readonly tuple panels
    cdef void *pointers[16]  # the panels; the tuple keeps them
    cdef int count
    cdef spsc_ring[gesture] *gestures  # owned; from the window's thread to the one that draws
    cdef parker *bell  # owned; rung for each gesture
    cdef readonly bint overlay, inspector, help
    cdef readonly int alone  # the only panel on show, -1: all are
    cdef atomic[int] stale  # there is something new to be seen that no gesture tells, such as a caption
    cdef int width, height  # of the window, in pixels
    cdef atomic[int] percent  # how much larger than on an ordinary monitor letters are, by the window's thread
    cdef double x, y  # of the cursor
    cdef bint inside  # it is in the window
    cdef int dragged  # the panel that a hand has hold of; -1: none
    cdef double travel  # how far since it was taken hold of
    cdef int64_t served_ns  # when the last gesture was seen

    # Do what the gestures say; returns whether there was one, so that the window is to be drawn anew.
    cdef bint serve(self) noexcept nogil
    # A hand is at work, or was just now: do not sleep for long.
    cdef bint busy(self) noexcept nogil
    # While one is busy: wait for its next gesture, at most timeout_ns. Returns busy().
    cdef bint await_hands(self, int64_t timeout_ns) noexcept nogil
    # Divide the window among the panels on show.
    cdef void divide(self, int width, int height) noexcept nogil
    cdef bint shown(self, int panel) noexcept nogil
    cdef int panel_at(self, double x, double y) noexcept nogil
    cdef void _obey(self, const gesture *g) noexcept nogil
    cdef void _steer(self, const gesture *g, int panel) noexcept nogil
