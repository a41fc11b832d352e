from libc.stdint cimport uint32_t, uint64_t

from camkit.gl_core._gl_table cimport gl_functions


cdef extern from "camkit/message_ring.hpp" namespace "camkit" nogil:
    cdef struct message:
        uint32_t kind, source, severity, id
        char text[240]
    cdef cppclass message_ring:
        void push(uint32_t kind, uint32_t source, uint32_t severity, uint32_t id, const char *text,
                  size_t length) noexcept
        uint64_t total() noexcept
        uint64_t count(uint32_t kind) noexcept
        bint read(uint64_t number, message &out) noexcept

cdef enum message_kind:
    MESSAGE_ERROR
    MESSAGE_PERFORMANCE
    MESSAGE_OTHER


cdef class DebugLog:
    # Owned; but the driver may write into it until the context is gone, so it is leaked if nobody says so.
    cdef message_ring *ring
    cdef bint heard  # the driver calls back

    # Have the driver of the context that is current call back; with `debug`, within the call that it speaks of.
    cdef int listen(self, gl_functions *gl, bint debug) except -1
    # What it said of errors from message number `begin` on.
    cdef list errors_since(self, uint64_t begin)
