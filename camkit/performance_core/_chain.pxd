from libc.stdint cimport int64_t, uint64_t

from camkit.memory_manager._abi cimport camkit_frame
from camkit.performance_core._outlets cimport lone_counter, lone_int
from camkit.performance_core._run cimport Run, run_state
from camkit.performance_core._stage cimport Stage
from camkit.performance_core._stats cimport histogram
from camkit.performance_core._trace cimport TraceRing, trace_ring


cdef extern from "camkit/worker_state.hpp" namespace "camkit" nogil:
    cdef cppclass worker_state:
        worker_state() except +
        lone_counter fetched, delivered, forwarded, shared, stage, bad, pool, late, aborted
        lone_counter first, last, sequence, since
        lone_int at


cdef extern from "camkit/tick.hpp" namespace "camkit" nogil:
    cdef cppclass tick_clock:
        tick_clock() except +
        uint64_t now() noexcept
        int64_t between(uint64_t earlier, uint64_t later) noexcept
        int64_t monotonic(uint64_t ticks) noexcept


cdef class Chain:
    cdef Run run_of
    cdef run_state *state  # borrowed from run_of
    cdef worker_state *w  # owned
    cdef tick_clock *clock  # owned; its calls are this thread's, but for between()
    cdef readonly list stages
    cdef void **stage_pointers  # owned array of borrowed Stage objects; the list keeps them
    cdef histogram **stage_latency  # owned
    cdef int stage_count
    cdef camkit_frame **frames  # owned array of `batch`; those from `begin` to `end` are in this thread's hands
    cdef int *answers  # owned array of `batch`
    cdef readonly int batch
    cdef int begin, end
    cdef uint64_t tick  # when the last piece of work was done
    cdef bint limited  # its frames count for the run's limit
    cdef trace_ring *trace  # of `tracing`; NULL: nobody wants to know
    cdef TraceRing tracing
    cdef uint64_t *numbers  # owned array of `batch`: the frames under work, which a stage may let go; only for a trace
    cdef bint stamping  # no other thread has its frames, so that it may write into them

    cdef int work(self) except -1 nogil
    cdef int pass_one(self, int i, Stage stage) except -1 nogil
    cdef int pass_batch(self, int i, Stage stage) except -1 nogil
    cdef bint lost(self, Stage stage, int answer) noexcept nogil


# Returns -1 with an exception, the node's own if it has raised one.
cdef int failed(const char *method) except -1 nogil
