from camkit.gl_core._gl cimport Functions, GLint, GLuint, gl_functions
from camkit.gl_core._target cimport target
from camkit.memory_manager._abi cimport camkit_colour, camkit_frame


cdef class Packer:
    cdef Functions functions  # keeps gl
    cdef gl_functions *gl
    # Both owned; none in a format that is the picture itself.
    cdef GLuint program
    cdef target packed
    cdef GLint weights_at
    cdef int columns, rows
    cdef bint grey, weighed
    cdef camkit_colour colour  # whose weights are set, if any are

    # Draw the bytes of the picture in `texture` and return the framebuffer that has them, `picture` where it has. A
    # vertex array must be bound; leaves its program in use.
    cdef GLuint pack(self, GLuint texture, GLuint picture, const camkit_colour *colour) except? 0 nogil
    # What a frame says of the packed picture that was made of one of this colour.
    cdef void describe(self, camkit_frame *f) noexcept nogil
    cdef int _set_weights(self, camkit_colour colour) except -1
