"""GLSink: draw frames on one GL thread, without the GIL and without waiting for the GPU."""

from libc.stdint cimport uintptr_t

from camkit.gl_core._board cimport Board
from camkit.gl_core._borrowed cimport Borrowed
from camkit.gl_core._check cimport fault_text
from camkit.gl_core._flights cimport Flights
from camkit.gl_core._on_draw cimport OnDraw
from camkit.gl_core._pacer cimport Pacer
from camkit.gl_core._painter cimport Painter
from camkit.memory_manager._abi cimport camkit_frame, camkit_frame_release
from camkit.memory_manager._format cimport PixelFormat
from camkit.memory_manager._frame cimport Frame
from camkit.performance_core._stats cimport summary

import os
from dataclasses import replace
from functools import partial
from sys import is_finalizing
from threading import Lock, get_ident
from warnings import warn

from camkit.errors import FormatMismatch, GLError, LeakWarning
from camkit.gl_core._on_draw import resume
from camkit.gl_core._share_group import ShareGroup
from camkit.gl_core._snapshots import Shot
from camkit.gl_core.gpu_memory import Keeper, gpu_pool
from camkit.gl_core.png import write_png
from camkit.gl_core.transfers import check_transfer
from camkit.memory_manager._checks import check_size


cdef class GLSink(Drawing):
    """Draw frames with OpenGL: the common part of `Offscreen` and `Viewer`, which only add a context.

    As the sink of a pipeline it lives in the pipeline's thread from `start` to `stop`; without one, `show` draws in the
    calling thread and `close` ends that. Owns all its OpenGL objects and deletes them in that thread only. `readback`,
    `save`, `stats`, `latencies` and `explain` may be called from any thread.

    Parameters
    ----------
    size : (int, int), optional
        Size of the picture that `readback` gives; the frame is fitted in. Default: the frame's own.
    transfer : str
        How pixels get to the GPU: the name of a way, or ``"auto"`` for the best that this driver does right; `explain`
        lists them all.
    on_draw : callable, optional
        Draws over every picture with any OpenGL library: it is called as on_draw(ctx, textures) in the sink's thread,
        with a DrawContext and a Texture for each plane of the frame. What it raises stops the sink.
    live : bool, optional
        Give `on_draw` textures that lie in the frame's own memory, too, where no copy of the planes is made. Such a
        frame is held until the next one was drawn. Default: there are no such textures, `ctx.picture` is the copy, and
        the frame goes back as soon as that is drawn.
    debug : bool, optional
        Have the driver look at every call and OpenGL's errors asked for with every frame: an error is told where it
        happens, at the cost of speed. Default: what the environment's ``CAMKIT_GL_DEBUG`` says, 1 or 0.
    name : str, optional
    """

    def __init__(self, *, size=None, transfer="auto", on_draw=None, live=False, debug=None, name=None):
        super().__init__(name)
        self.sharing = Lock()
        self.debug = os.environ.get("CAMKIT_GL_DEBUG", "0") not in ("", "0") if debug is None else debug
        self.wish = check_transfer(transfer)
        self.live = live
        if size is not None:
            self.size = check_size(size)
        if on_draw is not None:
            self.on_draw = OnDraw(on_draw)
            self.painters.add(self.on_draw)

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.close()

    def __del__(self):
        # OpenGL may not be touched in any other thread, and at the end of the program Python is half gone: there the
        # objects are left to the process.
        if self.snapshots.owner is None or self.snapshots.foreign() or is_finalizing():
            return
        if self.snapshots.owner == get_ident():
            self.stop()
        else:
            warn(f"{self.name!r} was dropped in another thread than the one that used it: its OpenGL objects are left "
                 "to the process; close() it in the thread that called show()", LeakWarning, stacklevel=2)

    def expect(self, format, size, stride=0):
        """Say what frames will come, so that `start` makes the textures and measures before the first frame does.

        Parameters
        ----------
        format : str or PixelFormat
        size : (int, int)
            In pixels.
        stride : int, optional
            Bytes from one row of plane 0 to the next. Default: no padding.

        Raises
        ------
        ValueError
            The format has no such size or stride.
        """
        cdef PixelFormat row = PixelFormat.find(format)
        width, height = size
        if width < 1 or height < 1 or width % row.multiple[0] or height % row.multiple[1]:
            raise ValueError(f"{row.name} has no size {width}x{height}")
        planes = range(len(row.planes))
        strides = [row.plane_stride(stride or row.row_bytes(width), i) for i in planes]
        if any(strides[i] < row.row_bytes(width, i) for i in planes):
            raise ValueError(f"stride is {stride}, but a row of {row.name} at {width} pixels has "
                             f"{row.row_bytes(width)} bytes")
        self.expected = (row.id, width, height, strides)

    def pool(self, slots, slot_bytes=None, *, format=None, size=None, stride=None):
        """Make a pool of frames in memory that the GPU reads by itself.

        A camera fills it (``camkit.open(..., memory=sink.pool)``), or a `PoolSource`, or a stage; frames that lie in it
        get to the GPU without a copy by the CPU. The memory lives until the last frame and view of it is gone, however
        long the sink lives. Any thread.

        Parameters
        ----------
        slots, slot_bytes, format, size, stride
            As of `FramePool`.

        Returns
        -------
        FramePool

        Raises
        ------
        GLError
            The driver has no such memory (GL_ARB_buffer_storage), or the window is none of EGL.
        """
        return gpu_pool(self._shared(), slots, slot_bytes, format=format, size=size, stride=stride)

    def pinned_pool(self, slots, slot_bytes=None, *, format=None, size=None, stride=None):
        """Make such a pool of pages of the process's own that the GPU is told to read (GL_AMD_pinned_memory).

        As `pool`; some GPUs read the one faster, some the other, and some cameras fill only such pages.
        """
        return gpu_pool(self._shared(), slots, slot_bytes, format=format, size=size, stride=stride, pinned=True)

    def _shared(self):
        with self.sharing:
            if self.group is None:
                self.group = ShareGroup(Keeper(partial(self._spare_context, self.context)))
                if self.context is not None:
                    self.context.functions.group = self.group
            return self.group

    def negotiate(self, frames):
        """Refuse what has no shader; as of a Node.

        Raises
        ------
        FormatMismatch
        """
        if frames is not None and frames.format is not None and not PixelFormat.find(frames.format).shader:
            raise FormatMismatch(f"{frames.format} cannot be drawn: put a stage before {self.name!r} that decodes it")
        return frames

    def start(self):
        """Take the context for the calling thread.

        Raises
        ------
        GLError
            There is no context to be had, or the sink is in use; the message says what to do.
        """
        if not self.snapshots.open():
            raise GLError(f"cannot start {self.name!r}: it is in use; stop its pipeline or close() it first")
        try:
            with self.sharing:
                context = self._open_context()
                if self.group is not None:
                    context.functions.group = self.group
                if self.on_draw is not None:
                    self.on_draw.use(context)
                self.open(context, self.wish, self.size)
            self.renderer.live = self.flights.live = self.live
            self.said = self.context.description
            self.log = self.renderer.functions.log
            if self.expected is not None:
                format, width, height, strides = self.expected
                self.renderer.configure(format, width, height, strides)
                self.renderer.warm_up()
        except BaseException:
            self.stop()
            raise

    def stop(self):
        """Finish what is under way, keep the last picture for `readback`, and give the context up.

        Raises
        ------
        GLError
            Another thread uses the sink, or it is drawing: this is its `on_draw`.
        """
        # A forked child has neither the driver's threads nor a right to what the parent draws with.
        if self.snapshots.owner is None or self.snapshots.foreign():
            return
        self._check_thread("stop")
        try:
            # What was lost has been told.
            if self.renderer is not None and self.renderer.functions.lost is None:
                self.context.make_current()
                with nogil:
                    self._drain()
                    self._await_screen()
                self.last_transfer, self.last_words = self.renderer.transfer, self._words()
                if self.drawn:
                    self.snapshots.keep(picture := self._picture())
                    # OpenGL may tell only here that the last drawings went wrong.
                    if isinstance(picture, GLError):
                        raise picture
        except Exception as error:
            self.snapshots.keep(error)
            raise
        finally:
            try:
                with self.sharing:
                    self._forget()
            finally:
                self.snapshots.close()
                resume()

    def close(self):
        """End the use by `show`, in the thread that used it. Closing twice, or without use, is harmless.

        Raises
        ------
        GLError
            A pipeline, or another thread, uses the sink, or this is its `on_draw`.
        """
        if self.snapshots.owner is not None and not self.snapshots.foreign():
            self._check_thread("close")
        self.stop()

    def show(self, Frame frame not None):
        """Draw one frame now, in the calling thread, which becomes the sink's own until `close`.

        Raises
        ------
        ValueError
            The frame is truncated, or its strides do not fit its size.
        FormatNotSupported
            The GPU cannot draw the format or the size.
        GLError
            There is no context, another thread uses the sink, or OpenGL refused.
        """
        cdef camkit_frame *c = frame.share()  # another thread may close the frame while this one draws
        try:
            self._show(c)
        finally:
            camkit_frame_release(c)
            resume()

    def readback(self, timeout=5.0):
        """Read the last picture, from any thread, while frames flow and after they ended.

        Parameters
        ----------
        timeout : float
            Seconds to wait for the sink's thread.

        Returns
        -------
        numpy.ndarray
            (H, W, 3) uint8, R'G'B', top row first; a copy.

        Raises
        ------
        GLError
            Nothing was drawn yet, the sink's thread did not answer in time, or it could not read the picture.
        """
        return self._shot(timeout).pixels

    def save(self, path, timeout=5.0):
        """Write the last picture as PNG; see `readback`."""
        write_png(path, self.readback(timeout))

    @property
    def description(self):
        """dict: `renderer`, `version`, `vendor` and `headless` of the last context; empty before the first."""
        return dict(self.said or {})

    @property
    def messages(self):
        """list of dict: the last 64 words of the driver (KHR_debug): `kind`, `severity`, `text`; empty at first.

        A `kind` is ``"error"``, ``"performance"`` or ``"other"``.
        """
        return self.log.messages() if self.log is not None else []

    @property
    def transfer(self):
        """dict: `path` that pixels take to the GPU, and `refused` with the reason for each other; empty at first."""
        renderer = self.renderer
        return dict((renderer.transfer if renderer is not None else None) or self.last_transfer or {})

    def stats(self):
        """Frames displayed and refused, and the copies made, since the sink was started.

        Returns
        -------
        SinkStats
            `displayed`: the GPU was done with them. `refused`: truncated or mis-strided, not drawn. `fallbacks`: the
            way that was chosen could not take them. `on_gpu`: held until the GPU has read them. `shown`, `repeats`,
            `misses`, `unseen`: of a window, see `Viewer`. What was delivered is displayed, refused, `frozen` or
            `overtaken`.
        """
        cdef Flights flights = self.flights
        held = flights.held() if flights is not None else 0
        mine = replace(super().stats(), refused=self.refused, fallbacks=self.fallbacks, on_gpu=held, frozen=self.stayed)
        pacer = self.pacer
        if pacer is None:
            return mine
        return replace(mine, shown=pacer.shown, repeats=pacer.repeats, misses=pacer.misses, unseen=pacer.unseen)

    def latencies(self):
        rest = {"capture_to_drawn": summary(self.capture_to_drawn)}
        if self.pacer is not None:
            rest |= {"capture_to_shown": self.pacer.capture_to_shown, "latch_to_swap": self.pacer.latch_to_swap}
        measured = {what: times for what, times in rest.items() if times.count}
        return {"capture_to_gl": summary(self.capture_to_gl)} | measured

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
    def gpu_clock(self):
        """ClockMap or None: the GPU's clock on the monotonic one; None before the first start, or if it has none."""
        return self.clock if self.clock is not None and self.clock.bits else None

    @property
    def pacing(self):
        """dict or None: how frames are brought to the screen's refreshes, see docs/json.md; None without a window."""
        return None if self.pacer is None else self.pacer.describe()

    def explain(self):
        """Tell on what the sink draws, how pixels get there and why so, and what it refused."""
        cdef Flights flights = self.flights
        if self.said is None:
            return "not started yet"
        words = self._words() if self.renderer is not None else self.last_words
        heard = self.log.explain()
        if heard:
            words = f"{words}\n{heard}"
        if self.clock is not None and self.clock.bits:
            words = f"{words}\nthe GPU's clock is read on ours within {self.clock.error_ns} ns"
        if self.pacer is not None:
            words = f"{words}\n{self.pacer.explain()}\n{self.pacer.clock.explain()}"
            words = "\n".join([words, *(f"display clock {name!r}: {why}" for name, why in self.clock_verdicts.items())])
        held = flights.held() if flights is not None else 0
        if held:
            words = f"{words}\n{held} frame(s) with the GPU, which reads their own memory: held until its fences signal"
        if self.refused:
            words = f"{words}\n{self.refused} frame(s) refused, the last: {fault_text(&self.fault)}"
        return f"{self.said['renderer']}, OpenGL {self.said['version']}\n{words}"

    def _open_context(self):
        raise NotImplementedError(f"{type(self).__name__} is a GLSink without a context")

    def _spare_context(self, context):
        # A context for memory that outlives the sink's own (`context` now, if it has one), which shares its objects, as
        # does every later one of the sink.
        raise GLError(f"cannot make a pool of {self.name!r}: a {type(self).__name__} has no context that shares")

    def _close_context(self, context):
        context.destroy()

    def _present_by(self, call, argument):
        # Addresses of the C function that shows a picture in the window, and of its argument.
        self.swap = <void (*)(void *) noexcept nogil><uintptr_t>call
        self.window = <void *><uintptr_t>argument

    def _pace_by(self, Pacer pacer not None, dict verdicts not None):
        # In the thread that draws. The verdicts tell of each source of the display's time why it was taken, or not.
        self.pacer, self.clock_verdicts = pacer, verdicts
        self.room = pacer.room

    def _set_window_size(self, width, height):
        self.window_width.store(width)
        self.window_height.store(height)

    def _use_board(self, Board board not None, int panel=0, Painter overlay=None):
        # Let hands change what is seen: before the sink starts.
        if overlay is not None:
            self.painters.add(overlay)
        self.board, self.panel = board, board.panels[panel]

    def _refresh(self):
        # Between two calls of `show`: draw the window anew if hands or its size ask for it.
        if self.snapshots.owner == get_ident():
            self.context.make_current()
            with nogil:
                self.idle(0)

    def _feed(self, planes, format, size, strides, colour=(2, 2, 2, 0), bytes_used=None):
        # `show` for what no pool would hold, such as a broken frame.
        cdef Borrowed borrowed = Borrowed(planes, format, size, strides, colour, bytes_used)
        self._show(&borrowed.frame)

    def _shot(self, timeout=5.0):
        # The last picture with the number of its frame; otherwise as `readback`.
        what = f"cannot read the picture of {self.name!r} back"
        if self.snapshots.owner != get_ident():
            return self.snapshots.ask(what, timeout)
        if self.context is None:
            raise GLError(f"{what}: its context is about to go")
        self.context.make_current()
        try:
            pixels = self.renderer.read() if self.drawn else None
        finally:
            resume()
        if pixels is None:
            raise GLError(f"{what}: nothing was drawn yet")
        return Shot(pixels, self.shown_sequence)

    def _words(self):
        return "\n".join([self.renderer.explain(), *self.renderer.changes])

    def _check_thread(self, what):
        if self.snapshots.owner != get_ident():
            raise GLError(f"cannot {what} {self.name!r}: another thread uses it; stop its pipeline first")
        if self.painters.busy:
            raise GLError(f"cannot {what} {self.name!r} while it draws: its on_draw is at work; raise an exception "
                          "there to end its pipeline")

    cdef int _show(self, camkit_frame *f) except -1:
        cdef int drawn
        if self.snapshots.owner is None:
            self.start()
        elif self.snapshots.owner != get_ident():
            raise GLError(f"cannot show a frame in {self.name!r}: another thread uses it")
        elif self.painters.busy:
            raise GLError(f"cannot show a frame in {self.name!r} while it draws another: its on_draw is at work")
        else:
            # Another context may have become current in this thread since.
            self.context.make_current()
        with nogil:
            drawn = self.draw(f)
            self._drain()
        if self.snapshots.wanted.load():
            self._serve()
        if not drawn:
            raise ValueError(fault_text(&self.fault))
        return 0
