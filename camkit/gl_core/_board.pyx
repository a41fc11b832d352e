"""Board: the panels of a window, how they share it, and what hands do to them."""

from libc.math cimport ceil, fabs
from libc.stdint cimport int64_t, uint32_t

from camkit.gl_core._view cimport area
from camkit.memory_manager._abi cimport now_ns

cdef int GESTURES = 1024
cdef int GAP = 2  # pixels between panels
NOTCH = 1.25  # zoom of one notch of a wheel
cdef double NOTCH_ = NOTCH
cdef double CLICK = 4  # a hand that moves less has clicked
cdef int64_t BUSY_NS = 500_000_000

MOVE, LEAVE, PRESS, RELEASE, WHEEL = GESTURE_MOVE, GESTURE_LEAVE, GESTURE_PRESS, GESTURE_RELEASE, GESTURE_WHEEL
ZOOM, PAN, RESET, FREEZE = GESTURE_ZOOM, GESTURE_PAN, GESTURE_RESET, GESTURE_FREEZE
OVERLAY, INSPECTOR, HELP, ALONE = GESTURE_OVERLAY, GESTURE_INSPECTOR, GESTURE_HELP, GESTURE_ALONE


cdef class Board:
    """Share a window among panels and let gestures change what is seen.

    Gestures come from the window's thread by `do`; everything else belongs to the thread that draws, and others may
    read what is public.

    Parameters
    ----------
    panels : int
        How many, 1 to 16.
    overlay, inspector : bool
        Whether these are on at first.
    """

    def __cinit__(self, int panels=1, *, bint overlay=False, bint inspector=False):
        cdef int i
        if not 1 <= panels <= MOST_PANELS:
            raise ValueError(f"panels is {panels}, and a window has room for 1 to {MOST_PANELS}")
        self.panels = tuple([Panel() for _ in range(panels)])
        self.count = panels
        for i in range(panels):
            self.pointers[i] = <void *>self.panels[i]
        self.gestures = new spsc_ring[gesture](GESTURES)
        self.bell = new parker()
        if self.gestures == NULL or self.bell == NULL or not self.gestures.ok():
            raise MemoryError("no memory for gestures")
        self.overlay, self.inspector = overlay, inspector
        self.alone = self.dragged = -1
        self.percent.store(100)

    def __dealloc__(self):
        del self.gestures
        del self.bell

    def do(self, int kind, double x=0, double y=0, *, double amount=0, int number=-1):
        """Hand a gesture to the thread that draws. Returns False if that is so far behind that it gets no more."""
        cdef gesture g
        g.kind, g.number, g.x, g.y, g.amount = kind, number, x, y, amount
        cdef bint taken = self.gestures.try_push(g)
        self.bell.notify()
        return taken

    def refresh(self):
        """Have the window drawn anew soon."""
        self.stale.store(1)
        self.bell.notify()

    def set_scale(self, double scale):
        """Say how much larger than on an ordinary monitor letters are to be."""
        self.percent.store(<int>(max(0.25, min(scale, 16.0)) * 100))

    def meant(self):
        """Return the panels that a key means: that under the cursor; where there is none, all on show."""
        cdef int i
        cdef int under = self.panel_at(self.x, self.y) if self.inside else -1
        return [i for i in range(self.count) if self.shown(i) and (under < 0 or under == i)]

    cdef bint serve(self) noexcept nogil:
        cdef gesture g
        cdef bint any = False
        while self.gestures.try_pop(g):
            self._obey(&g)
            any = True
        if any:
            self.served_ns = now_ns()
        return any or (self.stale.load() and self.stale.exchange(0))

    cdef bint busy(self) noexcept nogil:
        return self.served_ns != 0 and now_ns() - self.served_ns < BUSY_NS

    cdef bint await_hands(self, int64_t timeout_ns) noexcept nogil:
        cdef uint32_t key
        if not self.busy():
            return False
        key = self.bell.prepare()
        if timeout_ns == 0 or not self.gestures.empty():
            self.bell.cancel()
        else:
            self.bell.wait(key, timeout_ns)
        return True

    cdef bint shown(self, int panel) noexcept nogil:
        return self.alone < 0 or self.alone == panel

    cdef int panel_at(self, double x, double y) noexcept nogil:
        cdef int i
        cdef area a
        for i in range(self.count):
            a = (<Panel>self.pointers[i]).view.at.place
            if self.shown(i) and 0 <= x - a.x < a.width and 0 <= y - a.y < a.height:
                return i
        return -1

    cdef void divide(self, int width, int height) noexcept nogil:
        cdef int shown = self.count if self.alone < 0 else 1
        cdef int columns, rows, best = 1
        cdef int i, at = 0
        cdef double size, largest = 0
        cdef double aspect = aspect_of(<Panel>self.pointers[0])
        cdef area a
        self.width, self.height = width, height
        # The number of columns that leaves a picture like the first one the most room.
        for columns in range(1, shown + 1):
            rows = <int>ceil(shown / <double>columns)
            size = min(width / <double>columns / aspect, height / <double>rows)
            if size > largest:
                best, largest = columns, size
        rows = <int>ceil(shown / <double>best)
        for i in range(self.count):
            if not self.shown(i):
                continue
            a.x = at % best * (width + GAP) // best
            a.y = at // best * (height + GAP) // rows
            a.width = max(1, (at % best + 1) * (width + GAP) // best - GAP - a.x)
            a.height = max(1, (at // best + 1) * (height + GAP) // rows - GAP - a.y)
            (<Panel>self.pointers[i]).view.at.place = a
            at += 1

    cdef void _obey(self, const gesture *g) noexcept nogil:
        cdef int i, panel = self.panel_at(g.x, g.y)
        if g.kind == GESTURE_MOVE:
            if self.dragged >= 0:
                self.travel += fabs(g.x - self.x) + fabs(g.y - self.y)
                (<Panel>self.pointers[self.dragged]).view.pan(g.x - self.x, g.y - self.y)
            self.x, self.y, self.inside = g.x, g.y, True
        elif g.kind == GESTURE_LEAVE:
            self.inside = False
        elif g.kind == GESTURE_PRESS:
            self.x, self.y, self.dragged, self.travel = g.x, g.y, panel, 0
        elif g.kind == GESTURE_RELEASE:
            if self.dragged >= 0 and self.travel < CLICK and self.count > 1 and self.alone < 0:
                self.alone = self.dragged
            self.dragged = -1
        elif g.kind == GESTURE_OVERLAY:
            self.overlay = switched(self.overlay, g.number)
        elif g.kind == GESTURE_INSPECTOR:
            self.inspector = switched(self.inspector, g.number)
        elif g.kind == GESTURE_HELP:
            self.help = switched(self.help, g.number)
        elif g.kind == GESTURE_ALONE:
            self.alone = g.number if g.number < self.count and g.number != self.alone else -1
        elif g.kind == GESTURE_WHEEL:
            if panel >= 0:
                self._steer(g, panel)
        elif g.number >= 0 and g.kind != GESTURE_FREEZE:
            if g.number < self.count:
                self._steer(g, g.number)
        else:
            # A key means the panel under the cursor; where there is none, all of them.
            panel = self.panel_at(self.x, self.y) if self.inside else -1
            for i in range(self.count):
                if self.shown(i) and (panel < 0 or panel == i or g.kind == GESTURE_FREEZE):
                    self._steer(g, i)

    cdef void _steer(self, const gesture *g, int panel) noexcept nogil:
        cdef gesture seen = g[0]
        cdef area a = (<Panel>self.pointers[panel]).view.at.place
        if g.kind == GESTURE_ZOOM:
            if self.inside and self.panel_at(self.x, self.y) == panel:
                seen.x, seen.y = self.x, self.y
            else:
                seen.x, seen.y = a.x + a.width / 2.0, a.y + a.height / 2.0
        steer(<Panel>self.pointers[panel], &seen)


# A panel in a variable of ours would be counted, for which the GIL is needed; an argument is somebody else's.
cdef void steer(Panel p, const gesture *g) noexcept nogil:
    if g.kind == GESTURE_WHEEL:
        p.view.zoom_at(NOTCH_ ** g.amount, g.x, g.y)
    elif g.kind == GESTURE_ZOOM:
        p.view.zoom_at(g.amount, g.x, g.y)
    elif g.kind == GESTURE_PAN:
        p.view.pan(g.x * p.view.at.place.width, g.y * p.view.at.place.height)
    elif g.kind == GESTURE_RESET:
        p.view.reset()
    elif g.kind == GESTURE_FREEZE:
        p.freeze(switched(p.frozen, g.number))


cdef double aspect_of(Panel p) noexcept nogil:
    return p.view.width / <double>p.view.height


cdef bint switched(bint now, int number) noexcept nogil:
    return not now if number < 0 else number > 0
