from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint64_t


cdef extern from "camkit/trace.hpp" namespace "camkit" nogil:
    cdef enum trace_kind "camkit::trace_kind":
        trace_take "camkit::trace_kind::take"
        trace_stage "camkit::trace_kind::stage"
        trace_sink "camkit::trace_kind::sink"
        trace_push "camkit::trace_kind::push"
        trace_pop "camkit::trace_kind::pop"
        trace_aborted "camkit::trace_kind::aborted"
    cdef struct trace_event:
        uint64_t begin, end, frame
        int32_t place
        trace_kind kind
        uint8_t answer
        uint16_t extra
    cdef cppclass trace_ring:
        trace_ring(size_t capacity) except +
        bint ok() noexcept
        size_t capacity() noexcept
        void record(trace_kind kind, int32_t place, uint64_t frame, uint64_t begin, uint64_t end, int answer,
                    uint64_t extra) noexcept
        uint64_t recorded() noexcept
        uint64_t lost() noexcept
        bint read(uint64_t at, trace_event *out) noexcept


cdef extern from "camkit/tick.hpp" namespace "camkit" nogil:
    cdef cppclass tick_rate:
        pass
    cdef cppclass tick_pair:
        uint64_t ticks
        int64_t ns
        @staticmethod
        tick_pair read(const tick_rate &rate) noexcept
    const tick_rate &the_tick_rate() noexcept


cdef class TraceRing:
    cdef trace_ring *ring  # owned
