from libc.stdint cimport int64_t, uint64_t

from camkit.memory_manager._abi cimport camkit_frame
from camkit.performance_core._node cimport Node


cdef struct sink_counters:
    # Written by the sink's own thread, read by any.
    uint64_t displayed  # frames that reached the eye, or the GPU
    uint64_t copies, copied_bytes


cdef class Sink(Node):
    cdef sink_counters counters
    # A sink that wants frames at moments of its own, such as a screen's refreshes, sets in start() how many may wait in
    # front of it; 0: each is consumed as it comes.
    cdef int room
    cdef int64_t wake_ns  # when it wants to be asked again, on the monotonic clock; 0: with the next frame

    # Which of the waiting frames, the oldest first, is to be consumed now: its index, those before it are dropped as
    # `late`; or -1: none yet. The last `fresh` of them were not there when it was asked last. Asked with each frame
    # that comes, and at wake_ns, which it sets. Only with `room`.
    cdef int choose(self, camkit_frame **waiting, int count, int fresh) noexcept nogil
    # Take the frame over: its reference is the sink's from now on, and stays the caller's on an error.
    cdef int consume(self, camkit_frame *frame) except -1 nogil
    # Called when no frame waits: finish what is under way, for at most timeout_ns. Returns 1 while work is pending,
    # else 0.
    cdef int idle(self, int64_t timeout_ns) except -1 nogil
