"""Drawing: what becomes of a frame between a sink's thread and the GPU, without the GIL and without waiting for it."""

from libc.stdint cimport int64_t, uint32_t
from libc.string cimport memset

from camkit.gl_core._check cimport FAULT_NONE, check_frame
from camkit.gl_core._enums cimport GL_FRAMEBUFFER, GL_NO_ERROR
from camkit.gl_core._flights cimport FLIGHTS, Flights_make
from camkit.gl_core._pacer cimport waiting_frame
from camkit.gl_core._painter cimport painting
from camkit.gl_core._types cimport GLenum
from camkit.memory_manager._abi cimport (
    CAMKIT_CLOCK_MONOTONIC,
    CAMKIT_OK,
    camkit_frame,
    camkit_frame_release,
    now_ns,
)
from camkit.performance_core._waiting cimport WAITING, sleep_ns

from camkit.errors import GLTimeout
from camkit.gl_core._snapshots import Shot

cdef int64_t GPU_PATIENCE_NS = 5_000_000_000
cdef int ERROR_CHECK_EVERY = 64  # asking for errors makes some drivers wait for a thread of their own


cdef class Drawing(Sink):
    """The part of a GLSink that has a context: its objects, and the loop over frames.

    Everything belongs to the thread that `snapshots` names as its owner.
    """

    def __cinit__(self, *args, **kwargs):
        self.snapshots = Snapshots()
        self.painters = Painters()
        self.capture_to_gl = new histogram()
        self.capture_to_drawn = new histogram()
        if self.capture_to_gl == NULL or self.capture_to_drawn == NULL:
            raise MemoryError("no memory for a histogram")

    def __dealloc__(self):
        del self.capture_to_gl
        del self.capture_to_drawn

    cdef int open(self, context, str wish, size) except -1:
        self.context = context
        self.renderer = Renderer(context.functions, wish, size)
        self.gl = self.renderer.gl
        self.flights = Flights_make(self.renderer.functions, self.capture_to_gl, self.capture_to_drawn)
        self.clock = self.flights.clock
        if self.panel is not None:
            self.flights.log = &self.panel.log
        # Counts are those of one use, as a pipeline takes them.
        self.snapshots.keep(None)
        self.drawn = self.refused = self.fallbacks = self.stayed = 0
        memset(&self.counters, 0, sizeof(self.counters))
        self.capture_to_gl.reset()
        self.capture_to_drawn.reset()
        self.painters.open(self.renderer.functions)
        return 0

    cdef object _picture(self):
        # A failure concerns those who asked for a picture; frames are drawn all the same.
        try:
            pixels = self.renderer.read() if self.drawn else None
        except Exception as error:
            return error
        return None if pixels is None else Shot(pixels, self.shown_sequence)

    cdef int consume(self, camkit_frame *frame) except -1 nogil:
        self.draw(frame)
        if self.snapshots.wanted.load():
            self._serve()
        # Where the GPU reads the frame's own memory, the flight has a reference too. Last, because on an error the
        # frame stays the caller's.
        camkit_frame_release(frame)
        return CAMKIT_OK

    cdef int idle(self, int64_t timeout_ns) except -1 nogil:
        if self.snapshots.wanted.load():
            self._serve()
        if self.swap != NULL and self.drawn and self.renderer.picture.framebuffer and (
                self.shown_width != self.window_width.load() or self.shown_height != self.window_height.load()
                or self.board is not None and self.board.serve()):
            self._compose(&self.last)
            self._present(-1)
        if self.pacer is not None and self.pacer.flies:
            self.pacer.settle(now_ns())
        if self.flights.count:
            self._retire(timeout_ns)
            return self.flights.count > 0
        return self.board is not None and self.board.await_hands(timeout_ns)

    cdef int choose(self, camkit_frame **waiting, int count, int fresh) noexcept nogil:
        cdef waiting_frame those[WAITING]
        cdef int i, chosen
        for i in range(count):
            those[i] = waits_as(waiting[i])
        chosen = self.pacer.choose(those, count, fresh, now_ns())
        self.wake_ns = self.pacer.wake_ns
        return chosen

    cdef int draw(self, camkit_frame *f) except -1 nogil:
        cdef bint timed = f.clock == CAMKIT_CLOCK_MONOTONIC
        cdef Py_ssize_t copied
        cdef GLenum error
        cdef uint32_t i
        if check_frame(f, &self.fault) != FAULT_NONE:
            self.refused += 1
            return 0
        if self.board is not None and self._stays():
            self.panel.passed += 1
            self.panel.seen += 1
            self.stayed += 1
            if self.swap != NULL:
                self._compose(&self.last)
                self._present(-1)
            return 1
        self._retire(0)
        if self.flights.count == FLIGHTS and not self._retire(GPU_PATIENCE_NS):
            with gil:
                self.renderer.functions.check(f"draw frame {f.sequence}")
                raise GLTimeout(f"cannot draw frame {f.sequence}: {self.renderer.functions.renderer!r} did not finish "
                                f"an older one within {GPU_PATIENCE_NS // 1_000_000_000} s; the GPU hangs")
        self.begun[self.drawn % 4] = now_ns()
        copied = self.renderer.draw(f)
        if self.renderer.holds():
            self.flights.keep(f)
        self.counters.copies += copied > 0
        self.counters.copied_bytes += copied
        self.fallbacks += self.renderer.ladder.fell
        if self.board is not None:
            self.panel.show(f)
        self._compose(f)
        if self.board is not None:
            self.panel.lent = NULL
        # Before the frame counts as under way: one that fails is not displayed.
        if self.drawn % ERROR_CHECK_EVERY == 0:
            self.clock.refresh()
        if self.drawn % ERROR_CHECK_EVERY == 0 or self.renderer.functions.suspicious():
            error = self.renderer.functions.ask()
            if error != GL_NO_ERROR:
                with gil:
                    self.renderer.functions.fail(f"draw frame {f.sequence}", error)
        self.flights.push(f.timestamp_ns, timed)
        if self.pacer is not None and not self.clock.bits:
            self.pacer.worked(now_ns() - self.begun[self.drawn % 4])
        self.drawn += 1
        self.shown_sequence = f.sequence
        self._present(f.timestamp_ns if timed else 0)
        if self.swap != NULL and self.painters.count:
            # For a window that is drawn anew without a frame: by then the memory is somebody else's.
            self.last = f[0]
            for i in range(self.last.plane_count):
                self.last.planes[i].data = NULL
        return 1

    cdef bint _stays(self) noexcept nogil:
        self.board.serve()
        return self.panel.frozen and self.drawn > 0

    cdef int _compose(self, const camkit_frame *f) except -1 nogil:
        # What is seen: the picture in the window, or where it was drawn anyway, and over it the painters' part.
        cdef painting *shown = &self.renderer.shown
        if self.swap != NULL:
            self.shown_width = self.window_width.load()
            self.shown_height = self.window_height.load()
            # A minimised window has no pixels.
            if self.shown_width <= 0 or self.shown_height <= 0:
                return 0
            if self.board is None:
                self.renderer.fit(0, self.shown_width, self.shown_height, True)
            else:
                self.board.divide(self.shown_width, self.shown_height)
                self.panel.view.lay(self.renderer.picture.width, self.renderer.picture.height)
                self.renderer.show(self.shown_width, self.shown_height, &self.panel.view.at)
        if self.painters.count:
            shown.frame = f
            self.gl.BindFramebuffer(GL_FRAMEBUFFER, shown.framebuffer)
            self.gl.Viewport(0, 0, shown.width, shown.height)
            self.painters.paint(shown)
        return 1

    cdef void _present(self, int64_t stamp) noexcept nogil:
        cdef int64_t begun = now_ns()
        cdef bint paced = self.pacer is not None and stamp >= 0
        if self.swap != NULL and (self.shown_width <= 0 or self.shown_height <= 0):
            return
        if paced:
            self.pacer.settle(begun)
            self.pacer.swapping(stamp, begun)
        if self.swap != NULL:
            self.swap(self.window)
        else:
            self.gl.Flush()
        if paced:
            self.pacer.swapped(begun, now_ns())

    cdef void _await_screen(self) noexcept nogil:
        cdef int64_t until = now_ns() + SCREEN_PATIENCE_NS
        if self.pacer is None:
            return
        self.pacer.settle(now_ns())
        while self.pacer.flies and now_ns() < until:
            sleep_ns(1_000_000)
            self.pacer.settle(now_ns())
        self.pacer.give_up()

    cdef int _retire(self, int64_t timeout_ns) except -1 nogil:
        cdef int done = self.flights.retire(timeout_ns)
        self.counters.displayed += done
        if done and self.pacer is not None and self.clock.bits:
            self.pacer.worked(self.flights.drawn_ns - self.begun[(self.counters.displayed - 1) % 4])
        return done

    cdef int _drain(self) except -1 nogil:
        while self.flights.count and self._retire(GPU_PATIENCE_NS):
            pass
        return 0

    cdef int _forget(self) except -1:
        if self.panel is not None:
            self.panel.let_go()
        renderer, self.renderer = self.renderer, None
        context, self.context = self.context, None
        try:
            if self.flights is not None:
                self.flights.drop()
                self.clock.forget()
                self.flights = None
            try:
                self.painters.close()
            finally:
                if renderer is not None:
                    renderer.delete()
        finally:
            self.gl = NULL
            self.swap = NULL
            self.room = 0
            if self.pacer is not None:
                self.pacer.close()
            if context is not None:
                self._close_context(context)
        return 0

    cdef int _serve(self) except -1 with gil:
        self.snapshots.answer(self._picture())
        return 0


cdef waiting_frame waits_as(const camkit_frame *f) noexcept nogil:
    return waiting_frame(f.timestamp_ns if f.clock == CAMKIT_CLOCK_MONOTONIC else f.dequeue_ns, f.sequence)
