"""Chain: the stages of one pipeline thread, and the frames in its hands."""

from cpython.exc cimport PyErr_Occurred
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport calloc, free
from libcpp.vector cimport vector

from camkit.memory_manager._abi cimport (
    CAMKIT_BAD_FRAME,
    CAMKIT_DROP,
    CAMKIT_END,
    CAMKIT_FULL,
    CAMKIT_OK,
    CAMKIT_TIMEOUT,
    camkit_frame,
    camkit_frame_stamp,
)
from camkit.performance_core._run cimport Run
from camkit.performance_core._stage cimport Stage
from camkit.performance_core._stats cimport histogram, summary_of
from camkit.performance_core._trace cimport TraceRing, trace_stage

# Answers of nodes are looked at here, not by Cython, which takes every -1 for an exception: a thread with one that was
# never raised would end without a word.
ctypedef int (*process_method)(Stage, camkit_frame **) noexcept nogil
ctypedef int (*process_n_method)(Stage, camkit_frame **, int *, int) noexcept nogil


# Returns -1 with an exception, the node's own if it has raised one.
cdef int failed(const char *method) except -1 nogil:
    with gil:
        return raise_failed(method)


cdef int raise_failed(const char *method) except -1:
    if PyErr_Occurred() == NULL:
        raise ValueError(f"{method.decode()}() answered -1 without an exception")
    return -1


cdef int refuse(int answer, bint frame) except -1 with gil:
    raise ValueError(f"process() answered {answer} {'with' if frame else 'without'} a frame: CAMKIT_OK goes with one, "
                     "CAMKIT_DROP, CAMKIT_BAD_FRAME and CAMKIT_FULL without")


