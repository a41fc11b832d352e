from libc.stdint cimport int64_t, uint64_t
from libcpp.atomic cimport atomic

from camkit.gl_core._board cimport Board
from camkit.gl_core._check cimport frame_fault
from camkit.gl_core._flights cimport Flights
from camkit.gl_core._gl cimport gl_functions
from camkit.gl_core._gpu_clock cimport GpuClock
from camkit.gl_core._pacer cimport Pacer, waiting_frame
from camkit.gl_core._painter cimport Painters
from camkit.gl_core._panel cimport Panel
from camkit.gl_core._renderer cimport Renderer
from camkit.gl_core._snapshots cimport Snapshots
from camkit.memory_manager._abi cimport camkit_frame
from camkit.performance_core._sink cimport Sink
from camkit.performance_core._stats cimport histogram

cdef enum:
    SCREEN_PATIENCE_NS = 100_000_000  # a hidden window's screen says nothing


# How the pacer knows a frame.
cdef waiting_frame waits_as(const camkit_frame *f) noexcept nogil


cdef class Drawing(Sink):
    cdef Renderer renderer  # None while there is no context; keeps gl
    cdef gl_functions *gl
    cdef object context
    cdef Flights flights
    cdef Painters painters
    cdef camkit_frame last  # what a painter is told when a window is drawn anew: a record without its memory
    cdef histogram *capture_to_gl  # owned, as the next one
    cdef histogram *capture_to_drawn
    cdef GpuClock clock  # of the last context; None before the first
    cdef uint64_t drawn, refused, fallbacks, stayed
    cdef uint64_t shown_sequence  # of the picture
    cdef frame_fault fault  # of the last frame that was refused
    cdef void (*swap)(void *) noexcept nogil  # NULL without a window
    cdef void *window
    cdef atomic[int] window_width, window_height  # written by the thread of the window's events
    cdef int shown_width, shown_height
    cdef Board board  # None unless hands may zoom, pan and freeze
    cdef Panel panel  # of the board, this picture's
    cdef Pacer pacer  # of the last window; None without one
    cdef int64_t begun[4]  # when the drawing of each frame under way began
    cdef Snapshots snapshots  # its owner is the thread that may draw

    # Make all that belongs to `context`, which is current; `wish` and `size` are the Renderer's.
    cdef int open(self, context, str wish, size) except -1
    # 1: drawn, 0: refused as unreadable, which `fault` tells. The frame stays the caller's, and is not needed any more.
    cdef int draw(self, camkit_frame *f) except -1 nogil
    # The picture is frozen.
    cdef bint _stays(self) noexcept nogil
    # Put together what is seen. `f` is for the painters.
    cdef int _compose(self, const camkit_frame *f) except -1 nogil
    # `stamp`: of the frame that is new in the picture, monotonic; 0: not known. Negative: nothing is new.
    cdef void _present(self, int64_t stamp) noexcept nogil
    # Wait a little for what the screen has to say of the last pictures.
    cdef void _await_screen(self) noexcept nogil
    # Count the finished frames; wait for the oldest at most timeout_ns. Returns how many were finished.
    cdef int _retire(self, int64_t timeout_ns) except -1 nogil
    cdef int _drain(self) except -1 nogil
    # Give up all that belongs to the context, also after an error in the middle.
    cdef int _forget(self) except -1
    cdef int _serve(self) except -1 with gil
    # The picture as a Shot, None if there is none, or the error in its stead.
    cdef object _picture(self)
