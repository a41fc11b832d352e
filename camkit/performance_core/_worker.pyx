"""Worker: the loop of one pipeline thread, and Run, what the threads of a run share."""

from cpython.exc cimport PyErr_Occurred
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport calloc, free

from camkit.memory_manager._abi cimport (
    CAMKIT_BAD_FRAME,
    CAMKIT_CLOCK_MONOTONIC,
    CAMKIT_DROP,
    CAMKIT_END,
    CAMKIT_FULL,
    CAMKIT_INTERRUPTED,
    CAMKIT_OK,
    CAMKIT_TIMEOUT,
    camkit_frame,
    camkit_frame_release,
    camkit_frame_stamp,
    now_ns,
)
from camkit.performance_core._stage cimport Sink, Source, Stage
from camkit.performance_core._stats cimport histogram, summary

import threading

cdef int64_t SLICE_NS = 100_000_000  # a thread looks at least this often whether the run is over
cdef int64_t IDLE_NS = 2_000_000  # a sink with work under way is asked this often for new frames

# Answers of nodes are looked at here, not by Cython, which takes every -1 for an exception: a thread with one that was
# never raised would end without a word.
ctypedef int (*next_method)(Source, camkit_frame **, int64_t) noexcept nogil
ctypedef int (*process_method)(Stage, camkit_frame **) noexcept nogil
ctypedef int (*consume_method)(Sink, camkit_frame *) noexcept nogil
ctypedef int (*idle_method)(Sink, int64_t) noexcept nogil


# Returns -1 with an exception, the node's own if it has raised one.
cdef int failed(const char *method) except -1 with gil:
    if PyErr_Occurred() == NULL:
        raise ValueError(f"{method.decode()}() answered -1 without an exception")
    return -1


cdef class Run:
    """Counters and switches that the workers of one run share. Safe from any thread."""

    def __cinit__(self, uint64_t limit=0):
        self.state = new run_state()
        if self.state == NULL:
            raise MemoryError("no memory for a pipeline run")
        self.state.limit = limit

    def __dealloc__(self):
        del self.state

    def stop(self):
        """Take no more frames from the source; deliver what is under way."""
        self.state.stop()

    def abort(self):
        """Deliver nothing more."""
        self.state.abort()

    def counts(self):
        """Frames taken from the source, delivered to the sink, and lost in between by cause."""
        return {
            "taken": self.state.taken.load(), "delivered": self.state.delivered.load(),
            "pool": self.state.pool.load(), "link": self.state.link.load(), "late": self.state.late.load(),
            "stage": self.state.stage.load(), "bad": self.state.bad.load(), "aborted": self.state.aborted.load(),
        }


