"""SwapClock: the display's time guessed from how long its pictures have to wait for it."""

from libc.stdint cimport int64_t, uint64_t, uintptr_t

from camkit.memory_manager._abi cimport now_ns

from camkit.errors import GLError

ctypedef void (*swap_call)(void *) noexcept nogil

cdef int SWAPS = 14  # of the trial; the first ones fill a queue
cdef int FILLING = 3
cdef int64_t TRIAL_NS = 500_000_000
cdef int64_t WAITED_NS = 300_000  # a shorter swap has not waited for anything


cdef class SwapClock(DisplayClock):
    """Learn a screen's beat from the moments at which swaps return that had to wait for it (a phase-locked loop).

    A trial at the start hands pictures over as fast as they are taken, so that each waits for the one before to be
    shown. Later only swaps that wait tell something; without them the beat is not trusted for longer than its error
    stays below a quarter of a refresh. Needs a swap interval of 1.

    Parameters
    ----------
    call, argument : int
        Addresses of the C function that shows a picture, and of its argument; 0: no trial, see `observe`.

    Raises
    ------
    GLError
        Swaps do not wait for the screen.
    """

    def __init__(self, uintptr_t call=0, uintptr_t argument=0):
        self.name = "swap"
        self.beat = Metronome(0.05)  # threads wake late by more than screens are off
        if not call:
            return
        cdef swap_call swap = <swap_call>call
        cdef int64_t begun, ended, first
        cdef int i = 0
        with nogil:
            ended = first = now_ns()
            while i < SWAPS and ended - first < TRIAL_NS:
                begun = ended
                swap(<void *>argument)
                ended = now_ns()
                if i >= FILLING:
                    self.learn(begun, ended)
                i += 1
        if not self.beat.locked():
            raise GLError(f"cannot learn the screen's beat from its swaps: {self.passed} of {i} returned at once, "
                          f"{(ended - first) / i / 1e6:.2f} ms each; vsync is off, or the driver ignores it")

    def observe(self, int64_t begun, int64_t ended):
        """Take in one swap, from `begun` to `ended` on the monotonic clock."""
        self.learn(begun, ended)

    def explain(self):
        return f"{super().explain()}, from {self.waited} swaps that waited for the screen, {self.passed} did not"

    cdef void learn(self, int64_t begun, int64_t ended) noexcept nogil:
        if ended - begun < WAITED_NS:
            self.passed += 1
            return
        self.waited += 1
        self.beat.observe(ended, 0, 0)

    cdef void submitted(self, uint64_t number, int64_t begun, int64_t ended) noexcept nogil:
        DisplayClock.submitted(self, number, begun, ended)
        self.learn(begun, ended)