cdef class Chain:
    """Pass frames through stages, one at a time or several, and count what becomes of them.

    Parameters
    ----------
    run : Run
        Shared with the other threads of the run.
    stages : list of Stage
        In order.
    batch : int
        Frames that are in hand at once, at most.
    """

    def __cinit__(self, Run run not None, list stages not None, int batch, *args, **options):
        self.run_of = run
        self.state = run.state
        self.stages = list(stages)
        self.batch = batch
        cdef Stage stage
        cdef int i
        self.w = new worker_state()
        self.clock = new tick_clock()
        self.frames = <camkit_frame **>calloc(batch, sizeof(void *))
        self.answers = <int *>calloc(batch, sizeof(int))
        self.stage_pointers = <void **>calloc(len(stages) + 1, sizeof(void *))
        self.stage_latency = <histogram **>calloc(len(stages) + 1, sizeof(void *))
        if not (self.w and self.clock and self.frames and self.answers and self.stage_pointers and self.stage_latency):
            raise MemoryError("no memory for a pipeline thread")
        self.w.at.set(-2)
        for i, stage in enumerate(self.stages):
            self.stage_pointers[i] = <void *>stage
            self.stage_latency[i] = new histogram()
            if not self.stage_latency[i]:
                raise MemoryError("no memory for a pipeline thread")
            self.stage_count = i + 1

    def __dealloc__(self):
        cdef int i
        for i in range(self.stage_count):
            del self.stage_latency[i]
        free(self.stage_latency)
        free(self.stage_pointers)
        free(self.frames)
        free(self.answers)
        free(self.numbers)
        del self.clock
        del self.w

    def trace_into(self, TraceRing ring not None):
        """Note in a ring what is done with each frame. Before the thread begins."""
        self.numbers = <uint64_t *>calloc(self.batch, sizeof(uint64_t))
        if self.numbers == NULL:
            raise MemoryError("no memory for the trace of a pipeline thread")
        self.tracing, self.trace = ring, ring.ring

    def stage_times(self, also=()):
        """Return [(name, summary)] of the stages, in order; with those of other threads of the same stages."""
        cdef vector[histogram *] those
        rows = []
        for i in range(self.stage_count):
            those.clear()
            for chain in (self, *also):
                those.push_back((<Chain?>chain).stage_latency[i])
            rows.append((self.stages[i].name, summary_of(those)))
        return rows

    # CAMKIT_OK with frames[0..end) to hand on, perhaps none; CAMKIT_END when the run was broken off.
    cdef int work(self) except -1 nogil:
        cdef int i, k, answer
        for i in range(self.stage_count):
            self.w.at.set(i)
            self.w.since.set(self.tick)
            if self.batch == 1:
                answer = self.pass_one(i, <Stage>self.stage_pointers[i])
            else:
                answer = self.pass_batch(i, <Stage>self.stage_pointers[i])
            if answer != CAMKIT_OK or self.end == 0:
                break
            if self.stamping:
                for k in range(self.end):
                    camkit_frame_stamp(self.frames[k], self.clock.monotonic(self.tick))
        else:
            answer = CAMKIT_OK
        self.w.since.set(0)
        return answer

    # Each stage's begin is the end of the one before: one reading of the clock a stage.
    cdef int pass_one(self, int i, Stage stage) except -1 nogil:
        cdef uint64_t now, began = self.tick
        cdef int answer = (<process_method>stage.process)(stage, self.frames)
        while answer == CAMKIT_TIMEOUT and self.frames[0] != NULL:  # it waits for something
            if self.state.aborting():
                return CAMKIT_END
            answer = (<process_method>stage.process)(stage, self.frames)
        if answer == -1:
            failed("process")
        now = self.clock.now()
        self.stage_latency[i].record(self.clock.between(self.tick, now))
        self.tick = now
        if self.trace != NULL:
            self.trace.record(trace_stage, i, self.w.sequence.get(), began, now, answer, 0)
        if answer == CAMKIT_OK and self.frames[0] != NULL:
            return CAMKIT_OK
        if self.frames[0] != NULL or not self.lost(stage, answer):
            refuse(answer, self.frames[0] != NULL)
        self.end = 0
        return CAMKIT_OK

    cdef int pass_batch(self, int i, Stage stage) except -1 nogil:
        cdef uint64_t now
        cdef int64_t each
        cdef int k, answer, done = 0, kept = 0
        cdef uint64_t began = self.tick, part
        if self.trace != NULL:
            for k in range(self.end):
                self.numbers[k] = self.frames[k].sequence
        while done < self.end:
            answer = (<process_n_method>stage.process_n)(stage, self.frames + done, self.answers + done,
                                                         self.end - done)
            if answer == -1:
                failed("process_n")
            while done < self.end and not (self.answers[done] == CAMKIT_TIMEOUT and self.frames[done] != NULL):
                done += 1
            if done < self.end and self.state.aborting():
                return CAMKIT_END
        now = self.clock.now()
        each = self.clock.between(self.tick, now) // self.end
        self.tick = now
        if self.trace != NULL:  # each frame has its share of the time
            part = (now - began) // <uint64_t>self.end
            for k in range(self.end):
                self.trace.record(trace_stage, i, self.numbers[k], began + k * part, began + (k + 1) * part,
                                  self.answers[k], 0)
        for k in range(self.end):
            self.stage_latency[i].record(each)
            if self.answers[k] == CAMKIT_OK and self.frames[k] != NULL:
                self.frames[kept] = self.frames[k]
                kept += 1
            elif self.frames[k] != NULL or not self.lost(stage, self.answers[k]):
                refuse(self.answers[k], self.frames[k] != NULL)
        self.end = kept
        return CAMKIT_OK

    # Count a frame that a stage did not give back; False: the answer does not say so.
    cdef bint lost(self, Stage stage, int answer) noexcept nogil:
        if answer == CAMKIT_DROP:
            self.w.stage.add(1)
        elif answer == CAMKIT_BAD_FRAME:
            stage.counters.bad += 1
            self.w.bad.add(1)
        elif answer == CAMKIT_FULL:
            stage.counters.pool += 1
            self.w.pool.add(1)
        else:
            return False
        if self.limited:
            self.state.lose()
        return True
