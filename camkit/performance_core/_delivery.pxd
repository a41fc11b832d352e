from libc.stdint cimport int64_t

from camkit.memory_manager._abi cimport camkit_frame
from camkit.performance_core._chain cimport Chain
from camkit.performance_core._sink cimport Sink
from camkit.performance_core._stats cimport histogram
from camkit.performance_core._waiting cimport Waiting


cdef class Delivery(Chain):
    cdef Sink sink  # None: frames go elsewhere
    cdef Waiting waiting  # in front of the sink; None without one
    cdef histogram *sink_latency  # owned; timestamp_ns to the end of consume()

    cdef int deliver_to(self, Sink sink) except -1
    cdef int idle(self, int64_t timeout_ns) except -1 nogil
    cdef int consume(self, camkit_frame *frame) except -1 nogil
    # Let a frame wait for its moment, and give the sink those whose moment it is.
    cdef void keep(self, camkit_frame *frame) noexcept nogil
    cdef int pace(self) except -1 nogil
    # The stream has ended: what waits has its turn still.
    cdef int finish(self) except -1 nogil
    # The run was broken off: what waits is lost.
    cdef int abandon(self) except -1
    cdef void replaced(self, camkit_frame *frame) noexcept nogil
    cdef void trace_loss(self, camkit_frame *frame) noexcept
    cdef void count_delivery(self) noexcept nogil
