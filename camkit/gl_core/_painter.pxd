from camkit.gl_core._gl cimport Functions
from camkit.gl_core._types cimport GLuint
from camkit.memory_manager._abi cimport camkit_frame

cdef enum:
    PAINTERS = 8  # of one sink


# What there is to paint on and to paint from. Valid during paint() only.
cdef struct painting:
    GLuint framebuffer  # bound for drawing, with the viewport over all of it; 0: the window
    int width, height  # of the framebuffer, in pixels
    int x, y, picture_width, picture_height  # where the picture lies in it, from the framebuffer's row 0
    bint upward  # row 0 of the framebuffer is the lowest one that is seen, as a window has it
    GLuint picture  # texture of R'G'B' in the frame's own size, row 0 its top row
    GLuint textures[4]  # the frame's planes as they came; of a frame's own memory only if the sink is live
    int texture_count
    # The frame that was drawn last. Its planes point nowhere when it was given back, as when a window is drawn anew.
    const camkit_frame *frame


cdef class Painter:
    # The context is current in the three of them; open() and close() have the GIL. A painter may change the program,
    # the vertex array and what textures, buffers and framebuffers are bound; whatever else it sets it sets back.
    cdef int open(self, Functions functions) except -1
    # On an error the sink stops as a stage does that raises one.
    cdef int paint(self, painting *p) except -1 nogil
    cdef int close(self) except -1


cdef class Painters:
    cdef list painters
    cdef void *pointers[8]  # borrowed; the list keeps them
    cdef int count
    cdef bint opened
    cdef bint busy  # one of them is at work: what it draws with must stay
    cdef int add(self, Painter painter) except -1
    cdef int open(self, Functions functions) except -1
    cdef int paint(self, painting *p) except -1 nogil
    # Close all that were opened, also after an error of one; the first error is raised.
    cdef int close(self) except -1
