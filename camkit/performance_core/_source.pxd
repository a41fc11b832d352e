from libc.stdint cimport int64_t, uint64_t

from camkit.memory_manager._abi cimport camkit_frame
from camkit.performance_core._node cimport Node
from camkit.performance_core._stats cimport histogram


cdef struct source_counters:
    # Written by the source's own thread, read by any.
    uint64_t captured  # frames that the camera made: taken + lost
    uint64_t taken  # frames that next() handed on
    uint64_t driver, corrupt, pool, aborted  # frames lost, by cause
    uint64_t copies, copied_bytes  # copies that next() made


cdef class Source(Node):
    cdef source_counters counters
    cdef histogram *dequeue_latency  # owned; timestamp_ns to dequeue_ns, same clock only

    # The next frame with one reference, which the caller owns. Waits at most timeout_ns (0: not at all, negative: until
    # interrupted, or as long as it likes) and returns CAMKIT_OK, CAMKIT_TIMEOUT, CAMKIT_END or CAMKIT_INTERRUPTED. One
    # thread at a time.
    cdef int next(self, camkit_frame **out, int64_t timeout_ns) except -1 nogil
    # Make a waiting next() return CAMKIT_INTERRUPTED soon. Any thread.
    cdef void interrupt(self) noexcept nogil
