"""Metronome: what beats evenly, a screen or a camera, learnt from moments at which it was seen to beat."""

from libc.math cimport fabs, floor
from libc.stdint cimport int64_t, uint64_t

cdef double SHORTEST_NS = 1e6, LONGEST_NS = 1e10
cdef double DRIFT = 2e-4  # what a beat that is not observed may stray: two crystals, and a period learnt from noise
cdef int LEARNT = 8  # beats after which a period is believed that nobody told
cdef int STRANGE = 4  # beats in a row where none should be: it was another one all the time


cdef class Metronome:
    """Learn the period and the phase of an even beat, and tell when it comes next.

    A line is fitted to the beats: at first each counts the same, as in a least-squares fit over all of them (Brookner,
    "Tracking and Kalman Filtering Made Easy", 1998, section 1.2.10), later the last some dozens do. A beat far from
    the line is left out; four of them in a row are a new line. Times are nanoseconds of one clock. Belongs to one
    thread; another one that looks sees a value of before or after.

    Parameters
    ----------
    gain : float
        Share of a beat's deviation that is believed at least, above 0, at most 1: small for what comes noisily.
    """

    def __cinit__(self, double gain=0.1):
        if not 0 < gain <= 1:
            raise ValueError(f"gain is {gain}, not above 0 and at most 1")
        self.gain = gain

    def __repr__(self):
        return f"<Metronome {self.period_ns / 1e6:.4f} ms>"

    cdef void observe(self, int64_t at, double hint, uint64_t count) noexcept nogil:
        cdef double passed, error, a, b
        cdef int k
        if not SHORTEST_NS <= hint <= LONGEST_NS:
            hint = 0
        if self.seen == 0 or hint and fabs(hint - self.hint) > 0.01 * hint:  # as when the window went to another screen
            self.begin(at, hint, count)
            return
        if self.period_ns == 0:
            passed = <double>(count - self.count) if count > self.count and self.count else 1.0
            a = (at - self.phase) / passed
            if not SHORTEST_NS <= a <= LONGEST_NS:
                self.begin(at, hint, count)
                return
            self.period_ns, self.phase, self.count, self.seen = a, at, count, 2
            return
        if count and self.count:
            if count <= self.count:
                if count < self.count:
                    self.stray(at, hint, count)
                return
            passed = <double>(count - self.count)
        else:
            passed = floor((at - self.phase) / self.period_ns + 0.5)
            if passed <= 0:
                if passed < 0:
                    self.stray(at, hint, count)
                return
        error = (at - self.phase) - passed * self.period_ns
        if fabs(error) > self.period_ns * (0.5 if count and self.count else 0.25):
            if not self.stray(at, hint, count) and self.strange > 1:
                self.off = max(self.off, <int64_t>fabs(error))  # one alone may be a slip, two are no even beat
            return
        self.strange = 0
        k = self.seen = min(self.seen + 1, 1000)
        a = max(2.0 * (2 * k - 1) / (k * (k + 1)) if not hint else 1.0 / k, self.gain)
        b = self.gain * self.gain / (2 - self.gain)
        if not hint:
            b = max(6.0 / (k * (k + 1)), b)
        self.phase = at - <int64_t>((1 - a) * error)
        self.period_ns += b * error / passed
        self.count = count
        self.off = max(<int64_t>fabs(error), self.off - self.off // 32)

    cdef void begin(self, int64_t at, double hint, uint64_t count) noexcept nogil:
        if self.seen:
            self.restarts += 1
        # The same period said again, and another phase: what does so often does not beat evenly.
        if hint == 0 or hint != self.hint:
            self.off = 0
        self.phase, self.count, self.hint, self.period_ns = at, count, hint, hint
        self.seen, self.strange = 1, 0

    cdef bint stray(self, int64_t at, double hint, uint64_t count) noexcept nogil:
        self.strange += 1
        if self.strange < STRANGE:
            return False
        self.begin(at, hint, count)
        return True

    cdef bint locked(self) noexcept nogil:
        return self.period_ns > 0 and (self.hint > 0 or self.seen >= LEARNT)

    cdef int64_t after(self, int64_t t) noexcept nogil:
        cdef double n = floor((t - self.phase) / self.period_ns) + 1
        cdef int64_t found = self.phase + <int64_t>(n * self.period_ns)
        return found if found > t else self.phase + <int64_t>((n + 1) * self.period_ns)

    cdef int64_t nearest(self, int64_t t) noexcept nogil:
        return self.phase + <int64_t>(floor((t - self.phase) / self.period_ns + 0.5) * self.period_ns)

    cdef int64_t numbered(self, uint64_t count) noexcept nogil:
        return self.phase + <int64_t>(<double><int64_t>(count - self.count) * self.period_ns)

    cdef int64_t error_at(self, int64_t t) noexcept nogil:
        return self.off + <int64_t>(fabs(<double>(t - self.phase)) * DRIFT)
