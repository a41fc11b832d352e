from libc.stdint cimport int64_t, uint64_t

from camkit.memory_manager._abi cimport camkit_frame
from camkit.performance_core._outlets cimport Outlet, outlet
from camkit.performance_core._source cimport Source


cdef extern from "camkit/frame_matcher.hpp" namespace "camkit" nogil:
    cdef enum match_fault "camkit::frame_matcher::fault":
        match_other_clock "camkit::frame_matcher::other_clock"
        match_came_twice "camkit::frame_matcher::came_twice"
    cdef cppclass frame_matcher:
        frame_matcher(int64_t tolerance_ns, int64_t patience_ns) except +
        void add(outlet *inlet) noexcept
        uint64_t matched() noexcept
        uint64_t unmatched(int i) noexcept
        int next(camkit_frame **out, int64_t timeout_ns) noexcept
        void interrupt() noexcept
        void finish() noexcept
        match_fault trouble() noexcept
        int culprit() noexcept
        uint64_t sequence() noexcept


cdef class Matcher(Source):
    cdef frame_matcher *m  # owned
    cdef readonly list inlets  # Outlets; what `m` points to
    cdef readonly list names  # of the inputs
    cdef object ended
