"""Worker: the loop of one pipeline thread."""

from libc.stdint cimport int64_t, uint64_t
from libcpp.vector cimport vector

from camkit.memory_manager._abi cimport (
    CAMKIT_END,
    CAMKIT_INTERRUPTED,
    CAMKIT_OK,
    CAMKIT_TIMEOUT,
    camkit_frame,
    camkit_frame_release,
    camkit_frame_retain,
)
from camkit.performance_core._chain cimport failed
from camkit.performance_core._delivery cimport Delivery
from camkit.performance_core._outlets cimport outlet, outlet_list
from camkit.performance_core._run cimport Run
from camkit.performance_core._sink cimport Sink
from camkit.performance_core._source cimport Source
from camkit.performance_core._stats cimport histogram, summary, summary_of
from camkit.performance_core._trace cimport trace_aborted, trace_pop, trace_push, trace_take

from camkit.performance_core._sink import NullSink
from camkit.performance_core.latch import Latch

cdef int64_t SLICE_NS = 100_000_000  # one without is asked this often whether it has got some: its window was resized
cdef int64_t IDLE_NS = 2_000_000  # a sink with work under way is asked this often for new frames

# Answers of nodes are looked at here, not by Cython, which takes every -1 for an exception: a thread with one that was
# never raised would end without a word.
ctypedef int (*next_method)(Source, camkit_frame **, int64_t) noexcept nogil


