"""Waiting: the frames in front of a sink that wants each at its own moment, such as a screen's refresh."""

from libc.stdint cimport int64_t

from camkit.memory_manager._abi cimport camkit_frame, now_ns

cdef int64_t SLICE_NS = 10_000_000


cdef class Waiting:
    """Keep the newest frames until the sink chooses one. Belongs to the sink's thread."""

    def __cinit__(self, Sink sink not None):
        self.sink = sink

    cdef camkit_frame *add(self, camkit_frame *frame) noexcept nogil:
        cdef camkit_frame *old = NULL
        if self.count == min(self.sink.room, WAITING):
            old = self.take()
        self.frames[self.count] = frame
        self.count += 1
        self.fresh += 1
        return old

    cdef int choose(self) noexcept nogil:
        cdef int fresh = self.fresh
        self.fresh = 0
        return self.sink.choose(self.frames, self.count, fresh)

    cdef camkit_frame *take(self) noexcept nogil:
        cdef camkit_frame *oldest = self.frames[0]
        cdef int i
        if self.count == 0:
            return NULL
        self.count -= 1
        for i in range(self.count):
            self.frames[i] = self.frames[i + 1]
        self.fresh = min(self.fresh, self.count)
        return oldest

    cdef int64_t patience(self, int64_t longest) noexcept nogil:
        cdef int64_t left
        if self.sink.wake_ns == 0:
            return longest
        left = max(self.sink.wake_ns - now_ns(), 0)
        return left if longest < 0 else min(left, longest)

    cdef void sleep(self) noexcept nogil:
        sleep_ns(self.patience(SLICE_NS))
