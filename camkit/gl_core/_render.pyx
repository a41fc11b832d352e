"""Render: a stage that draws frames on the GPU and hands the pictures on as frames."""

from libc.stdint cimport int64_t

from camkit.gl_core._check cimport FAULT_NONE, check_frame, fault_text
from camkit.gl_core._enums cimport GL_FRAMEBUFFER, GL_NO_ERROR
from camkit.gl_core._flights cimport FLIGHTS, Flights_make
from camkit.gl_core._on_draw cimport OnDraw
from camkit.gl_core._painter cimport painting
from camkit.gl_core._types cimport GLenum, GLuint
from camkit.memory_manager._abi cimport (
    CAMKIT_CLOCK_MONOTONIC,
    CAMKIT_END,
    CAMKIT_FULL,
    CAMKIT_OK,
    CAMKIT_TIMEOUT,
    camkit_format_row,
    camkit_frame,
    camkit_frame_release,
    copy_description,
    frame_pool,
    now_ns,
)
from camkit.memory_manager._format cimport PixelFormat, PixelFormat_of
from camkit.performance_core._stats cimport histogram, summary

from threading import get_ident

from camkit.errors import FormatMismatch, FormatNotSupported, GLError, GLTimeout
from camkit.gl_core import _packer
from camkit.gl_core._readback import check_readback
from camkit.gl_core.context import headless
from camkit.gl_core.context_hold import ContextHold
from camkit.gl_core.transfers import check_transfer
from camkit.memory_manager._checks import check_size
from camkit.memory_manager.pool_stats import SlotHolder
from camkit.performance_core.negotiate import FrameSpec

cdef int64_t GPU_PATIENCE_NS = 5_000_000_000
cdef int64_t SLICE_NS = 100_000_000  # one who waits for a slot comes back this often, to be told that it is over
cdef int ERROR_CHECK_EVERY = 64  # asking for errors makes some drivers wait for a thread of their own
cdef unsigned int RING = 4


