from libc.stdint cimport int64_t, uint64_t

from camkit.gl_core._gl cimport Functions, GLsync, GLuint, gl_functions
from camkit.gl_core._gpu_clock cimport GpuClock
from camkit.memory_manager._abi cimport camkit_frame
from camkit.performance_core._stats cimport histogram

cdef enum:
    FLIGHTS = 3  # frames that the GPU may have under way at once


# A drawn frame whose fence has not signalled yet.
cdef struct flight:
    GLsync fence  # owned
    GLuint timer  # owned: a query of when the GPU came here; 0 if it has no clock
    camkit_frame *frame  # one reference while the GPU may read its memory; NULL if it does not
    int64_t timestamp_ns
    bint timed  # the timestamp is on our clock


cdef enum:
    LOGGED = 128


# The latest latencies, for a graph: value n is at n % LOGGED.
cdef struct latency_log:
    int64_t values[128]
    uint64_t count


cdef class Flights:
    cdef Functions functions  # keeps gl
    cdef gl_functions *gl
    cdef flight flights[3]
    cdef int first, count
    cdef camkit_frame *kept  # one reference; for the next flight
    cdef bint live  # a frame is kept until the fence of the one after it
    cdef camkit_frame *shown  # one reference; of the last flight, if live
    cdef histogram *latency  # borrowed from the sink, which lives longer, as the next one
    cdef histogram *drawing
    cdef latency_log *log  # borrowed as those; NULL: none
    cdef GpuClock clock
    cdef int64_t drawn_ns  # when the GPU had drawn the last finished frame, monotonic; 0: it does not tell

    # The GPU reads this frame's own memory from now on: a reference of ours keeps it until the fence of the next push()
    # has signalled, or until the end if none comes.
    cdef void keep(self, camkit_frame *frame) noexcept nogil
    # Put a fence behind what was drawn. There must be room.
    cdef int push(self, int64_t timestamp_ns, bint timed) except -1 nogil
    # Forget the finished frames, oldest first: record their latency and let go of their memory. Wait for the oldest at
    # most timeout_ns. Returns how many were finished.
    cdef int retire(self, int64_t timeout_ns) except -1 nogil
    # Frames whose memory the GPU may read.
    cdef int held(self) noexcept nogil
    # Delete the fences and timers without looking at them. Waits for the GPU if it may still read a frame's memory.
    cdef void drop(self) noexcept nogil
    # Let go of what painters may have of the last frame, and of one that was never pushed.
    cdef void rest(self) noexcept nogil
    cdef void _let_go(self, camkit_frame **frame) noexcept nogil


cdef Flights Flights_make(Functions functions, histogram *latency, histogram *drawing)
