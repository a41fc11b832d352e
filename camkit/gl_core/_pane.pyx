"""Pane: the sink of one camera among several in a window."""

from libc.stdint cimport int64_t

from camkit.gl_core._drawing cimport SCREEN_PATIENCE_NS, waits_as
from camkit.gl_core._pacer cimport waiting_frame
from camkit.memory_manager._abi cimport CAMKIT_OK, camkit_frame, camkit_frame_release, now_ns

import time
from dataclasses import replace

from camkit.gl_core._pacer import MODES, ROOM


cdef class Pane(GLSink):
    """Hand a camera's frames to the thread that draws the grid; made by `Grid`.

    Each camera keeps its own pace: what has not been drawn when the next frame comes is overtaken by it. Works in one
    pipeline at a time; its last picture stays after the run. `readback`, `save`, `stats`, `latencies`, `pacing` and
    `explain` as for every GLSink; they tell of this pane alone.

    Attributes
    ----------
    number : int
        Its place in the grid, from 0 on.
    """

    def __cinit__(self, loop, board, number, name, caption, pumping, *, str pacing not None="off", **options):
        self.places = max(1, ROOM[MODES.index(pacing)])
        self.came = new evicting_ring[frame_pointer](self.places)
        if self.came == NULL or not self.came.ok():
            raise MemoryError("no memory for a pane")

    def __dealloc__(self):
        if self.came != NULL:
            self._discard()
        del self.came

    def __init__(self, loop, board, int number, name, caption, pumping, *, pacing="off", transfer="auto", on_draw=None,
                 live=False, debug=None):
        super().__init__(transfer=transfer, on_draw=on_draw, live=live, debug=debug, name=name)
        self.loop, self.number, self.caption, self.pumping = loop, number, caption, pumping
        self.mode = pacing
        self._use_board(board, number)
        self.bell = self.board.bell

    @property
    def overtaken(self):
        """int: frames of this run that were delivered and never drawn, for a newer one took their place."""
        return self.replaced.load()

    def stats(self):
        return replace(super().stats(), overtaken=self.replaced.load())

    def start(self):
        """Get ready on the grid's thread; as of a Node."""
        self.loop.order(self._begin)

    def stop(self):
        """Draw what has come and let go of all frames; the picture stays. As of a Node."""
        if self.snapshots.owner is None:
            return
        self.loop.order(self._rest)
        until = time.monotonic_ns() + SCREEN_PATIENCE_NS
        # Here, and not on the grid's thread: the other cameras' pictures go on.
        self.unheard = 1
        while self.unheard and time.monotonic_ns() < until:
            time.sleep(0.001)
            self.loop.order(self._hear)
        self.loop.order(self._give_up)

    def close(self):
        """Do nothing: a pane is closed with its grid."""

    def show(self, frame):
        """Refuse: a pane is the sink of a pipeline."""
        raise TypeError(f"{self.name!r} is a pane, which is drawn by its grid: put it at the end of a pipeline")

    def pump(self):
        """Serve the grid's window; as of a Sink."""
        return self.pumping()

    def attach(self, pipeline):
        """Hear whose drops are to be told of; as of a Node."""
        super().attach(pipeline)
        if self.caption is not None:
            self.caption.attach(pipeline)

    def alert(self, str message not None):
        """Show a message until the next run begins, such as that the camera was unplugged. Any thread."""
        if self.caption is not None:
            self.caption.alert(message)

    @property
    def frozen(self):
        """bool: the picture stays as it is, while frames go on coming and are counted."""
        return self.panel.frozen

    @property
    def passed(self):
        """int: frames that came since the picture was frozen."""
        return self.panel.passed

    @property
    def view(self):
        """View: zoom and pan, as the last drawing had them."""
        return self.panel.view

    def _use_caption(self, caption):
        self.caption = caption

    def _shared(self):
        # The context is all panes' own, and so is what it shares.
        with self.sharing:
            if self.group is None:
                self.group = self.loop.share(self.debug)
            return self.group

    def _open_context(self):
        self._pace_by(self.loop.pacer.pane(self.number, self.mode), self.loop.verdicts)
        self.room = 0  # they wait here, for the grid's thread has the screen's time
        return self.loop.context

    def _close_context(self, context):
        pass  # it is the grid's

    # ---- on the grid's thread ----

    def _begin(self):
        if self.snapshots.owner is not None:
            GLSink.stop(self)
        self.failure = None
        self.broken.store(0)
        self._discard()
        self.replaced.store(0)
        self.fresh = False
        GLSink.start(self)

    def _rest(self):
        if self.snapshots.owner is None or self.renderer is None:
            return
        with nogil:
            self.turn(True)
            self._drain()
            self.flights.rest()
        self.panel.let_go()
        self.board.refresh()

    def _hear(self):
        if self.pacer is not None:
            self.pacer.settle(now_ns())
        self.unheard = self.fresh or self.pacer is not None and self.pacer.flies > 0

    def _give_up(self):
        if self.pacer is not None:
            self.pacer.give_up()
            self.pacer.unseen += self.fresh
        self.fresh = False

    def _end(self):
        GLSink.stop(self)

    def _break(self, error):
        self.failure = error
        self.broken.store(1)

    cdef bint works(self) noexcept nogil:
        return self.snapshots.owner is not None and not self.broken.load()

    cdef int attend(self) except -1 nogil:
        if not self.works():
            return 0
        if self.snapshots.wanted.load():
            self._serve()
        if self.flights.count:
            self._retire(0)
        if self.places > 1:
            self._gather()
        return self.count > 0 or self.came.size() > 0

    cdef int turn(self, bint last) except -1 nogil:
        cdef waiting_frame those[ROOMIEST]
        cdef camkit_frame *frame
        cdef int i, _i, chosen
        if not self.works():
            return 0
        self._gather()
        for i in range(self.count):
            those[i] = waits_as(self.waiting[i])
        chosen = self.count - 1 if last else self.pacer.choose(those, self.count, 0, now_ns())
        if chosen < 0:
            return 0
        for _i in range(chosen):
            self._overtake(self._oldest())
        frame = self._oldest()
        try:
            return self.draw(frame)
        finally:
            camkit_frame_release(frame)

    cdef bint calls(self, bint anew) noexcept nogil:
        return self.snapshots.wanted.load() or (anew or self.places > 1) and self.works() and self.came.size() > 0

    cdef void hand_over(self, bint seen, int64_t begun) noexcept nogil:
        if not self.fresh:
            return
        self.fresh = False
        if seen:
            self.pacer.swapping(self.stamp, begun)
        else:
            self.pacer.unseen += 1

    cdef void handed_over(self, int64_t begun, int64_t ended) noexcept nogil:
        if self.pacer is not None:
            self.pacer.swapped(begun, ended)

    cdef void _present(self, int64_t stamp) noexcept nogil:
        # It is the grid that shows it.
        if stamp < 0:
            return
        self.pacer.unseen += self.fresh
        self.fresh, self.stamp = True, stamp

    cdef void _gather(self) noexcept nogil:
        cdef camkit_frame *frame = self.came.take()
        cdef waiting_frame described
        while frame != NULL:
            if self.count == self.places:
                self._overtake(self._oldest())
            self.waiting[self.count] = frame
            self.count += 1
            if self.pacer is not None:
                described = waits_as(frame)
                self.pacer.came(&described, now_ns())
            frame = self.came.take()

    cdef void _discard(self) noexcept nogil:
        cdef camkit_frame *frame = self.came.take()
        while frame != NULL:
            camkit_frame_release(frame)
            frame = self.came.take()
        while self.count:
            camkit_frame_release(self._oldest())

    cdef camkit_frame *_oldest(self) noexcept nogil:
        cdef camkit_frame *oldest = self.waiting[0]
        cdef int i
        self.count -= 1
        for i in range(self.count):
            self.waiting[i] = self.waiting[i + 1]
        return oldest

    # ---- on the camera's thread, and on the grid's ----

    cdef void _overtake(self, camkit_frame *frame) noexcept nogil:
        camkit_frame_release(frame)
        self.replaced.fetch_add(1)

    # ---- on the camera's thread ----

    cdef int consume(self, camkit_frame *frame) except -1 nogil:
        cdef camkit_frame *older
        if self.broken.load():
            with gil:
                raise self.failure
        older = self.came.put(frame)
        if older != NULL:
            self._overtake(older)
        self.bell.notify()
        return CAMKIT_OK

    cdef int idle(self, int64_t timeout_ns) except -1 nogil:
        return 0