cdef class Render(DeferredStage):
    """Draw each frame on the GPU, without a screen, and hand the picture on as a frame: R'G'B' of the full range.

    Frames keep their number, times, gap, flags and companions, and their order. Up to three are under way, so that the
    GPU works on the next ones while later stages have the last. The stage has a thread and an OpenGL context of its
    own, from `start` to `stop`; no frame costs it the GIL, or a copy where the driver lets the GPU write into memory
    that is handed on (`explain` tells). A frame may be kept for as long as one likes: its slot is not drawn into.

    Thread-safety and the ways to lose a frame are those of `Stage`.

    Parameters
    ----------
    format : {"RGB24", "BGR24", "GREY", "RGBA32", "XRGB32"}
        Of the pictures. Rows are padded to four bytes. GREY is the luma by the matrix that the frame came with.
    size : (int, int), optional
        Of the pictures; the frame is fitted in with its shape kept. Default: the frame's own.
    slots : int, optional
        Pictures that may be under way or held downstream, 1 to 64.
    when_dry : {"block", "drop"}
        What happens when all of them are: wait for one, or lose the frame, counted as `pool`.
    transfer : str
        How pixels get to the GPU, as for `Offscreen`.
    readback : str
        How they come back: ``"pinned"`` (the GPU writes into memory of ours), ``"mapped"`` (into its own, which is
        handed on), ``"copy"`` (the CPU copies them, counted), ``"plain"`` (the thread waits), or ``"auto"``: the
        fastest of the first three that proves right. ``"dmabuf"``: frames are dma-bufs (`Frame.dmabufs`, linear) for
        other devices, that the GPU draws into: ``"exported"`` textures of the driver, buffers of ``"gbm"``, or memory
        of ours that is ``"imported"`` as a texture, the first that proves right.
    on_draw : callable, optional
        Draws over every picture, before it is read back, as for `Offscreen`.
    name : str, optional

    Raises
    ------
    TypeError, ValueError
        An argument that means nothing; the message names it.
    FormatNotSupported
        No picture is made in this format.

    Examples
    --------
    >>> camkit.Pipeline(camera, camkit.Render("RGB24", size=(640, 480)), detect)  # doctest: +SKIP
    """

    def __cinit__(self, *args, **kwargs):
        self.painters = Painters()
        self.capture_to_gl = new histogram()
        self.capture_to_drawn = new histogram()
        self.gl_thread = new histogram()
        if self.capture_to_gl == NULL or self.capture_to_drawn == NULL or self.gl_thread == NULL:
            raise MemoryError("no memory for a histogram")

    def __dealloc__(self):
        del self.capture_to_gl
        del self.capture_to_drawn
        del self.gl_thread

    def __init__(self, format="RGB24", size=None, *, slots=6, when_dry="block", transfer="auto", readback="auto",
                 on_draw=None, name=None):
        row = PixelFormat.find(format)
        if row.name not in _packer.FORMATS:
            raise FormatNotSupported(f"cannot render into {row.name}: pictures are made in "
                                     f"{', '.join(_packer.FORMATS)}; put a stage behind that converts")
        check_readback(readback)
        spec = FrameSpec(row, None if size is None else check_size(size, row))
        super().__init__(name, output=spec, slots=slots, when_dry=when_dry)
        self.wish, self.readback_wish = check_transfer(transfer), readback
        if on_draw is not None:
            self.on_draw = OnDraw(on_draw)
            self.painters.add(self.on_draw)

    def negotiate(self, frames):
        """Refuse what has no shader; as of a Stage.

        Raises
        ------
        FormatMismatch
        """
        if frames is not None and frames.format is not None and not PixelFormat.find(frames.format).shader:
            raise FormatMismatch(f"{frames.format} cannot be drawn: put a stage before {self.name!r} that decodes it")
        return DeferredStage.negotiate(self, frames)

    def start(self):
        """Take a context for the calling thread.

        Raises
        ------
        GLError
            There is no context to be had, or the stage is in use; the message says what to do.
        DmabufUnavailable
            There are no dma-bufs for pictures here.
        """
        if self.context is not None:
            raise GLError(f"cannot start {self.name!r}: it is in use; stop its pipeline first")
        self.owner = get_ident()
        self.first = self.done = self.in_flight = 0
        self.drawn = self.frame_width = self.frame_height = 0
        self.capture_to_gl.reset()
        self.capture_to_drawn.reset()
        self.gl_thread.reset()
        try:
            self.context = self._open_context()
            self.hold = ContextHold(self.context)
            self.said = self.context.description
            self.renderer = Renderer(self.context.functions, self.wish, self.output.size)
            self.gl = self.renderer.gl
            self.flights = Flights_make(self.renderer.functions, self.capture_to_gl, self.capture_to_drawn)
            if self.on_draw is not None:
                self.on_draw.use(self.context)
            self.painters.open(self.renderer.functions)
            if self.agreed is not None and self.agreed.known:
                self._make_slots(self.agreed)
        except BaseException:
            self.stop()
            raise

    def stop(self):
        """Wait for the GPU, release what was under way, and give the context up.

        Raises
        ------
        GLError
            OpenGL may tell only here that the last drawings went wrong. Or another thread uses the stage, or it is
            drawing: this is its `on_draw`.
        """
        if self.context is None:
            return
        if self.owner != get_ident():
            raise GLError(f"cannot stop {self.name!r}: another thread uses it; stop its pipeline first")
        if self.painters.busy:
            raise GLError(f"cannot stop {self.name!r} while it draws: its on_draw is at work; raise an exception there "
                          "to end its pipeline")
        try:
            if self.gl != NULL:
                with nogil:
                    self.gl.Finish()
                self.renderer.functions.check("finish the last pictures")
        finally:
            self._forget()

    def frames_on_gpu(self):
        """As of a Node."""
        cdef Flights flights = self.flights
        return flights.frames() if flights is not None else frozenset()

    @property
    def prepared_at(self):
        """float: see `Node`; a driver that nobody has tried yet may take its time."""
        renderer = self.renderer
        return renderer.functions.tried_at if renderer is not None else 0.0

    @property
    def description(self):
        """dict: `renderer`, `version` and `vendor` of the last context; empty before the first."""
        return dict(self.said or {})

    @property
    def readback(self):
        """dict: `path` that pictures take back, and `refused` with the reason for each other; empty at first."""
        way = self.readback_of
        return dict(self.last_readback or {}) if way is None else {"path": way.way, "refused": dict(way.refused)}

    def latencies(self):
        """Tell how long frames take.

        Returns
        -------
        dict
            {name: Summary}: `capture_to_gl`, from the frame's timestamp to the moment when its picture was seen to be
            there; `capture_to_drawn`, to the GPU's own time of it, where it has a clock; `gl_thread`, how long a frame
            kept the stage's thread, in which time it can give the GPU nothing else.
        """
        drawn = {"capture_to_drawn": summary(self.capture_to_drawn)} if self.capture_to_drawn.count() else {}
        return {"capture_to_gl": summary(self.capture_to_gl), "gl_thread": summary(self.gl_thread)} | drawn

    def explain(self):
        """Tell on what it draws, how pixels get there and back and why so, and what it lost."""
        c = self.counters
        words = [f"{self.given or self.output} from {self.said['renderer']}, OpenGL {self.said['version']}"
                 if self.said is not None else f"makes {self.given or self.output} by OpenGL: not started yet"]
        if self.renderer is not None or self.last_words is not None:
            words.append(self._words() if self.renderer is not None else self.last_words)
        if c.copies:
            words.append(f"{c.copies} times copied by the CPU ({c.copied_bytes} bytes)")
        if c.pool:
            words.append(f"{c.pool} lost for want of a slot; when dry: {self.when_dry}")
        if c.bad:
            words.append(f"{c.bad} bad, the last: {self.last_bad()}")
        return "\n".join(words)

    def holders(self):
        """Tell who holds slots of its pictures now: those under way too. Any thread.

        Returns
        -------
        tuple of SlotHolder
        """
        cdef frame_pool *p = self.lender  # it goes with the GIL only
        cdef int i
        if p == NULL:
            return ()
        held = [(i, p.slots.refs(i), p.leases(i)) for i in range(self.slots)]
        return tuple([SlotHolder(i, references, leases, None, None) for i, references, leases in held if references])

    def last_bad(self):
        """Return why the latest bad frame was bad."""
        return fault_text(&self.fault)

    def _open_context(self):
        return headless()

    def _words(self):
        words = [self.renderer.explain(), *self.renderer.changes]
        return "\n".join([*words, *([self.readback_of.explain()] if self.readback_of is not None else [])])

    def _make_slots(self, frames):
        # Pictures for frames of this FrameSpec; those of before are handed on by now, and stay good.
        given = self.gives(frames)
        row = PixelFormat.find(given.format)
        width, height = given.size
        same = self.given_size == given.size
        if self.readback_of is not None and not same:
            self.lender = NULL
            self.readback_of.delete()
            self.packer.delete()
            self.readback_of = self.packer = None
        if self.readback_of is None:
            self.given_size = None
            self.packer = Packer(self.renderer.functions, row, width, height)
            self.readback_of = Readback(self.renderer.functions, row, width, height, self.packer.columns, self.slots,
                                        self.readback_wish, self.hold)
            self.given_size = given.size
        self.given = given
        self.frame_width, self.frame_height = frames.size

    cdef int prepare(self, const camkit_frame *f) except -1:
        if camkit_format_row(f.format) == NULL:
            raise FormatMismatch(f"{self.name!r} draws pictures, and frame {f.sequence} is plain bytes")
        self._make_slots(FrameSpec(PixelFormat_of(f.format), (f.width, f.height)))
        return 0

    cdef int process(self, camkit_frame **frame) except -1 nogil:
        cdef camkit_frame *f = frame[0]
        cdef camkit_frame *to
        cdef bint drawn = False
        cdef int64_t begun
        if check_frame(f, &self.fault) != FAULT_NONE:
            return self.bad(frame, NULL)
        self.settle(0)
        if self.in_flight == FLIGHTS or self.in_flight + self.done == RING:
            return CAMKIT_TIMEOUT
        if f.width != self.frame_width or f.height != self.frame_height:
            if self.in_flight + self.done:
                return CAMKIT_TIMEOUT  # those of the old size first
            with gil:
                self.prepare(f)
        to = self.readback_of.take(0)
        if to == NULL and not self.waits:
            camkit_frame_release(f)
            frame[0] = NULL
            return CAMKIT_FULL
        if to == NULL and self.in_flight + self.done == 0:
            to = self.readback_of.take(SLICE_NS)
        if to == NULL:
            return CAMKIT_TIMEOUT
        self.lender = <frame_pool *>to.pool
        begun = now_ns()
        try:
            self.draw(f, to)
            drawn = True
        finally:
            if not drawn:
                camkit_frame_release(to)
        self.gl_thread.record(now_ns() - begun)
        camkit_frame_release(f)  # the flight has it where the GPU still reads it
        frame[0] = NULL
        return CAMKIT_OK

    cdef int collect(self, camkit_frame **out, int64_t timeout_ns) except -1 nogil:
        cdef camkit_frame **oldest = &self.pictures[self.first % RING]
        cdef Py_ssize_t copied
        if not self.done:
            if not self.in_flight:
                return CAMKIT_END
            self.settle(timeout_ns)
            if not self.done:
                return CAMKIT_TIMEOUT
        copied = self.readback_of.finish(oldest[0])
        if copied:
            self.counters.copies += 1
            self.counters.copied_bytes += copied
        out[0] = oldest[0]
        oldest[0] = NULL
        self.first += 1
        self.done -= 1
        return CAMKIT_OK

    cdef int under_way(self) noexcept nogil:
        return self.in_flight + self.done

    cdef int draw(self, camkit_frame *f, camkit_frame *to) except -1 nogil:
        cdef Py_ssize_t copied
        cdef painting *shown = &self.renderer.shown
        cdef GLuint texture
        cdef GLenum error
        copied = self.renderer.draw(f)
        if self.renderer.holds():
            self.flights.keep(f)
        texture = self.renderer.scaled.texture
        if copied:
            self.counters.copies += 1
            self.counters.copied_bytes += copied
        if self.painters.count:
            shown.frame = f
            self.gl.BindFramebuffer(GL_FRAMEBUFFER, shown.framebuffer)
            self.gl.Viewport(0, 0, shown.width, shown.height)
            self.painters.paint(shown)
        self.gl.BindVertexArray(self.renderer.vertex_array)
        copy_description(to, f)
        self.packer.describe(to)
        self.readback_of.begin(to, self.packer.pack(texture or self.renderer.picture.texture, shown.framebuffer,
                                                    &f.colour))
        if self.drawn % ERROR_CHECK_EVERY == 0:
            self.flights.clock.refresh()
            error = self.gl.GetError()
            if error != GL_NO_ERROR:
                with gil:
                    self.renderer.functions.fail(f"render frame {f.sequence}", error)
        self.flights.push(f.timestamp_ns, f.clock == CAMKIT_CLOCK_MONOTONIC)
        self.gl.Flush()
        if not self.in_flight:
            self.oldest_ns = now_ns()
        self.pictures[(self.first + self.done + self.in_flight) % RING] = to
        self.in_flight += 1
        self.drawn += 1
        return 0

    # Take note of what is finished; wait for the oldest at most timeout_ns.
    cdef int settle(self, int64_t timeout_ns) except -1 nogil:
        cdef int finished = self.flights.retire(timeout_ns) if self.in_flight else 0
        self.done += finished
        self.in_flight -= finished
        if finished:
            self.oldest_ns = now_ns()
        elif self.in_flight and now_ns() - self.oldest_ns > GPU_PATIENCE_NS:
            with gil:
                raise GLTimeout(f"cannot render frame {self.pictures[(self.first + self.done) % RING].sequence}: "
                                f"{self.said['renderer']!r} did not finish it within "
                                f"{GPU_PATIENCE_NS // 1_000_000_000} s; the GPU hangs or was reset")
        return 0

    cdef int _forget(self) except -1:
        cdef unsigned int i
        for i in range(RING):
            if self.pictures[i] != NULL:
                camkit_frame_release(self.pictures[i])
            self.pictures[i] = NULL
        self.done = self.in_flight = 0
        if self.renderer is not None:
            self.last_words, self.last_readback = self._words(), self.readback
        renderer, self.renderer = self.renderer, None
        readback, self.readback_of = self.readback_of, None
        self.lender = NULL
        packer, self.packer = self.packer, None
        hold, self.hold = self.hold, None
        context, self.context = self.context, None
        try:
            if self.flights is not None:
                self.flights.drop()
                self.flights.clock.forget()
                self.flights = None
            try:
                self.painters.close()
            finally:
                for owner in (packer, readback, renderer):
                    if owner is not None:
                        owner.delete()
        finally:
            self.gl = NULL
            self.given_size = None
            if hold is not None:
                hold.end()
            else:
                context.destroy()
        return 0
