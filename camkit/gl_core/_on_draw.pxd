from camkit.gl_core._gl cimport Functions
from camkit.gl_core._painter cimport Painter, painting
from camkit.gl_core._types cimport GLuint


cdef class DrawContext:
    cdef Functions functions  # keeps the table that `blit` uses
    cdef object context
    cdef painting *p  # what is painted now; NULL outside of the call
    cdef GLuint[2] framebuffers  # owned; those that a foreign texture is read from and drawn into

    cdef painting *now(self, str what) except NULL
    cdef int blit(self, GLuint source, tuple size, GLuint to, tuple box, bint flip) except -1
    cdef int attach(self, int which, object texture, str what) except -1


cdef class OnDraw(Painter):
    cdef object call, context
    cdef DrawContext drawing
    # The context is known only when the sink has opened it.
    cdef int use(self, context) except -1
    cdef int _call(self, painting *p) except -1
