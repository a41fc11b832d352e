from libc.stdint cimport int64_t, uint64_t

from camkit.memory_manager._abi cimport camkit_frame
from camkit.performance_core._queue cimport Link
from camkit.performance_core._stage cimport Sink, Source, Stage
from camkit.performance_core._stats cimport histogram


cdef extern from "camkit/run_state.hpp" namespace "camkit" nogil:
    cdef cppclass counter "std::atomic<std::uint64_t>":
        uint64_t load() noexcept
    cdef cppclass run_state:
        run_state() noexcept
        counter taken, delivered, pool, link, late, stage, bad, aborted
        uint64_t limit
        bint over() noexcept
        bint broken_off() noexcept
        bint reached() noexcept
        bint may_take() noexcept
        void count(counter &what) noexcept
        void stop() noexcept
        void abort() noexcept
        void await_progress(int64_t timeout_ns) noexcept
    cdef cppclass relaxed_int "std::atomic<std::int64_t>":
        int64_t load() noexcept
        void store(int64_t value) noexcept


cdef class Run:
    cdef run_state *state  # owned


cdef class Worker:
    cdef Run run_of
    cdef run_state *state  # borrowed from run_of
    cdef Source source  # None: frames come from inlet
    cdef Link inlet, outlet
    cdef readonly list stages
    cdef void **stage_pointers  # owned array of borrowed Stage objects; the list keeps them
    cdef histogram **stage_latency  # owned
    cdef int stage_count
    cdef histogram *link_latency  # owned; time that frames waited in inlet
    cdef readonly str link  # name of inlet in the table of latencies
    cdef Sink sink  # None: frames go to outlet
    cdef histogram *sink_latency  # owned; timestamp_ns to the end of consume()
    cdef int64_t first_ns, last_ns  # when the first and the latest frame were delivered, 0: none yet
    cdef camkit_frame *current  # the frame under work, owned; NULL between frames
    cdef relaxed_int *busy_since  # owned; when `at` began its work, 0 while waiting
    cdef uint64_t sequence  # of the frame under work, for busy()
    cdef int at  # node at work: -1 source, 0.. stages, stage_count sink
    cdef readonly object error  # (exception, node, sequence) or None
    cdef readonly object ready, done  # threading.Event
    cdef object hold

    cdef int loop(self) except -1 nogil
    cdef int fetch(self) except -1 nogil
    cdef int fetch_from_link(self) except -1 nogil
    cdef int idle(self, int64_t timeout_ns) except -1 nogil
    cdef int work(self) except -1 nogil
    cdef bint lost(self, Stage stage, int answer) noexcept nogil
    cdef int hand_on(self) except -1 nogil
