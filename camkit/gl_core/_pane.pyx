"""Pane: the sink of one camera among several in a window."""

from libc.stdint cimport int64_t

from camkit.memory_manager._abi cimport CAMKIT_OK, camkit_frame, camkit_frame_release


cdef class Pane(GLSink):
    """Hand a camera's newest frame to the thread that draws the grid; made by `Grid`.

    Each camera keeps its own pace: what has not been drawn when the next frame comes is overtaken by it. Works in one
    pipeline at a time; its last picture stays after the run. `readback`, `save`, `stats`, `latencies` and `explain` as
    for every GLSink.

    Attributes
    ----------
    number : int
        Its place in the grid, from 0 on.
    overtaken : int
        Frames of this run that were delivered and never drawn, for a newer one had come.
    """

    def __cinit__(self, *args, **kwargs):
        self.newest = new latest_slot[frame_pointer]()
        if self.newest == NULL:
            raise MemoryError("no memory for a pane")

    def __dealloc__(self):
        cdef camkit_frame *left
        if self.newest != NULL:
            left = self.newest.take()
            if left != NULL:
                camkit_frame_release(left)
        del self.newest

    def __init__(self, loop, board, int number, name, caption, pumping, *, transfer="auto", debug=None):
        super().__init__(transfer=transfer, debug=debug, name=name)
        self.loop, self.number, self.caption, self.pumping = loop, number, caption, pumping
        self._use_board(board, number)
        self.bell = self.board.bell

    def start(self):
        """Get ready on the grid's thread; as of a Node."""
        self.loop.order(self._begin)

    def stop(self):
        """Draw what has come and let go of all frames; the picture stays. As of a Node."""
        if self.snapshots.owner is not None:
            self.loop.order(self._rest)

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
        return self.loop.context

    def _close_context(self, context):
        pass  # it is the grid's

    # ---- on the grid's thread ----

    def _begin(self):
        if self.snapshots.owner is not None:
            GLSink.stop(self)
        self.failure = None
        self.broken.store(0)
        self.overtaken = 0
        GLSink.start(self)

    def _rest(self):
        if self.snapshots.owner is None or self.renderer is None:
            return
        with nogil:
            self.turn()
            self._drain()
        self.panel.let_go()

    def _end(self):
        GLSink.stop(self)

    def _break(self, error):
        self.failure = error
        self.broken.store(1)

    cdef int turn(self) except -1 nogil:
        cdef camkit_frame *frame
        if self.snapshots.owner is None or self.broken.load():
            return 0
        if self.snapshots.wanted.load():
            self._serve()
        if self.flights.count:
            self._retire(0)
        frame = self.newest.take()
        if frame == NULL:
            return 0
        try:
            self.draw(frame)
        finally:
            camkit_frame_release(frame)
        return 1

    cdef bint waits(self) noexcept nogil:
        return not self.newest.empty() or self.snapshots.wanted.load()

    # ---- on the camera's thread ----

    cdef int consume(self, camkit_frame *frame) except -1 nogil:
        cdef camkit_frame *older
        if self.broken.load():
            with gil:
                raise self.failure
        older = self.newest.put(frame)
        if older != NULL:
            camkit_frame_release(older)
            self.overtaken += 1
        self.bell.notify()
        return CAMKIT_OK

    cdef int idle(self, int64_t timeout_ns) except -1 nogil:
        return 0
