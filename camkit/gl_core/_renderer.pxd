from libc.stdint cimport uint32_t

from camkit.gl_core._gl cimport Functions, GLuint, gl_functions
from camkit.gl_core._ladder cimport Ladder
from camkit.gl_core._painter cimport painting
from camkit.gl_core._target cimport target
from camkit.gl_core._types cimport GLint
from camkit.gl_core._view cimport placement
from camkit.memory_manager._abi cimport camkit_colour, camkit_frame


cdef class Renderer:
    cdef Functions functions  # keeps gl
    cdef gl_functions *gl
    cdef Ladder ladder  # None until the first format is known
    cdef str wish  # transfer that was asked for
    cdef tuple fixed_size
    cdef GLuint vertex_array, program
    cdef bint live  # painters are given a frame's own memory as textures
    cdef bint folded  # the program can draw folded planes
    cdef GLint folds[16]  # what it was told of them
    cdef GLint fold_places[4]
    cdef target picture, scaled  # in the frame's own size; in the size asked for, if one was
    cdef camkit_colour colour
    cdef uint32_t format, width, height
    cdef str conversion
    cdef readonly list changes
    cdef painting shown  # where the picture was drawn last, for the painters; without a frame

    # Upload and convert a frame, which check_frame() passed, into the picture. Returns the bytes copied.
    cdef Py_ssize_t draw(self, camkit_frame *f) except -1 nogil
    # The GPU reads the last frame's own memory, until a fence behind the drawing has signalled.
    cdef bint holds(self) noexcept nogil
    cdef void _draw_picture(self) noexcept nogil
    # The picture into another framebuffer, as large as it fits with its shape kept.
    cdef void fit(self, GLuint framebuffer, int width, int height, bint upward) noexcept nogil
    # The picture, or a part of it, in a place of a window of this size.
    cdef void show(self, int width, int height, const placement *at) noexcept nogil
    cdef void _show_in(self, GLuint framebuffer, int width, int height, bint upward) noexcept nogil
    cdef int configure(self, uint32_t format, uint32_t width, uint32_t height, strides) except -1
    # A new program for the format in the place of the last one.
    cdef int _make_program(self, bint folded) except -1
    # Tell the program how the rows of the last frame lie in the textures.
    cdef int _follow_folds(self) except -1 nogil
    cdef int _set_colour(self, camkit_colour colour) except -1
    cdef int _drop_picture(self) except -1
