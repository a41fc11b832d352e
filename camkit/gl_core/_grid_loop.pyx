"""GridLoop: the one thread that draws the pictures of several cameras into one window."""

from libc.stdint cimport int64_t, uint32_t, uintptr_t
from libc.string cimport memset

from camkit.gl_core._enums cimport GL_COLOR_BUFFER_BIT, GL_FRAMEBUFFER
from camkit.gl_core._gl cimport Functions
from camkit.gl_core._painter cimport painting

import threading
from collections import deque
from functools import partial

from camkit.errors import GLError
from camkit.gl_core._share_group import ShareGroup
from camkit.gl_core.context import headless
from camkit.gl_core.gpu_memory import Keeper

cdef int64_t FLIGHT_NS = 2_000_000  # between looks whether the GPU is done
cdef int64_t SLICE_NS = 100_000_000

# Looked at here, not by Cython: one pane's failure is none of the others.
ctypedef int (*turn_method)(Pane) noexcept nogil


cdef class GridLoop:
    """Take each pane's newest frame, draw it, and put all pictures and the overlay into the window.

    `run` is the thread; `order`, `share` and `end` may be called from any other.

    Parameters
    ----------
    context : WindowContext
        Current in no thread.
    board : Board
    overlay : Overlay
    vsync : bool
    """

    def __init__(self, context, Board board not None, Overlay overlay not None, *, vsync):
        self.context, self.board, self.overlay = context, board, overlay
        self.gl = &(<Functions?>context.functions).f
        call, argument = context.swap_call
        self.swap = <void (*)(void *) noexcept nogil><uintptr_t>call
        self.window = <void *><uintptr_t>argument
        self.lock, self.orders = threading.Lock(), deque()
        self.orders.append((lambda: context.set_vsync(vsync), None, []))
        self.ordered.store(1)

    def use(self, panes):
        """Take the panes, before `run`."""
        self.panes = tuple(panes)
        self.count = len(self.panes)
        cdef int i
        for i in range(self.count):
            self.pointers[i] = <void *>(<Pane?>self.panes[i])

    def set_size(self, int width, int height):
        """Say how large the window is, in pixels."""
        if width != self.width.load() or height != self.height.load():
            self.width.store(width)
            self.height.store(height)
            self.board.refresh()

    def order(self, work):
        """Have something done on the loop's thread, and wait for it; its error is raised here."""
        done, errors = threading.Event(), []
        with self.lock:
            if self.ended:
                raise GLError("the grid was closed, or failed; make a new Grid") from self.failure
            self.orders.append((work, done, errors))
            self.ordered.store(1)
        self.board.bell.notify()
        done.wait()
        if errors:
            raise errors[0]

    def share(self, debug):
        """Return the ShareGroup of the window's context, which is made when it is asked for first. Any thread."""
        with self.lock:
            if self.ended:
                raise GLError("the grid was closed, or failed; make a new Grid") from self.failure
            if self.group is None:
                self.group = ShareGroup(Keeper(partial(headless, debug, share=self.context)))
                self.context.functions.group = self.group
            return self.group

    def end(self):
        """Let `run` return soon."""
        self.stopping.store(1)
        self.ordered.store(1)
        self.board.bell.notify()

    def run(self):
        """Draw until `end`. Never raises: panes tell their cameras what failed."""
        try:
            self.context.make_current()
            self.overlay.open(self.context.functions)
            while not self.stopping.load():
                self._obey()
                with nogil:
                    self.loop()
        except BaseException as error:
            self.failure = error
            for pane in self.panes:
                pane._break(error)
        finally:
            self._finish()

    def _obey(self):
        while True:
            with self.lock:
                if not self.orders:
                    self.ordered.store(self.stopping.load())
                    return
                work, done, errors = self.orders.popleft()
            try:
                work()
            except BaseException as error:
                errors.append(error)
            finally:
                if done is not None:
                    done.set()

    def _finish(self):
        with self.lock:
            self.ended = True
        self._obey()  # nobody may wait for ever
        for clear in (*[pane._end for pane in self.panes], self._close_overlay, self.context.release):
            try:
                clear()
            except Exception as error:
                self.failure = self.failure or error

    def _close_overlay(self):
        self.overlay.close()

    cdef int loop(self) except -1 nogil:
        cdef uint32_t key
        cdef int i, answer, fresh
        cdef bint flying
        while not self.ordered.load():
            fresh = 0
            flying = False
            for i in range(self.count):
                answer = (<turn_method>turn_of)(<Pane>self.pointers[i])
                if answer == -1:
                    self.broke(i)
                fresh += answer != 0
                flying = flying or flies(<Pane>self.pointers[i])
            fresh += self.board.serve()
            if fresh:
                self.compose()
                continue
            key = self.board.bell.prepare()
            if self.quiet():
                self.board.bell.wait(key, FLIGHT_NS if flying else SLICE_NS)
            else:
                self.board.bell.cancel()
        return 0

    cdef bint quiet(self) noexcept nogil:
        cdef int i
        if self.ordered.load() or self.board.stale.load() or not self.board.gestures.empty():
            return False
        for i in range(self.count):
            if waits_of(<Pane>self.pointers[i]):
                return False
        return True

    cdef int compose(self) except -1 nogil:
        cdef painting p
        cdef int i
        cdef int width = self.width.load()
        cdef int height = self.height.load()
        if width <= 0 or height <= 0:
            return 0  # minimised
        self.board.divide(width, height)
        self.gl.BindFramebuffer(GL_FRAMEBUFFER, 0)
        self.gl.ClearColor(0, 0, 0, 1)
        self.gl.Clear(GL_COLOR_BUFFER_BIT)
        for i in range(self.count):
            if self.board.shown(i):
                place(<Pane>self.pointers[i], width, height)
        memset(&p, 0, sizeof(p))
        p.width, p.height, p.upward = width, height, True
        self.gl.BindFramebuffer(GL_FRAMEBUFFER, 0)
        self.gl.Viewport(0, 0, width, height)
        self.overlay.paint(&p)
        self.swap(self.window)
        return 1

    cdef int broke(self, int pane) except -1 with gil:
        try:
            raised()
        except Exception as error:
            self.panes[pane]._break(error)
        return 0


# What a -1 means to Cython: the exception that is pending.
cdef int raised() except -1:
    return -1


cdef int turn_of(Pane pane) except -1 nogil:
    return pane.turn()


cdef bint waits_of(Pane pane) noexcept nogil:
    return pane.waits()


cdef bint flies(Pane pane) noexcept nogil:
    return pane.flights is not None and pane.flights.count > 0


cdef void place(Pane pane, int width, int height) noexcept nogil:
    if pane.renderer is not None and pane.drawn and pane.renderer.picture.framebuffer:
        pane.panel.view.lay(pane.renderer.picture.width, pane.renderer.picture.height)
        pane.renderer.show(width, height, &pane.panel.view.at)