cdef class Worker(Delivery):
    """Run neighbouring nodes in one thread: fetch a frame, pass it through the stages, hand it on.

    Takes the GIL only in `run` (before the first and after the last frame) and where a stage does so itself.

    Parameters
    ----------
    run, stages, batch
        As for `Chain`.
    inlet : Source or Outlet
        Where frames come from; an Outlet is that of the worker before.
    to : Sink or Outlets
        Where they go.
    tee : bool, optional
        The outlets are the branches of a Tee.
    fan_in : bool, optional
        The inlet is a Match, which has its inputs' last frames still to give when the sources have stopped.
    own : bool, optional
        Its frames are in no other thread's hands.
    limited : bool, optional
        Its frames count for the limit of the run.
    hold : Latch, optional
        Begin with the first frame only when this is set.
    """

    def __cinit__(self, Run run not None, list stages not None, int batch, inlet, to, *, bint tee=False,
                  bint fan_in=False, bint own=True, bint limited=True, hold=None):
        if isinstance(inlet, Source):
            self.source = inlet
        else:
            self.inlet = inlet
        if isinstance(to, Sink):
            self.deliver_to(to)
            self.patience_ns = -1 if type(to) is NullSink else SLICE_NS
        else:
            self.outlets = to
            self.outlets.inlet = self.inlet
        self.ready, self.done, self.hold = Latch(), Latch(), hold
        self.tee, self.fan_in, self.stamping = tee, fan_in, own
        self.limited = limited and run.state.limited()
        self.link_latency = new histogram()
        if not self.link_latency:
            raise MemoryError("no memory for a pipeline thread")

    def __dealloc__(self):
        del self.link_latency

    @property
    def nodes(self):
        """list: source, stages and sink of this thread, in order."""
        return [n for n in (self.source, *self.stages, self.sink) if n is not None]

    def run(self):
        """Work until the stream or the run is over. Never raises: `error` tells what happened."""
        started = []
        try:
            for node in reversed(self.nodes):
                self._turn_to(node)
                node.start()
                started.append(node)
            self._turn_to(None)
            if self.source is not None:
                self.source.dequeue_latency.reset()
            self.ready.set()
            if self.hold is not None:
                self.hold.wait()
            self.flowing = True
            with nogil:
                self.loop()
        except BaseException as error:
            self._fail(error)
        self.flowing = False
        # What a node that failed may have lost was taken, and is accounted for here.
        cdef int i
        for i in range(self.begin, self.end):
            self.trace_loss(self.frames[i])
            if self.frames[i] != NULL:
                camkit_frame_release(self.frames[i])
            self.w.aborted.add(1)
        self.begin = self.end = 0
        self.abandon()
        for node in reversed(started):
            try:
                self._turn_to(node)
                node.stop()
            except BaseException as error:
                self._fail(error)
        self._turn_to(None)
        if self.outlets is not None:
            self.outlets.end()
        if self.inlet is not None:
            self.inlet.abort()
        self.ready.set()

    def counts(self):
        """Frames of this thread: fetched, delivered, forwarded to a Tee's branches, and lost by cause."""
        w = self.w
        return {
            "fetched": w.fetched.get(), "delivered": w.delivered.get(), "forwarded": w.forwarded.get(),
            "shared": w.shared.get(), "stage": w.stage.get(), "bad": w.bad.get(), "pool": w.pool.get(),
            "late": w.late.get(), "aborted": w.aborted.get(),
        }

    def link_wait(self, also=()):
        """Return the summary of how long frames waited in the inlet, also for other threads that fetch there."""
        cdef vector[histogram *] those
        for worker in (self, *also):
            those.push_back((<Worker?>worker).link_latency)
        return summary_of(those)

    def capture_to_sink(self):
        """Return the summary of the whole way, from the frames' timestamps to the end of the sink's work."""
        return summary(self.sink_latency)

    def rate(self):
        """Frames a second from the first to the latest that was delivered here; None before the second."""
        cdef uint64_t ends = self.w.delivered.get() + self.w.forwarded.get()
        cdef int64_t span = self.clock.between(self.w.first.get(), self.w.last.get())
        return (ends - 1) * 1e9 / span if ends > 1 and span > 0 else None

    def busy(self):
        """Tell which node is at work right now: (node, seconds, sequence or None outside of a frame), or None."""
        cdef uint64_t since = self.w.since.get()
        node = self._node(self.w.at.get())
        if not since or node is None:
            return None
        return node, self.clock.between(since, self.clock.now()) / 1e9, self._sequence()

    def abort_links(self):
        """Make both ends of the links beside this worker answer that they are over."""
        if self.inlet is not None:
            self.inlet.abort()
        if self.outlets is not None:
            self.outlets.abort()

    cdef int loop(self) except -1 nogil:
        cdef int answer
        self.tick = self.clock.now()
        while True:
            answer = self.fetch()
            if answer == CAMKIT_OK:
                if self.work() == CAMKIT_END or self.hand_on() == CAMKIT_END:
                    return 0  # run() counts what is in hand
            elif answer == CAMKIT_END:
                return self.finish()
            elif self.outlets is not None:
                self.outlets.choice.current()  # who has changed them waits for that
            if self.sink is not None and self.sink.room:
                self.pace()

    cdef int fetch(self) except -1 nogil:
        cdef int answer
        self.begin = 0
        self.w.at.set(-1)
        if self.source is None:
            answer = self.fetch_from_link()
        else:
            answer = self.fetch_from_source()
        if answer == CAMKIT_OK:
            self.w.fetched.add(self.end)
            self.w.sequence.set(self.frames[0].sequence)
        return answer

    cdef int fetch_from_source(self) except -1 nogil:
        cdef int answer, pending = 0
        cdef int64_t patience = -1
        cdef uint64_t began = self.tick
        if self.state.aborting() or self.state.reached() or (self.state.over() and not self.fan_in):
            return CAMKIT_END
        if not self.state.may_take():
            if self.sink is not None and self.waiting.count:
                self.waiting.sleep()
            else:
                self.state.await_progress()
            return CAMKIT_TIMEOUT
        if self.sink is not None:
            pending = self.idle(0)
            patience = self.waiting.patience(IDLE_NS if pending else -1)
        answer = (<next_method>self.source.next)(self.source, self.frames, patience)
        if answer == CAMKIT_OK:
            if self.frames[0] == NULL:
                with gil:
                    raise ValueError("next() answered CAMKIT_OK without a frame")
            self.end = 1
            self.tick = self.clock.now()
            if self.trace != NULL:
                self.trace.record(trace_take, -1, self.frames[0].sequence, began, self.tick, 0, self.frames[0].gap)
            if self.limited:
                self.state.take()
        elif answer == -1:
            failed("next")
        elif answer not in (CAMKIT_TIMEOUT, CAMKIT_END, CAMKIT_INTERRUPTED):
            with gil:
                raise ValueError(f"next() answered {answer}, which means nothing")
        return answer

    cdef int fetch_from_link(self) except -1 nogil:
        cdef int answer, pending, i
        cdef uint64_t began = self.tick
        cdef outlet *inlet = self.inlet.o
        # Without a limit: who ends the run, or changes the outlets, wakes whoever waits at the link.
        if self.sink is None:
            answer = inlet.link.pop(self.frames, -1)
        else:
            # A sink with work under way is not left to sleep on its queue.
            answer = inlet.link.pop(self.frames, 0)
            if answer == CAMKIT_TIMEOUT:
                self.w.at.set(self.stage_count)
                pending = self.idle(self.waiting.patience(IDLE_NS))
                self.w.at.set(-1)
                answer = inlet.link.pop(self.frames, 0 if pending else self.waiting.patience(self.patience_ns))
        if answer != CAMKIT_OK:
            return answer
        self.end = 1
        if self.batch > 1:
            self.end += <int>inlet.link.pop_n(self.frames + 1, self.batch - 1)
        self.tick = self.clock.now()
        for i in range(self.end):
            self.link_latency.record(self.clock.between(inlet.stamped(self.frames[i]), self.tick))
        if self.trace != NULL:
            for i in range(self.end):
                self.trace.record(trace_pop, inlet.number, self.frames[i].sequence, began, self.tick, 0,
                                  inlet.link.size())
                began = self.tick
        return CAMKIT_OK

    cdef int hand_on(self) except -1 nogil:
        cdef camkit_frame *frame
        while self.begin < self.end:
            frame = self.frames[self.begin]
            if self.sink is None:
                self.forward(frame)
            elif self.sink.room:
                self.keep(frame)
            else:
                self.consume(frame)
            self.begin += 1
        self.end = 0
        return CAMKIT_OK

    cdef void forward(self, camkit_frame *frame) noexcept nogil:
        cdef const outlet_list *to = &self.outlets.choice.current()
        cdef size_t i, _i
        cdef uint64_t number = frame.sequence
        if self.tee:
            if to.count == 0:
                camkit_frame_release(frame)
                self.w.delivered.add(1)
            else:
                self.w.forwarded.add(1)
                self.w.shared.add(to.count - 1)
            self.count_delivery()
            # All references first: who gets the frame early may give it back before the others have it.
            for _i in range(1, to.count):
                camkit_frame_retain(frame)
        for i in range(to.count):
            if self.push(to.at[i], frame, number) != CAMKIT_OK and self.limited and not self.tee:
                self.state.lose()

    cdef int push(self, outlet *to, camkit_frame *frame, uint64_t number) noexcept nogil:
        cdef uint64_t began = self.tick
        cdef int answer = to.push(frame, began)
        if self.trace != NULL:
            self.tick = self.clock.now()
            if answer == CAMKIT_END:
                self.trace.record(trace_aborted, to.number, number, self.tick, self.tick, 0, 0)
            else:
                self.trace.record(trace_push, to.number, number, began, self.tick, answer, to.link.size())
        return answer

    def _fail(self, error):
        if self.error is None:
            self.error = (error, self._node(self.w.at.get()), self._sequence() if self.w.since.get() else None)
        if not self.ready.is_set():
            return  # whoever starts it decides
        if self.w.at.get() == -1:
            self.state.stop()  # what a failing source gave before is still good
        else:
            self.state.abort()

    def _sequence(self):
        return self.w.sequence.get() if self.flowing else None

    def _turn_to(self, node):
        self.w.since.set(0 if node is None else self.clock.now())
        self.w.at.set(-2 if node is None else self._place(node))

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
