"""GridLoop: the one thread that draws the pictures of several cameras into one window."""

from libc.stdint cimport int64_t, uint32_t, uintptr_t
from libc.string cimport memset

from camkit.gl_core._enums cimport GL_COLOR_BUFFER_BIT, GL_FRAMEBUFFER
from camkit.gl_core._flights cimport FLIGHTS, Flights_make
from camkit.gl_core._gl cimport Functions
from camkit.gl_core._pacer cimport waiting_frame
from camkit.gl_core._painter cimport painting
from camkit.memory_manager._abi cimport now_ns

import threading
from collections import deque
from functools import partial

from camkit.errors import GLError
from camkit.gl_core._share_group import ShareGroup
from camkit.gl_core.context import headless
from camkit.gl_core.display_clock import find_clock
from camkit.gl_core.gpu_memory import Keeper

cdef int64_t FLIGHT_NS = 2_000_000  # between looks whether the GPU is done
cdef int64_t SLICE_NS = 100_000_000
cdef int CLOCK_EVERY = 64  # windows between looks at the GPU's clock

# Looked at here, not by Cython: one pane's failure is none of the others.
ctypedef int (*pane_method)(Pane) noexcept nogil


cdef class GridLoop:
    """Draw each pane's frame when its moment comes, and put all pictures and the overlay into the window.

    `run` is the thread; `order`, `share` and `end` may be called from any other.

    Parameters
    ----------
    context : WindowContext
        Current in no thread.
    board : Board
    overlay : Overlay
    vsync : bool
    pacing : {"latch", "smooth", "off"}
    """

    def __init__(self, context, Board board not None, Overlay overlay not None, *, bint vsync, str pacing not None):
        self.context, self.board, self.overlay = context, board, overlay
        self.gl = &(<Functions?>context.functions).f
        call, argument = context.swap_call
        self.swap = <void (*)(void *) noexcept nogil><uintptr_t>call
        self.window = <void *><uintptr_t>argument
        self.vsync, self.pacing = vsync, pacing
        self.lock, self.orders = threading.Lock(), deque()

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
            self._open()
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

    def _open(self):
        self.context.make_current()
        self.context.set_vsync(self.vsync)
        clock, self.verdicts = find_clock(self.context, self.vsync and self.pacing != "off")
        self.pacer = GridPacer("off" if self.pacing == "off" else "latch", clock)
        self.flights = Flights_make(self.context.functions, NULL, NULL)
        self.overlay.open(self.context.functions)

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
                done.set()

    def _finish(self):
        with self.lock:
            self.ended = True
        self._obey()  # nobody may wait for ever
        for clear in (*[pane._end for pane in self.panes], self._close, self.context.release):
            try:
                clear()
            except Exception as error:
                self.failure = self.failure or error

    def _close(self):
        self.overlay.close()
        if self.flights is not None:
            self.flights.drop()
            self.flights.clock.forget()
        if self.pacer is not None:
            self.pacer.close()

    cdef int loop(self) except -1 nogil:
        cdef waiting_frame some
        cdef bint waiting
        cdef int64_t begun
        memset(&some, 0, sizeof(some))
        while not self.ordered.load():
            waiting = self.attend()
            self.stale |= self.board.serve()
            self.land()
            # One moment for all that is new, hands' work too: a window is handed over as a whole.
            if not waiting and not self.stale:
                self.pacer.wake_ns = 0
            elif self.pacer.choose(&some, 1, self.pacer.wake_ns == 0, now_ns()) >= 0:
                begun = now_ns()
                if self.draw():
                    self.compose(begun)
                continue
            self.sleep()
        return 0

    cdef bint attend(self) except -1 nogil:
        cdef int i, answer
        cdef bint waiting = False
        for i in range(self.count):
            answer = (<pane_method>attend_of)(<Pane>self.pointers[i])
            if answer == -1:
                self.broke(i)
            waiting |= answer == 1
        return waiting

    cdef bint draw(self) except -1 nogil:
        cdef int i, answer
        cdef bint fresh = self.stale
        self.stale = False
        for i in range(self.count):
            answer = (<pane_method>turn_of)(<Pane>self.pointers[i])
            if answer == -1:
                self.broke(i)
            fresh |= answer == 1
        return fresh

    cdef int sleep(self) except -1 nogil:
        cdef int64_t longest = FLIGHT_NS if self.flights.count else SLICE_NS
        cdef uint32_t key
        cdef int i
        for i in range(self.count):
            if flies(<Pane>self.pointers[i]):
                longest = FLIGHT_NS
        key = self.board.bell.prepare()
        if self.pacer.wake_ns:
            longest = min(longest, self.pacer.wake_ns - now_ns())
        if longest > 0 and self.quiet():
            self.board.bell.wait(key, longest)
        else:
            self.board.bell.cancel()
        return 0

    cdef bint quiet(self) noexcept nogil:
        cdef int i
        if self.ordered.load() or self.board.stale.load() or not self.board.gestures.empty():
            return False
        for i in range(self.count):
            if calls(<Pane>self.pointers[i], self.pacer.wake_ns == 0):
                return False
        return True

    cdef int compose(self, int64_t begun) except -1 nogil:
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
        if self.flown % CLOCK_EVERY == 0:
            self.flights.clock.refresh()
        if self.flights.count < FLIGHTS:
            self.flights.push(0, False)
            self.begun[self.flown % 4] = begun
            self.flown += 1
        if not self.flights.clock.bits:
            self.pacer.worked(now_ns() - begun)
        self.present()
        return 1

    cdef void present(self) noexcept nogil:
        cdef int64_t ended, begun = now_ns()
        cdef int i
        self.pacer.settle(begun)
        for i in range(self.count):
            hand_over(<Pane>self.pointers[i], self.board.shown(i), begun)
        self.pacer.swapping(0, begun)
        self.swap(self.window)
        ended = now_ns()
        self.pacer.swapped(begun, ended)
        for i in range(self.count):
            handed_over(<Pane>self.pointers[i], begun, ended)

    cdef int land(self) except -1 nogil:
        cdef int done
        if not self.flights.count:
            return 0
        done = self.flights.retire(0)
        self.landed += done
        if done and self.flights.clock.bits:
            self.pacer.worked(self.flights.drawn_ns - self.begun[(self.landed - 1) % 4])
        return 0

    cdef int broke(self, int pane) except -1 with gil:
        try:
            raised()
        except Exception as error:
            self.panes[pane]._break(error)
        return 0


# What a -1 means to Cython: the exception that is pending.
cdef int raised() except -1:
    return -1


cdef int attend_of(Pane pane) except -1 nogil:
    return pane.attend()


cdef int turn_of(Pane pane) except -1 nogil:
    return pane.turn(False)


cdef bint calls(Pane pane, bint anew) noexcept nogil:
    return pane.calls(anew)


cdef void hand_over(Pane pane, bint seen, int64_t begun) noexcept nogil:
    pane.hand_over(seen, begun)


cdef void handed_over(Pane pane, int64_t begun, int64_t ended) noexcept nogil:
    pane.handed_over(begun, ended)


cdef bint flies(Pane pane) noexcept nogil:
    return pane.flights is not None and pane.flights.count > 0


cdef void place(Pane pane, int width, int height) noexcept nogil:
    if pane.renderer is not None and pane.drawn and pane.renderer.picture.framebuffer:
        pane.panel.view.lay(pane.renderer.picture.width, pane.renderer.picture.height)
        pane.renderer.show(width, height, &pane.panel.view.at)
