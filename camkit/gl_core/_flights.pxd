from libc.stdint cimport int64_t, uint64_t

from camkit.gl_core._gl cimport Functions, GLsync, GLuint, gl_functions
from camkit.gl_core._gpu_clock cimport GpuClock
from camkit.performance_core._stats cimport histogram

cdef enum:
    FLIGHTS = 3  # frames that the GPU may have under way at once


# A drawn frame whose fence has not signalled yet.
cdef struct flight:
    GLsync fence  # owned
    GLuint timer  # owned: a query of when the GPU came here; 0 if it has no clock
    int64_t timestamp_ns
    bint timed  # the timestamp is on our clock


cdef class Flights:
    cdef Functions functions  # keeps gl
    cdef gl_functions *gl
    cdef flight flights[3]
    cdef int first, count
    cdef histogram *latency  # borrowed from the sink, which lives longer, as the next one
    cdef histogram *drawing
    cdef GpuClock clock
    cdef int64_t drawn_ns  # when the GPU had drawn the last finished frame, monotonic; 0: it does not tell

    # Put a fence behind what was drawn. There must be room.
    cdef int push(self, int64_t timestamp_ns, bint timed) except -1 nogil
    # Forget the finished frames, oldest first, and record their latency; wait for the oldest at most timeout_ns.
    # Returns how many were finished.
    cdef int retire(self, int64_t timeout_ns) except -1 nogil
    # Delete the fences and timers without looking at them.
    cdef void drop(self) noexcept nogil


cdef Flights Flights_make(Functions functions, histogram *latency, histogram *drawing)
