from libc.stdint cimport uint64_t

from camkit.gl_core._debug cimport DebugLog
from camkit.gl_core._gl_table cimport gl_functions
from camkit.gl_core._types cimport (
    GLbitfield, GLboolean, GLchar, GLenum, GLfloat, GLint, GLintptr, GLsizei, GLsizeiptr, GLsync, GLuint,
)


cdef class Functions:
    cdef gl_functions f
    cdef readonly tuple version
    cdef readonly str renderer, vendor, version_text
    cdef readonly frozenset extensions
    cdef readonly DebugLog log
    cdef public object group  # ShareGroup of the context, None: it shares its objects with nobody
    cdef readonly str lost  # why the context is no more; None while it is
    cdef bint debug
    cdef uint64_t told, told_errors  # messages of the log, and errors among them, that an exception has told of
    cdef public double tried_at  # time.monotonic() when trials of the driver last ended; infinity during them, 0: none
    cdef public object egl  # EglFunctions of the same context; None: something else made it

    cdef str _string(self, GLenum name)
    # Whether it is worth while to ask() outside of the regular times: the driver has spoken of an error.
    cdef bint suspicious(self) noexcept nogil
    # The pending error, GL_NO_ERROR if there is none, GL_CONTEXT_LOST if there is no context any more.
    cdef GLenum ask(self) noexcept nogil
    # Raise GLError if a call since the last check failed.
    cpdef int check(self, str what) except -1
    # Raise it for an error that ask() has just answered.
    cdef int fail(self, str what, GLenum error) except -1
    # Raise it for an object that was refused without an error, as a lost context does.
    cdef int fail_lost(self, str what, str said) except -1
