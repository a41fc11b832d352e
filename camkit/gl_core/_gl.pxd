from camkit.gl_core._gl_table cimport gl_functions
from camkit.gl_core._types cimport (
    GLbitfield, GLboolean, GLchar, GLenum, GLfloat, GLint, GLintptr, GLsizei, GLsizeiptr, GLsync, GLuint,
)


cdef class Functions:
    cdef gl_functions f
    cdef readonly tuple version
    cdef readonly str renderer, vendor, version_text
    cdef readonly frozenset extensions

    cdef str _string(self, GLenum name)
    # Raise GLError if a call since the last check failed.
    cdef int check(self, str what) except -1
    # Raise it for an error that glGetError() has just answered.
    cdef int fail(self, str what, GLenum error) except -1
