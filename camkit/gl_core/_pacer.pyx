"""Pacer: which frame is drawn when, so that the screen takes the right one; knows neither OpenGL nor a clock."""

from libc.math cimport floor
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy, memset
from libcpp.algorithm cimport sort

from camkit.performance_core._stats cimport summary

ROOM = (0, 1, 6)  # smooth has those of the next refreshes by it
MODES = ("off", "latch", "smooth")  # in the order of these
cdef enum:
    WORKS = 64
    LATENESSES = 128
cdef int64_t SLACK_NS = 1_000_000  # for a thread that is woken late
cdef int64_t FIRST_WORK_NS = 4_000_000  # what the first picture is thought to need
cdef int PATIENCE = 256  # pictures in time before less is tried
cdef int MOST_PATIENCE = 1 << 16
cdef int HOPELESS = 16  # misses in a row with the longest deadline: it is not the deadline
cdef uint64_t ENOUGH = 32  # frames from which the camera's jitter is known


cdef class Pacer:
    """Decide for each vblank which frame it shows, and count what came of it.

    `latch` waits until just before a vblank and takes the newest frame then: the time that a picture needs (the 95th
    percentile of drawing, and the deadline of whoever composes the screen) and 1 ms before it. A vblank that was
    missed makes the deadline longer at once; pictures in time make it shorter slowly, and slower after each time that
    this was too much. `smooth` gives each frame a moment on the screen, its place in the camera's even beat and a fixed
    delay that 99 % of the frames keep, and shows at each vblank the frame whose moment is the nearest: so movement is
    even where camera and screen beat differently, at the price of that delay.

    Whatever waits is the caller's: it tells what waits, and is told which of it to draw; older ones are to be dropped.
    Belongs to one thread; the counts may be read from any.

    Parameters
    ----------
    mode : {"off", "latch", "smooth"}
    clock : DisplayClock
        Where the display's time comes from.

    Attributes
    ----------
    shown : int
        Pictures that came on the screen.
    repeats : int
        Refreshes that showed a picture again because there was no newer one.
    misses : int
        Pictures that came on the screen later than they were meant for.
    unseen : int
        Pictures that were handed over and never seen: replaced by newer ones, or the window was hidden.
    """

    def __cinit__(self, str mode not None, DisplayClock clock not None):
        if mode not in MODES:
            raise ValueError(f"pacing is {mode!r}, not one of {', '.join(map(repr, MODES))}")
        self.mode, self.way, self.clock = mode, MODES.index(mode), clock
        self.camera = Metronome(0.05)
        self.age = new histogram()
        self.latching = new histogram()
        if self.age == NULL or self.latching == NULL:
            raise MemoryError("no memory for a histogram")
        self.reset()

    def __dealloc__(self):
        del self.age
        del self.latching

    @property
    def capture_to_shown(self):
        """Summary: from the frames' timestamps to the vblanks that showed them."""
        return summary(self.age)

    @property
    def latch_to_swap(self):
        """Summary: from the moment at which a frame was to be taken to the return of the call that showed it."""
        return summary(self.latching)

    @property
    def margin_ns(self):
        """int: how long before a vblank the newest frame is taken at this moment."""
        return self.need() + SLACK_NS

    @property
    def smooth_delay_ns(self):
        """int: what `smooth` puts between a frame's moment in the camera's beat and the earliest it can be drawn."""
        return self.delay_ns

    @property
    def last_shown_ns(self):
        """int: when the last picture came on the screen, on the monotonic clock; 0: none did yet."""
        return self.last_shown

    @property
    def room(self):
        """int: how many frames may wait for their moment; 0: none, each is drawn when it comes."""
        return ROOM[self.way]

    def close(self):
        """Give up what belongs to the display, in the thread that draws. Twice is harmless."""
        self.clock.close()

    def describe(self):
        """Return all of it as a dict of plain values, times in microseconds; docs/json.md names them."""
        refresh, error = self.clock.refresh_ns, self.clock.error_ns
        return {
            "mode": self.mode, "clock": self.clock.name, "refresh_us": None if refresh is None else refresh / 1e3,
            "error_us": None if error is None else error / 1e3, "margin_us": self.margin_ns / 1e3, "shown": self.shown,
            "repeats": self.repeats, "misses": self.misses, "unseen": self.unseen,
        }

    def explain(self):
        """Tell in words how frames are paced now."""
        if self.way == OFF:
            return "pacing: off, each frame is drawn when it comes"
        if self.clock.next_after(self.aim or self.clock.beat.phase) == 0:
            return f"pacing: {self.mode} is wanted, but the next vblank is not known; each frame is drawn when it comes"
        words = f"pacing: {self.mode}, {(self.need() + SLACK_NS) / 1e6:.2f} ms before the vblank"
        if self.way == SMOOTH:
            words += f", {self.delay_ns / 1e6:.2f} ms for what the camera's frames come late"
        if self.hopeless:
            words += "; pictures are shown later than they are meant for, whatever time is left for them"
        return words

    # For tests and for sinks written in Python: the same as the compiled calls.
    def ask(self, int64_t now, list frames not None, int fresh):
        """Return the index in [(stamp, sequence), ...] of the frame to draw now, or None; then see `wake`."""
        cdef waiting_frame those[16]
        cdef int i
        if len(frames) > 16 or fresh > len(frames):
            raise ValueError(f"{len(frames)} frames wait, {fresh} of them fresh; there is room for 16")
        for i, (stamp, sequence) in enumerate(frames):
            those[i] = waiting_frame(stamp, sequence)
        cdef int chosen = self.choose(those, len(frames), fresh, now)
        return None if chosen < 0 else chosen

    @property
    def wake(self):
        """int: when to ask again, on the monotonic clock; 0: when the next frame comes."""
        return self.wake_ns

    def swap(self, int64_t stamp, int64_t begun, int64_t ended):
        """Hear that the chosen frame was drawn from `begun` on and its picture handed over at `ended`."""
        self.worked(ended - begun)
        self.swapping(stamp, begun)
        self.swapped(begun, ended)

    def hear(self, int64_t now):
        """Take in what the display has said."""
        self.settle(now)

    cdef void reset(self) noexcept:
        self.wake_ns = self.aim = self.aimed = self.delay_ns = self.bias = self.last_shown = 0
        self.work_p95 = self.tardy = self.dark = self.hits = self.missed_in_row = 0
        self.first = self.flies = 0
        self.worked_n = self.came_n = self.shown = self.repeats = self.misses = self.unseen = 0
        self.on_known = self.hopeless = self.shrunk = False
        self.patience = PATIENCE
        self.deadline_ns = self.clock.deadline_ns
        self.clock_restarts = self.clock.beat.restarts
        self.age.reset()
        self.latching.reset()
        self.latched = 0
        memset(self.work, 0, sizeof(self.work))

    cdef int choose(self, const waiting_frame *frames, int count, int fresh, int64_t now) noexcept nogil:
        cdef int i, chosen = count - 1
        cdef int64_t period, vblank, latch
        self.settle(now)
        for i in range(count - fresh, count):
            self.came(&frames[i], now)
        self.wake_ns = self.aimed = self.latched = 0
        if count == 0:
            return -1
        if self.way == OFF or self.hopeless:
            return chosen
        period = <int64_t>self.clock.beat.period_ns
        # Also where drawing takes longer than a refresh there is a vblank that can be reached.
        vblank = self.clock.next_after(max(now + self.need(), self.aim + period // 2))
        if vblank == 0:
            return chosen
        latch = vblank - self.need() - SLACK_NS
        # One picture more than fit on the way would only wait for its vblank in a queue, and get old there.
        if self.flies > self.need() // period and now < (
                self.flying[(self.first + self.flies - 1) % FLYING].aim + period + period // 2):
            latch = max(latch, now + 1)
            if now >= latch - 1 - SLACK_NS:
                latch += period
            self.wake_ns = latch
            return -1
        if now < latch:
            self.wake_ns = latch
            return -1
        self.aim = vblank
        if self.way == SMOOTH:
            chosen = self.nearest(frames, count, vblank)
            if chosen < 0:
                self.wake_ns = latch + period
                return -1
            self.on, self.on_known = frames[chosen], True
        self.aimed = vblank
        self.latched = now if fresh else latch
        return chosen

    # The frame whose moment is the nearest to the vblank; -1: the one that is on the screen.
    cdef int nearest(self, const waiting_frame *frames, int count, int64_t vblank) noexcept nogil:
        cdef int64_t period = <int64_t>self.clock.beat.period_ns
        cdef int64_t off, least = -1, second = -1, push
        cdef int i, best = -1, runner_up = -1
        for i in range(-1 if self.on_known else 0, count):
            off = (self.target(&self.on) if i < 0 else self.target(&frames[i])) + self.bias - vblank
            off = off if off >= 0 else -off
            if least < 0 or off < least:
                second, runner_up = least, best
                least, best = off, i
            elif second < 0 or off < second:
                second, runner_up = off, i
        # Where two are equally near, noise would take now the one and now the other, so that pictures are repeated and
        # left out for nothing: the decision that was taken is made the clear one.
        self.bias -= self.bias // 64
        if second >= 0 and second - least < period // 4:
            push = (period // 4 - (second - least)) // 4
            self.bias += push if runner_up > best else -push
            self.bias = min(max(self.bias, -period // 4), period // 4)
        return best

    # When a frame should be on the screen.
    cdef int64_t target(self, const waiting_frame *frame) noexcept nogil:
        cdef int64_t media = frame.stamp
        if self.camera.locked():
            media = self.camera.numbered(frame.sequence + 1)
        # Its vblank may be half a refresh earlier, and a quarter for `bias`.
        return media + self.delay_ns + self.need() + SLACK_NS + <int64_t>(self.clock.beat.period_ns * 0.75)

    cdef void came(self, const waiting_frame *frame, int64_t now) noexcept nogil:
        cdef int64_t late
        cdef int64_t sorted_[LATENESSES]
        cdef int n
        if self.way != SMOOTH:
            return
        self.camera.observe(frame.stamp, 0, frame.sequence + 1)
        if self.camera.restarts != self.camera_restarts:
            self.camera_restarts = self.camera.restarts
            self.came_n = self.tardy = self.delay_ns = 0
            self.on_known = False
        late = now - (self.camera.numbered(frame.sequence + 1) if self.camera.locked() else frame.stamp)
        self.lateness[self.came_n % LATENESSES] = late
        self.came_n += 1
        if self.came_n < ENOUGH:
            self.delay_ns = late if self.came_n == 1 else max(self.delay_ns, late)
            return
        if late > self.delay_ns:
            self.tardy += 1
        elif self.came_n % LATENESSES == 0:
            self.tardy = 0
        if self.came_n == ENOUGH or self.tardy > 2:
            n = <int>min(self.came_n, <uint64_t>LATENESSES)
            memcpy(sorted_, self.lateness, n * sizeof(int64_t))
            sort(&sorted_[0], &sorted_[n])
            self.delay_ns = sorted_[n - 1 - n // 100]
            self.tardy = 0

    cdef int64_t need(self) noexcept nogil:
        return (self.work_p95 if self.worked_n else FIRST_WORK_NS) + self.deadline_ns

    cdef void worked(self, int64_t ns) noexcept nogil:
        cdef int64_t sorted_[WORKS]
        cdef int n
        self.work[self.worked_n % WORKS] = ns
        self.worked_n += 1
        if self.worked_n % 8 == 0 or self.worked_n < 8:
            n = <int>min(self.worked_n, <uint64_t>WORKS)
            memcpy(sorted_, self.work, n * sizeof(int64_t))
            sort(&sorted_[0], &sorted_[n])
            self.work_p95 = sorted_[n - 1 - n // 20]

    cdef void swapping(self, int64_t stamp, int64_t now) noexcept nogil:
        self.number += 1
        self.fly(stamp)
        self.clock.submit(self.number, now)

    cdef void fly(self, int64_t stamp) noexcept nogil:
        if self.flies == FLYING:  # nothing was ever heard of the oldest
            self.first = (self.first + 1) % FLYING
            self.flies -= 1
            self.unseen += 1
        self.flying[(self.first + self.flies) % FLYING] = flying_picture(self.number, self.aimed, stamp)
        self.flies += 1
        self.aimed = 0

    cdef void swapped(self, int64_t begun, int64_t now) noexcept nogil:
        self.clock.submitted(self.number, begun, now)
        if self.latched:
            self.latching.record(now - self.latched)
            self.latched = 0

    cdef void settle(self, int64_t now) noexcept nogil:
        self.clock.poll(now)
        while self.clock.take(&self.heard):
            self.told(&self.heard)
        if self.clock.beat.restarts != self.clock_restarts:
            self.renew()

    cdef void told(self, const shown_picture *heard) noexcept nogil:
        cdef flying_picture *picture
        # They are told of in the order in which they were handed over; who was passed over was never seen.
        while self.flies and self.flying[self.first].number <= heard.number:
            picture = &self.flying[self.first]
            self.first = (self.first + 1) % FLYING
            self.flies -= 1
            if picture.number == heard.number and heard.ns:
                self.count_shown(picture, heard.ns)
            else:
                self.unseen += 1
                self.dark += 1

    cdef void renew(self) noexcept nogil:
        # Another screen, and what was learnt of the old one is not true of it.
        self.clock_restarts = self.clock.beat.restarts
        self.last_shown = self.aim = 0
        self.deadline_ns, self.patience, self.hopeless = self.clock.deadline_ns, PATIENCE, False

    cdef void give_up(self) noexcept nogil:
        self.unseen += self.flies
        self.first = self.flies = 0

    cdef void count_shown(self, flying_picture *picture, int64_t ns) noexcept nogil:
        cdef double period = self.clock.beat.period_ns if self.clock.beat.locked() else 0
        cdef int64_t gap = 1
        # What a hidden window showed before says nothing of how long it was seen.
        if period > 0 and self.last_shown and self.dark < DARK:
            gap = <int64_t>floor((ns - self.last_shown) / period + 0.5)
        self.dark = 0
        if gap < 1:  # it came in the same refresh as the one before, of which nobody saw more than a part
            self.unseen += 1
            return
        self.shown += 1
        self.repeats += gap - 1
        self.last_shown = ns
        if picture.stamp:
            self.age.record(ns - picture.stamp)
        if picture.aim and period > 0:
            self.adapt(ns > picture.aim + <int64_t>(period / 2))

    cdef void adapt(self, bint missed) noexcept nogil:
        cdef int64_t period = <int64_t>self.clock.beat.period_ns
        if not missed:
            self.missed_in_row = 0
            self.hits += 1
            if self.hits >= self.patience and self.deadline_ns > 0:
                self.deadline_ns = max(self.deadline_ns - period // 64, 0)
                self.hits, self.shrunk = 0, True
            return
        self.misses += 1
        self.missed_in_row += 1
        # Each time that less was too little, it is longer until less is tried again.
        if self.shrunk:
            self.patience = min(self.patience * 2, MOST_PATIENCE)
        self.hits, self.shrunk = 0, False
        if self.deadline_ns >= 2 * period:
            self.hopeless = self.missed_in_row >= HOPELESS
        else:
            self.deadline_ns = min(self.deadline_ns + max(period // 16, 500_000), 2 * period)
