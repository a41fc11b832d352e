from camkit.gl_core._board cimport Board
from camkit.gl_core._hud cimport Hud
from camkit.gl_core._painter cimport Painter
from camkit.gl_core._panel cimport Panel


cdef class Overlay(Painter):
    cdef Board board
    cdef readonly Hud hud
    cdef bytes help  # its lines
    cdef const char *help_text  # inside it
    cdef int help_length

    cdef int scale(self) noexcept nogil
    # Lines of text from a place on, clipped to a width. Returns where the next line begins.
    cdef int lines(self, int x, int y, int scale, int width, const char *text, int length) noexcept nogil
    cdef void paint_help(self, int scale) noexcept nogil
