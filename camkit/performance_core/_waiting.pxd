from libc.stdint cimport int64_t

from camkit.memory_manager._abi cimport camkit_frame
from camkit.performance_core._sink cimport Sink

cdef extern from * nogil:
    """
    #include <chrono>
    #include <thread>
    static inline void camkit_sleep_ns(long long ns) {
      std::this_thread::sleep_for(std::chrono::nanoseconds(ns));
    }
    """
    void sleep_ns "camkit_sleep_ns"(long long ns) noexcept

cdef enum:
    WAITING = 16  # frames, at most


cdef class Waiting:
    cdef Sink sink
    cdef camkit_frame *frames[16]  # one reference each, the oldest first
    cdef int count, fresh

    # Put a frame in. Returns the one that it takes the place of, whose reference is the caller's again; or NULL.
    cdef camkit_frame *add(self, camkit_frame *frame) noexcept nogil
    # The index of the frame that is to be consumed now; -1: none.
    cdef int choose(self) noexcept nogil
    # Take the oldest out; NULL: there is none.
    cdef camkit_frame *take(self) noexcept nogil
    # How long one may sleep before the sink wants to be asked again, `longest` at the most; negative: for ever.
    cdef int64_t patience(self, int64_t longest) noexcept nogil
    # Sleep for so long, without a link that would wake one.
    cdef void sleep(self) noexcept nogil