cdef class Worker:
    """Run neighbouring nodes in one thread: fetch a frame, pass it through the stages, hand it on.

    Takes the GIL only in `run` (before the first and after the last frame) and where a stage does so itself.

    Parameters
    ----------
    run : Run
        Shared with the other workers of the run.
    inlet : Source or Link
        Where frames come from.
    stages : list of Stage
        What happens to them, in order.
    outlet : Link or Sink
        Where they go.
    link : str, optional
        Name of the inlet in the table of latencies.
    hold : threading.Event, optional
        Begin with the first frame only when this is set.
    """

    def __cinit__(self, Run run not None, inlet, list stages not None, outlet, link="link", hold=None):
        self.run_of = run
        self.state = run.state
        if isinstance(inlet, Source):
            self.source = inlet
        else:
            self.inlet = inlet
        if isinstance(outlet, Sink):
            self.sink = outlet
        else:
            self.outlet = outlet
        self.stages = list(stages)
        self.ready = threading.Event()
        self.done = threading.Event()
        self.link = link
        self.hold = hold
        cdef Stage stage
        cdef int i
        self.stage_pointers = <void **>calloc(len(stages) + 1, sizeof(void *))
        self.stage_latency = <histogram **>calloc(len(stages) + 1, sizeof(void *))
        self.link_latency = new histogram()
        self.sink_latency = new histogram()
        self.busy_since = new relaxed_int()
        if not (self.stage_pointers and self.stage_latency and self.link_latency and self.sink_latency
                and self.busy_since):
            raise MemoryError("no memory for a pipeline thread")
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
        del self.link_latency
        del self.sink_latency
        del self.busy_since

    @property
    def nodes(self):
        """list: source, stages and sink of this thread, in order."""
        return [n for n in (self.source, *self.stages, self.sink) if n is not None]

    def run(self):
        """Work until the stream or the run is over. Never raises: `error` tells what happened."""
        started = []
        try:
            for node in reversed(self.nodes):
                self.at = self._place(node)
                node.start()
                started.append(node)
            self.at = -2
            if self.source is not None:
                self.source.dequeue_latency.reset()
            self.ready.set()
            if self.hold is not None:
                self.hold.wait()
            with nogil:
                self.loop()
        except BaseException as error:
            self._fail(error)
        # A node that failed may have lost its frame: it was taken, and is accounted for here.
        if self.current != NULL or self.busy_since.load():
            self.state.count(self.state.aborted)
        self.busy_since.store(0)
        if self.current != NULL:
            camkit_frame_release(self.current)
            self.current = NULL
        for node in reversed(started):
            try:
                self.at = self._place(node)
                node.stop()
            except BaseException as error:
                self._fail(error)
        self.at = -2
        if self.outlet is not None:
            self.outlet.link.close()
        if self.inlet is not None:
            self.inlet.link.abort()
        self.ready.set()
        self.done.set()

    def latencies(self):
        """Return [(name, summary)]: the wait in the inlet, the stages, and the whole way to the sink."""
        rows = [(self.link, summary(self.link_latency))] if self.inlet is not None else []
        rows += [(stage.name, summary(self.stage_latency[i])) for i, stage in enumerate(self.stages)]
        if self.sink is not None:
            rows.append(("capture_to_sink", summary(self.sink_latency)))
        return rows

    def rate(self):
        """Frames a second from the first to the latest that was delivered here; None before the second."""
        cdef uint64_t delivered = self.state.delivered.load()
        if self.sink is None or delivered < 2 or self.last_ns <= self.first_ns:
            return None
        return (delivered - 1) * 1e9 / (self.last_ns - self.first_ns)

    def busy(self):
        """Tell which node works on a frame right now: (node, seconds, sequence), or None."""
        cdef int64_t since = self.busy_since.load()
        node = self._node(self.at)
        if not since or node is None:
            return None
        return node, (now_ns() - since) / 1e9, self.sequence

    def abort_queues(self):
        """Make both ends of the queues beside this worker answer that they are over."""
        if self.inlet is not None:
            self.inlet.link.abort()
        if self.outlet is not None:
            self.outlet.link.abort()

    def discard(self):
        """Count and release what is left in the inlet. Only when both its threads have ended."""
        if self.inlet is not None:
            for _ in range(self.inlet.link.discard()):
                self.state.count(self.state.aborted)

    cdef int loop(self) except -1 nogil:
        cdef int answer
        while True:
            answer = self.fetch()
            if answer == CAMKIT_END:
                return 0
            if answer != CAMKIT_OK:
                continue
            answer = self.work()
            if answer == CAMKIT_OK:
                answer = self.hand_on()
            if answer == CAMKIT_END:
                return 0  # run() counts the frame

    cdef int fetch(self) except -1 nogil:
        cdef int answer, pending = 0
        self.at = -1
        if self.source is None:
            answer = self.fetch_from_link()
            if answer == CAMKIT_OK:
                self.link_latency.record(now_ns() - self.current.link_ns)
            return answer
        if self.state.over() or self.state.reached():
            return CAMKIT_END
        if not self.state.may_take():
            self.state.await_progress(SLICE_NS)
            return CAMKIT_TIMEOUT
        if self.sink is not None:
            pending = self.idle(0)
        answer = (<next_method>self.source.next)(self.source, &self.current, IDLE_NS if pending else -1)
        if answer == -1:
            failed("next")
        if answer == CAMKIT_OK:
            if self.current == NULL:
                with gil:
                    raise ValueError("next() answered CAMKIT_OK without a frame")
            self.state.count(self.state.taken)
        elif answer not in (CAMKIT_TIMEOUT, CAMKIT_END, CAMKIT_INTERRUPTED):
            with gil:
                raise ValueError(f"next() answered {answer}, which means nothing")
        return answer

    cdef int fetch_from_link(self) except -1 nogil:
        cdef int answer, pending
        if self.sink is None:
            return self.inlet.link.pop(&self.current, SLICE_NS)
        # A sink with work under way is not left to sleep on its queue.
        answer = self.inlet.link.pop(&self.current, 0)
        if answer != CAMKIT_TIMEOUT:
            return answer
        self.at = self.stage_count
        pending = self.idle(IDLE_NS)
        self.at = -1
        return self.inlet.link.pop(&self.current, 0 if pending else SLICE_NS)

    cdef int idle(self, int64_t timeout_ns) except -1 nogil:
        cdef int pending = (<idle_method>self.sink.idle)(self.sink, timeout_ns)
        if pending == -1:
            failed("idle")
        return pending

    cdef int work(self) except -1 nogil:
        # Each stage's begin is the end of the one before: one clock reading a stage.
        cdef int64_t now, before = now_ns()
        cdef int i, answer
        cdef void *stage
        for i in range(self.stage_count):
            stage = self.stage_pointers[i]
            self.at = i
            self.sequence = self.current.sequence
            self.busy_since.store(before)
            answer = (<process_method>(<Stage>stage).process)(<Stage>stage, &self.current)
            while answer == CAMKIT_TIMEOUT and self.current != NULL:  # it waits for something
                if self.state.broken_off():
                    return CAMKIT_END
                answer = (<process_method>(<Stage>stage).process)(<Stage>stage, &self.current)
            if answer == -1:
                failed("process")
            now = now_ns()
            self.stage_latency[i].record(now - before)
            before = now
            if self.current == NULL and self.lost(<Stage>stage, answer):
                self.busy_since.store(0)
                return CAMKIT_DROP
            if answer != CAMKIT_OK or self.current == NULL:
                with gil:
                    raise ValueError(f"process() answered {answer} {'without' if self.current == NULL else 'with'} a "
                                     "frame: CAMKIT_OK goes with one, CAMKIT_DROP, CAMKIT_BAD_FRAME and CAMKIT_FULL "
                                     "without")
            camkit_frame_stamp(self.current, now)
        self.busy_since.store(0)
        return CAMKIT_OK

    # Count a frame that a stage did not give back; False: the answer does not say so.
    cdef bint lost(self, Stage stage, int answer) noexcept nogil:
        if answer == CAMKIT_DROP:
            self.state.count(self.state.stage)
        elif answer == CAMKIT_BAD_FRAME:
            stage.counters.bad += 1
            self.state.count(self.state.bad)
        elif answer == CAMKIT_FULL:
            stage.counters.pool += 1
            self.state.count(self.state.pool)
        else:
            return False
        return True

    cdef int hand_on(self) except -1 nogil:
        cdef int answer
        cdef int64_t stamp, now
        cdef bint timed
        if self.sink is not None:
            self.at = self.stage_count
            self.sequence = self.current.sequence
            self.busy_since.store(now_ns())
            stamp, timed = self.current.timestamp_ns, self.current.clock == CAMKIT_CLOCK_MONOTONIC
            if (<consume_method>self.sink.consume)(self.sink, self.current) == -1:
                failed("consume")
            self.current = NULL
            now = now_ns()
            if timed:
                self.sink_latency.record(now - stamp)
            if not self.first_ns:
                self.first_ns = now
            self.last_ns = now
            self.busy_since.store(0)
            self.state.count(self.state.delivered)
            return CAMKIT_OK
        while True:
            self.current.link_ns = now_ns()
            answer = self.outlet.link.push(self.current, SLICE_NS)
            if answer == CAMKIT_TIMEOUT:
                continue  # abort() ends the queue, so this cannot go on for ever
            if answer == CAMKIT_END:
                return CAMKIT_END  # run() counts the frame
            self.current = NULL
            if answer == CAMKIT_FULL:
                self.state.count(self.state.link)
            elif answer == CAMKIT_DROP:
                self.state.count(self.state.late)
            return CAMKIT_OK

    def _fail(self, error):
        if self.error is None:
            sequence = self.sequence if self.busy_since.load() else None
            self.error = (error, self._node(self.at), sequence)
        if self.at == -1:
            self.state.stop()  # what a failing source gave before is still good
        else:
            self.state.abort()

    def _node(self, place):
        if place == -1:
            return self.source
        if 0 <= place < self.stage_count:
            return self.stages[place]
        return self.sink if place == self.stage_count else None

    def _place(self, node):
        if node is self.source:
            return -1
        return self.stage_count if node is self.sink else self.stages.index(node)
