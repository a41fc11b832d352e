from libc.stdint cimport int16_t, uint32_t

from camkit.gl_core._gl cimport Functions, GLuint, gl_functions
from camkit.gl_core._types cimport GLint

cdef enum:
    HUD_CELLS = 8192
    LETTER_WIDTH = 6
    LETTER_HEIGHT = 10


# What the shader takes for one letter or box.
cdef struct hud_cell:
    int16_t x, y, width, height
    uint32_t upper, lower
    uint32_t colour  # 0xAABBGGRR


cdef class Hud:
    cdef Functions functions  # keeps gl
    cdef gl_functions *gl
    cdef GLuint program, vertex_array, buffer  # owned
    cdef GLint size_location
    cdef hud_cell cells[8192]
    cdef int count
    cdef readonly int lost  # cells that there was no room for, in the last drawing
    cdef uint32_t letters[128][2]

    cdef int open(self, Functions functions) except -1
    cdef int close(self) except -1
    cdef void begin(self) noexcept nogil
    cdef void box(self, int x, int y, int width, int height, uint32_t colour) noexcept nogil
    # One line; a dot of a letter has scale x scale pixels.
    cdef void text(self, int x, int y, int scale, const char *line, int length, uint32_t colour) noexcept nogil
    # All since begin(), by one call, into the framebuffer that is bound.
    cdef void draw(self, int width, int height) noexcept nogil
    cdef void _add(self, int x, int y, int width, int height, const uint32_t *dots, uint32_t colour) noexcept nogil
