"""GridPacer and PanePacer: one moment for a window of several cameras, and which frame of each it shows."""

from libc.stdint cimport int64_t

from camkit.gl_core._board cimport MOST_PANELS
from camkit.gl_core._pacer cimport DARK, FLYING, SMOOTH, flying_picture


cdef class GridPacer(Pacer):
    """Decide when a grid's window is drawn, and tell its panes what became of their pictures.

    A window is handed over as a whole, so there is one moment for all panes, and what it costs to draw and to compose
    them all is learnt together. Its mode is ``"latch"`` or ``"off"``: ``"smooth"`` is the panes' own. Belongs to the
    grid's thread.
    """

    def __init__(self, mode, clock):
        self.panes = [None] * MOST_PANELS

    def pane(self, int seat, str mode not None):
        """Make the pacer of the pane with this number, in the place of an earlier one of its."""
        if not 0 <= seat < MOST_PANELS:
            raise IndexError(f"there is no pane {seat}")
        cdef PanePacer made = PanePacer.__new__(PanePacer, mode, self.clock)
        made.window, made.seat = self, seat
        self.panes[seat] = made
        self.pointers[seat] = <void *>made
        return made

    cdef void told(self, const shown_picture *heard) noexcept nogil:
        cdef int i
        Pacer.told(self, heard)
        for i in range(MOST_PANELS):
            if self.pointers[i] != NULL:
                tell(<PanePacer>self.pointers[i], heard)

    cdef void renew(self) noexcept nogil:
        cdef int i
        Pacer.renew(self)
        for i in range(MOST_PANELS):
            if self.pointers[i] != NULL:
                renew(<PanePacer>self.pointers[i])


cdef class PanePacer(Pacer):
    """Pick the frame of one pane for the moment that its window has decided on, and count what came of it."""

    def close(self):
        self.give_up()
        if self.window.panes[self.seat] is self:
            self.window.pointers[self.seat] = NULL
            self.window.panes[self.seat] = None

    cdef int choose(self, const waiting_frame *frames, int count, int fresh, int64_t now) noexcept nogil:
        cdef int i, chosen = count - 1
        for i in range(count - fresh, count):
            self.came(&frames[i], now)
        if count == 0 or self.way != SMOOTH or self.window.aimed == 0:
            return chosen
        chosen = self.nearest(frames, count, self.window.aimed)
        if chosen >= 0:
            self.on, self.on_known = frames[chosen], True
        return chosen

    cdef void told(self, const shown_picture *heard) noexcept nogil:
        cdef flying_picture picture
        if heard.ns == 0:
            self.dark += 1  # what was new in that window is in the next one as well
            return
        # Many windows in few refreshes are no hidden one.
        if heard.ns - self.seen_ns < DARK * self.clock.beat.period_ns:
            self.dark = 0
        self.seen_ns = heard.ns
        while self.flies and self.flying[self.first].number <= heard.number:
            picture = self.flying[self.first]
            self.first = (self.first + 1) % FLYING
            self.flies -= 1
            if self.flies and self.flying[self.first].number <= heard.number:
                self.unseen += 1  # a newer one took its place before the screen took any
            else:
                self.count_shown(&picture, heard.ns)
        self.dark = 0

    cdef int64_t need(self) noexcept nogil:
        return self.window.need()

    cdef void settle(self, int64_t now) noexcept nogil:
        self.window.settle(now)

    # Before the window's own: both bear its number.
    cdef void swapping(self, int64_t stamp, int64_t now) noexcept nogil:
        self.number = self.window.number + 1
        self.aimed, self.latched, self.hopeless = self.window.aimed, self.window.latched, self.window.hopeless
        self.fly(stamp)

    cdef void swapped(self, int64_t begun, int64_t now) noexcept nogil:
        if self.latched:
            self.latching.record(now - self.latched)
            self.latched = 0

    cdef void worked(self, int64_t ns) noexcept nogil:
        pass  # the window's work is all that counts

    cdef void adapt(self, bint missed) noexcept nogil:
        self.misses += missed


# An argument is somebody else's; a variable of ours would be counted, for which the GIL is needed.
cdef void tell(PanePacer pane, const shown_picture *heard) noexcept nogil:
    pane.told(heard)


cdef void renew(PanePacer pane) noexcept nogil:
    pane.renew()
