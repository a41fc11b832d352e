# The three contracts of a pipeline. Users subclass these by cimport, from outside: a change of these layouts breaks
# their compiled code, so nothing is added here that can live elsewhere.
from libc.stdint cimport int64_t, uint64_t

from camkit.memory_manager._abi cimport camkit_frame
from camkit.performance_core._stats cimport histogram


cdef struct source_counters:
    # Written by the source's own thread, read by any.
    uint64_t captured  # frames that the camera made: taken + lost
    uint64_t taken  # frames that next() handed on
    uint64_t driver, corrupt, pool  # frames lost, by cause
    uint64_t copies, copied_bytes  # copies that next() made


cdef struct sink_counters:
    # Written by the sink's own thread, read by any.
    uint64_t displayed  # frames that reached the eye, or the GPU
    uint64_t copies, copied_bytes


cdef class Node:
    cdef public str name
    cdef object __weakref__


cdef class Source(Node):
    cdef source_counters counters
    cdef histogram *dequeue_latency  # owned; timestamp_ns to dequeue_ns, same clock only

    # The next frame with one reference, which the caller owns. Waits at most timeout_ns (0: not at all, negative: until
    # interrupted, or as long as it likes) and returns CAMKIT_OK, CAMKIT_TIMEOUT, CAMKIT_END or CAMKIT_INTERRUPTED. One
    # thread at a time.
    cdef int next(self, camkit_frame **out, int64_t timeout_ns) except -1 nogil
    # Make a waiting next() return CAMKIT_INTERRUPTED soon. Any thread.
    cdef void interrupt(self) noexcept nogil


cdef class Stage(Node):
    # Look at *frame, change it in place if it is writable, or put another frame there (release the old one, hand over a
    # reference to the new one). Returns CAMKIT_OK, or CAMKIT_DROP after releasing *frame and setting it to NULL.
    # On an error *frame stays the caller's.
    cdef int process(self, camkit_frame **frame) except -1 nogil


cdef class Sink(Node):
    cdef sink_counters counters

    # Take the frame over: its reference is the sink's from now on, and stays the caller's on an error.
    cdef int consume(self, camkit_frame *frame) except -1 nogil
    # Called when no frame waits: finish what is under way, for at most timeout_ns. Returns 1 while work is pending,
    # else 0.
    cdef int idle(self, int64_t timeout_ns) except -1 nogil
