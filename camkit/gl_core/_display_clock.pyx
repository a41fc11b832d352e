"""DisplayClock: when the screen takes its next picture, and when it took the last ones."""

from libc.stdint cimport int64_t, uint64_t

cdef int MOST_TOLD = 16


cdef class DisplayClock:
    """What is common to all sources of a display's time; by itself it knows nothing.

    All times are nanoseconds of the monotonic clock. The sink's thread feeds it; `next_vblank`, `refresh_ns`,
    `error_ns` and `explain` may be called from any thread. A clock that does not know says None and never guesses:
    then pictures are shown at once.

    Attributes
    ----------
    name : str
        Of the source, such as ``"wp_presentation"``.
    """

    def __cinit__(self, *args, **kwargs):
        self.name = "none"
        self.beat = Metronome(0.1)

    def __repr__(self):
        return f"<{type(self).__name__} {self.explain()}>"

    @property
    def refresh_ns(self):
        """float or None: nanoseconds from one vblank to the next; None while it is not known."""
        return self.beat.period_ns if self.beat.locked() else None

    @property
    def error_ns(self):
        """int or None: how far `next_vblank` can be off just after the last observation; None while not known."""
        return self.error_at(self.beat.phase) if self.beat.locked() else None

    @property
    def restarts(self):
        """int: how often the screen began to beat in another way, as when the window went to another one."""
        return self.beat.restarts

    def next_vblank(self, ns):
        """Return the first vblank after a moment, or None while nobody knows.

        Parameters
        ----------
        ns : int
            Nanoseconds of the monotonic clock, near to now.
        """
        cdef int64_t t = ns
        return self.next_after(t) or None

    def close(self):
        """Give up what the source holds, in the thread that draws. Twice is harmless."""

    def explain(self):
        """Tell in words what it knows."""
        if not self.beat.locked():
            return f"{self.name}: the refresh interval is not known"
        return (f"{self.name}: every {self.beat.period_ns / 1e6:.3f} ms ({1e9 / self.beat.period_ns:.2f} Hz), within "
                f"{self.error_at(self.beat.phase) / 1e3:.0f} us")

    cdef void submit(self, uint64_t number, int64_t begun) noexcept nogil:
        pass

    # Where nobody tells of each picture: it was shown at the first vblank after it was handed over, or at that for
    # which the call waited, or, as far as one knows, when the call returned.
    cdef void submitted(self, uint64_t number, int64_t begun, int64_t ended) noexcept nogil:
        cdef int64_t vblank = self.next_after(begun)
        if vblank == 0:
            vblank = ended
        elif vblank < ended:
            vblank = self.beat.nearest(ended)
        self.tell(number, vblank)

    cdef void poll(self, int64_t now) noexcept nogil:
        pass

    cdef void tell(self, uint64_t number, int64_t ns) noexcept nogil:
        if self.count < MOST_TOLD:
            self.told[(self.first + self.count) % MOST_TOLD] = shown_picture(number, ns)
            self.count += 1

    cdef bint take(self, shown_picture *out) noexcept nogil:
        if self.count == 0:
            return False
        out[0] = self.told[self.first]
        self.first = (self.first + 1) % MOST_TOLD
        self.count -= 1
        return True

    cdef int64_t next_after(self, int64_t t) noexcept nogil:
        if not self.beat.locked() or self.error_at(t) > self.beat.period_ns / 4:
            return 0
        return self.beat.after(t)

    cdef int64_t error_at(self, int64_t t) noexcept nogil:
        return self.source_error_ns + self.beat.error_at(t)
