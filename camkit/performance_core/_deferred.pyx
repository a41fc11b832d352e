"""DeferredStage: a stage with several frames under way, such as one that has another device work on them."""

from libc.stdint cimport int64_t, uint64_t

from camkit.memory_manager._abi cimport (
    CAMKIT_END,
    CAMKIT_OK,
    CAMKIT_TIMEOUT,
    camkit_frame,
    camkit_frame_stamp,
)
from camkit.performance_core._chain cimport failed
from camkit.performance_core._outlets cimport outlet
from camkit.performance_core._stage cimport Stage
from camkit.performance_core._trace cimport trace_stage
from camkit.performance_core._worker cimport Worker

cdef int64_t IDLE_NS = 2_000_000  # a new frame waits no longer than this for one that is not done

ctypedef int (*process_method)(Stage, camkit_frame **) noexcept nogil
ctypedef int (*collect_method)(DeferredStage, camkit_frame **, int64_t) noexcept nogil


cdef class DeferredStage(Stage):
    """A stage that takes the next frames before it is done with the one before; they leave in the order of arrival.

    Subclass it in Cython and override `process`, `collect` and `under_way`; parameters and thread-safety are those of
    `Stage`. It begins a thread of its own, and so does the node behind it: its link there has the usual policies. When
    the stream ends, what is under way is collected; when the run is aborted, it is released by `stop` and counted.
    """

    cdef int process(self, camkit_frame **frame) except -1 nogil:
        with gil:
            raise NotImplementedError(f"{type(self).__name__} is a DeferredStage without a process()")

    cdef int collect(self, camkit_frame **out, int64_t timeout_ns) except -1 nogil:
        return CAMKIT_END

    cdef int under_way(self) noexcept nogil:
        return 0


cdef class DeferredWorker(Worker):
    """Run one DeferredStage in a thread: parameters as for `Worker`, with an Outlet for an inlet."""

    def __cinit__(self, run, list stages, *args, **options):
        self.late = stages[0]

    cdef int loop(self) except -1 nogil:
        try:
            return Worker.loop(self)
        finally:
            self.w.aborted.add(<uint64_t>self.late.under_way())

    cdef int fetch_from_link(self) except -1 nogil:
        cdef outlet *inlet = self.inlet.o
        # Also behind the last frame: then nothing comes any more, and all goes out.
        while self.late.under_way() and inlet.link.size() == 0:
            if self.state.aborting():
                return CAMKIT_END
            self.give(IDLE_NS)
        return Worker.fetch_from_link(self)

    cdef int work(self) except -1 nogil:
        cdef int answer
        self.w.at.set(0)
        self.w.since.set(self.tick)
        self.began[self.last % MOST_KEPT] = self.tick
        self.numbers_of[self.last % MOST_KEPT] = self.frames[0].sequence
        while True:
            answer = (<process_method>self.late.process)(self.late, self.frames)
            if answer != CAMKIT_TIMEOUT or self.frames[0] == NULL:
                break
            if self.state.aborting():
                return CAMKIT_END
            self.give(IDLE_NS)  # what it waits for may be held by one that is done
        if answer == -1:
            failed("process")
        self.tick = self.clock.now()
        self.w.since.set(0)
        if answer == CAMKIT_OK and self.frames[0] == NULL:
            self.last += 1
        elif self.frames[0] != NULL or not self.lost(self.late, answer):
            with gil:
                raise ValueError(f"process() answered {answer} {'with' if self.frames[0] != NULL else 'without'} a "
                                 "frame: a DeferredStage takes it, whatever it answers but CAMKIT_TIMEOUT")
        elif self.trace != NULL:
            self.trace.record(trace_stage, 0, self.w.sequence.get(), self.began[self.last % MOST_KEPT], self.tick,
                              answer, 0)
        self.end = 0
        self.give(0)
        return CAMKIT_OK

    cdef int give(self, int64_t timeout_ns) except -1 nogil:
        cdef camkit_frame *f
        cdef unsigned int place
        cdef int answer
        cdef int where = self.w.at.get()
        self.w.at.set(0)
        while True:
            f = NULL
            answer = (<collect_method>self.late.collect)(self.late, &f, timeout_ns)
            if answer == -1:
                failed("collect")
            if answer == CAMKIT_TIMEOUT or answer == CAMKIT_END:
                break
            self.tick = self.clock.now()
            place = self.first % MOST_KEPT
            self.first += 1
            self.stage_latency[0].record(self.clock.between(self.began[place], self.tick))
            if self.trace != NULL:
                self.trace.record(trace_stage, 0, self.numbers_of[place], self.began[place], self.tick, answer, 0)
            if answer == CAMKIT_OK and f != NULL:
                if self.stamping:
                    camkit_frame_stamp(f, self.clock.monotonic(self.tick))
                self.forward(f)
            elif f != NULL or not self.lost(self.late, answer):
                with gil:
                    raise ValueError(f"collect() answered {answer} {'with' if f != NULL else 'without'} a frame: "
                                     "CAMKIT_OK goes with one, CAMKIT_DROP, CAMKIT_BAD_FRAME and CAMKIT_FULL without")
            timeout_ns = 0
        self.w.at.set(where)
        return 0
