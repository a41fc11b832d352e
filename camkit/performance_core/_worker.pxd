from libc.stdint cimport int64_t, uint64_t

from camkit.memory_manager._abi cimport camkit_frame
from camkit.performance_core._delivery cimport Delivery
from camkit.performance_core._outlets cimport Outlet, Outlets, outlet
from camkit.performance_core._source cimport Source
from camkit.performance_core._stats cimport histogram


cdef class Worker(Delivery):
    cdef Source source  # None: frames come from inlet
    cdef Outlet inlet
    cdef int64_t patience_ns  # of a sink at its link; negative: no end
    cdef Outlets outlets
    cdef histogram *link_latency  # owned; time that frames waited in inlet
    cdef bint flowing  # between start() and stop() of the nodes
    cdef bint tee  # the outlets are branches
    cdef bint fan_in  # the source is a Match, which ends by itself
    cdef readonly object error  # (exception, node, sequence) or None
    cdef readonly object ready, done  # Latch
    cdef object hold

    cdef int loop(self) except -1 nogil
    cdef int fetch(self) except -1 nogil
    cdef int fetch_from_source(self) except -1 nogil
    cdef int fetch_from_link(self) except -1 nogil
    cdef int hand_on(self) except -1 nogil
    cdef void forward(self, camkit_frame *frame) noexcept nogil
    cdef int push(self, outlet *to, camkit_frame *frame, uint64_t number) noexcept nogil
