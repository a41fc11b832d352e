"""SimulatedClock: a display that exists in numbers only, for tests of what is decided by the time."""

from libc.math cimport ceil
from libc.stdint cimport int64_t, uint64_t


cdef class SimulatedClock(DisplayClock):
    """Show each picture at the first vblank that it can reach, in whatever time the caller lives in.

    Nothing here looks at a clock or sleeps: what time it is comes with each call, so that hours take no time.

    Parameters
    ----------
    refresh_ns : float
        From one vblank to the next.
    origin_ns : int
        When one of them is.
    lead_ns : int
        A picture that is handed over later than this before a vblank is shown with the next one.
    noise_ns : int
        What is said of a vblank is off by up to this, evenly spread.
    announced : bool
        The refresh interval is said with each picture, as by Wayland; else it must be learnt.
    """

    def __init__(self, double refresh_ns, int64_t origin_ns=0, int64_t lead_ns=0, int64_t noise_ns=0,
                 bint announced=True):
        if not 1e6 <= refresh_ns <= 1e10:
            raise ValueError(f"refresh_ns is {refresh_ns}, not from 1 ms to 10 s")
        self.name = "simulated"
        self.period, self.origin, self.lead, self.noise = refresh_ns, origin_ns, lead_ns, noise_ns
        self.announced = announced
        self.random = 88172645463325252
        if announced:
            self.beat.observe(origin_ns, refresh_ns, 0)

    def change(self, double refresh_ns, int64_t origin_ns):
        """Be another screen from now on, as a window's that was moved."""
        self.period, self.origin = refresh_ns, origin_ns

    def hide(self, bint hidden=True):
        """Show nothing and say nothing, as a minimised window; what was handed over is never seen."""
        self.hidden = hidden

    cdef int64_t vblank(self, int64_t t) noexcept nogil:
        return self.origin + <int64_t>(ceil((t - self.origin) / self.period) * self.period)

    cdef void submitted(self, uint64_t number, int64_t begun, int64_t ended) noexcept nogil:
        cdef int last
        cdef int64_t due = self.vblank(ended + self.lead)
        if self.waits == 16:
            return
        last = (self.first_due + self.waits) % 16
        self.waiting[last], self.due[last] = number, due
        self.waits += 1

    cdef void poll(self, int64_t now) noexcept nogil:
        cdef uint64_t number
        cdef int64_t due, off
        while self.waits and self.due[self.first_due] <= now:
            number, due = self.waiting[self.first_due], self.due[self.first_due]
            self.first_due = (self.first_due + 1) % 16
            self.waits -= 1
            # Of several for one vblank the last is shown; of a hidden window's, none.
            if self.hidden or self.waits and self.due[self.first_due] <= due:
                self.tell(number, 0)
                continue
            off = 0
            if self.noise:
                self.random ^= self.random << 13
                self.random ^= self.random >> 7
                self.random ^= self.random << 17
                off = <int64_t>(self.random % <uint64_t>(2 * self.noise + 1)) - self.noise
            self.beat.observe(due + off, self.period if self.announced else 0, 0)
            self.tell(number, due)
