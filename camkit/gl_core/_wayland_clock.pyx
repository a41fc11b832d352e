"""WaylandClock: the display's time as a Wayland compositor tells it with each picture (wp_presentation)."""

from libc.stdint cimport int64_t, uint64_t, uintptr_t

from camkit.errors import GLError

# By clockid_t of Linux.
CLOCKS = {0: "realtime", 1: "monotonic", 4: "monotonic_raw", 7: "boottime", 11: "tai"}
cdef int64_t READ_EVERY_NS = 250_000_000  # clocks that run apart do so by 0.1 us in this time
cdef uint64_t HARDWARE_CLOCK = 2
cdef int64_t COMPOSITOR_DEADLINE_NS = 4_000_000  # what it needs to compose is learnt; this is where that begins


cdef class WaylandClock(DisplayClock):
    """Ask the compositor about each picture, and learn from its answers when the next vblank comes.

    It answers with the moment at which the picture turned to light, the refresh interval and perhaps the number of the
    vblank, on a clock of its choice that is converted to the monotonic one (`ClockMap`); or that the picture was never
    seen. Its events come by a queue of its own, and are never waited for.

    Parameters
    ----------
    display, surface : int
        Addresses of the wl_display and of the window's wl_surface; both must outlive this.

    Raises
    ------
    GLError
        The compositor does not tell, or libwayland-client is missing.
    """

    def __init__(self, uintptr_t display, uintptr_t surface):
        cdef const char *why
        cdef void *of_display = <void *>display
        cdef void *of_surface = <void *>surface
        self.name = "wp_presentation"
        self.deadline_ns = COMPOSITOR_DEADLINE_NS
        self.feed = new presentation()
        if self.feed == NULL:
            raise MemoryError("no memory for presentation feedback")
        with nogil:  # the thread of the window's events may have to read ours first
            why = self.feed.open(of_display, of_surface)
        if why != NULL:
            self.close()
            raise GLError(f"cannot hear from the compositor when pictures are shown: {why.decode()}")
        id = self.feed.clock_id()
        if id not in CLOCKS:
            self.close()
            raise GLError(f"cannot hear from the compositor when pictures are shown: its clock is number {id}, which "
                          "cannot be converted")
        self.clock = CLOCKS[id]
        if self.clock != "monotonic":
            self.map = ClockMap(self.clock, "monotonic")

    def __dealloc__(self):
        del self.feed

    def close(self):
        if self.feed != NULL:
            self.feed.close()

    def explain(self):
        by = "the hardware's clock" if self.flags & HARDWARE_CLOCK else "the compositor's own reading"
        return f"{super().explain()}; {by} on {self.clock}, {self.presented} presented, {self.discarded} discarded"

    cdef void submit(self, uint64_t number, int64_t begun) noexcept nogil:
        self.feed.request(number)

    cdef void submitted(self, uint64_t number, int64_t begun, int64_t ended) noexcept nogil:
        pass

    cdef void poll(self, int64_t now) noexcept nogil:
        cdef presented_picture picture
        cdef int64_t ns, error = 0
        self.feed.poll()
        while self.feed.take(&picture):
            if not picture.shown:
                self.discarded += 1
                self.tell(picture.number, 0)
                continue
            self.presented += 1
            self.flags = picture.flags
            ns = picture.ns
            if self.map is not None:
                if now - self.read_ns > READ_EVERY_NS:
                    self.map.read_both()
                    self.read_ns = now
                self.map.c.convert(picture.ns, ns, error)
                self.source_error_ns = error
            self.beat.observe(ns, picture.refresh, picture.sequence)
            self.tell(picture.number, ns)
