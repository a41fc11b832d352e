"""Delivery: how the last thread of a branch gives frames to their sink, at once or each at its moment."""

from libc.stdint cimport int64_t, uint64_t

from camkit.memory_manager._abi cimport (
    CAMKIT_CLOCK_MONOTONIC,
    CAMKIT_DROP,
    CAMKIT_OK,
    camkit_frame,
    camkit_frame_release,
    now_ns,
)
from camkit.performance_core._chain cimport Chain, failed
from camkit.performance_core._sink cimport Sink
from camkit.performance_core._stats cimport histogram
from camkit.performance_core._trace cimport trace_aborted, trace_sink

cdef int64_t LAST_NS = 1_000_000_000  # frames that wait for their moment when the stream ends are shown within this

# As in Chain: a node's -1 may come without an exception.
ctypedef int (*consume_method)(Sink, camkit_frame *) noexcept nogil
ctypedef int (*idle_method)(Sink, int64_t) noexcept nogil


cdef class Delivery(Chain):
    """A chain with a sink at its end, or without; counts what reached it."""

    def __cinit__(self, *args, **options):
        self.sink_latency = new histogram()
        if not self.sink_latency:
            raise MemoryError("no memory for a pipeline thread")

    def __dealloc__(self):
        del self.sink_latency

    cdef int deliver_to(self, Sink sink) except -1:
        self.sink, self.waiting = sink, Waiting(sink)
        return 0

    cdef int idle(self, int64_t timeout_ns) except -1 nogil:
        cdef int pending = (<idle_method>self.sink.idle)(self.sink, timeout_ns)
        if pending == -1:
            failed("idle")
        return pending

    cdef int consume(self, camkit_frame *frame) except -1 nogil:
        cdef int64_t stamp = frame.timestamp_ns
        cdef bint timed = frame.clock == CAMKIT_CLOCK_MONOTONIC
        cdef uint64_t began = self.tick
        self.w.at.set(self.stage_count)
        self.w.sequence.set(frame.sequence)
        self.w.since.set(self.tick)
        if (<consume_method>self.sink.consume)(self.sink, frame) == -1:
            failed("consume")
        self.tick = self.clock.now()
        self.w.since.set(0)
        if self.trace != NULL:
            self.trace.record(trace_sink, -1, self.w.sequence.get(), began, self.tick, 0, 0)
        if timed:
            self.sink_latency.record(self.clock.monotonic(self.tick) - stamp)
        self.w.delivered.add(1)
        self.count_delivery()
        return CAMKIT_OK

    cdef void keep(self, camkit_frame *frame) noexcept nogil:
        cdef camkit_frame *old = self.waiting.add(frame)
        if old != NULL:
            self.replaced(old)

    cdef int pace(self) except -1 nogil:
        cdef int _i, chosen = self.waiting.choose()
        while chosen >= 0:
            for _i in range(chosen):
                self.replaced(self.waiting.take())
            self.tick = self.clock.now()
            self.consume(self.waiting.frames[0])  # in our hands until then
            self.waiting.take()
            chosen = self.waiting.choose()
        return 0

    cdef int finish(self) except -1 nogil:
        cdef int64_t until = now_ns() + LAST_NS
        while self.sink is not None and self.waiting.count and not self.state.aborting():
            self.pace()
            if self.waiting.count and now_ns() > until:
                while self.waiting.count > 1:
                    self.replaced(self.waiting.take())
                self.consume(self.waiting.frames[0])
                self.waiting.take()
            elif self.waiting.count:
                self.waiting.sleep()
        return 0

    cdef void replaced(self, camkit_frame *frame) noexcept nogil:
        cdef uint64_t now
        if self.trace != NULL:
            now = self.clock.now()
            self.trace.record(trace_sink, -1, frame.sequence, now, now, CAMKIT_DROP, 0)
        camkit_frame_release(frame)
        self.w.late.add(1)
        if self.limited:
            self.state.lose()

    cdef int abandon(self) except -1:
        cdef camkit_frame *left = NULL
        if self.waiting is not None:
            left = self.waiting.take()
        while left != NULL:
            self.trace_loss(left)
            camkit_frame_release(left)
            self.w.aborted.add(1)
            left = self.waiting.take()
        return 0

    cdef void trace_loss(self, camkit_frame *frame) noexcept:
        cdef uint64_t now
        if self.trace != NULL:
            now = self.clock.now()
            self.trace.record(trace_aborted, -1, self.w.sequence.get() if frame == NULL else frame.sequence, now, now,
                              0, 0)

    cdef void count_delivery(self) noexcept nogil:
        if self.w.first.get() == 0:
            self.w.first.set(self.tick)
        self.w.last.set(self.tick)
        if self.limited:
            self.state.deliver()
