"""SyncClock: the display's time as an X server tells it, by EGL_CHROMIUM_sync_control or GLX_OML_sync_control."""

from libc.stdint cimport int64_t, uint64_t, uintptr_t

from camkit.memory_manager._abi cimport now_ns

from camkit.errors import GLError

cdef int64_t SAME_CLOCK_NS = 2_000_000_000  # a last vblank longer ago is on another clock, or of a screen that is dark


cdef class SyncClock(DisplayClock):
    """Read the time and the number of the last vblank of the window's screen (UST and MSC of the two extensions).

    Their unit is the system's choice; Mesa's is a microsecond of the monotonic clock, and anything else is refused.
    That a picture was shown is not told with its time: it counts as shown at the first vblank after it was handed over.

    Parameters
    ----------
    name : str
        Of the extension.
    call : int
        Address of its function; 0: there is none.
    display, drawable : int
        What the function wants to know of the window.

    Raises
    ------
    GLError
        The extension is missing, or does not answer, or on another clock.
    """

    def __init__(self, str name not None, uintptr_t call, uintptr_t display, uintptr_t drawable):
        cdef int64_t ust = 0, msc = 0, sbc = 0, ago
        cdef int answer = 0
        self.name = name
        self.call = <sync_call>call
        self.display, self.drawable = <void *>display, <void *>drawable
        if self.call == NULL or self.display == NULL or self.drawable == NULL:
            raise GLError(f"cannot ask for vblanks by {name}: the driver has no such extension")
        with nogil:
            answer = self.call(self.display, self.drawable, &ust, &msc, &sbc)
        if not answer or ust <= 0:
            raise GLError(f"cannot ask for vblanks by {name}: the call answers {answer} with the time {ust}, as where "
                          "no hardware stands behind the screen")
        ago = now_ns() - ust * 1000
        if not -SAME_CLOCK_NS < ago < SAME_CLOCK_NS:
            raise GLError(f"cannot ask for vblanks by {name}: its time {ust} is not microseconds of the monotonic "
                          "clock")
        self.source_error_ns = 1000  # microseconds are what it tells

    def close(self):
        self.call = NULL

    def explain(self):
        return super().explain() + ("; it has stopped answering" if self.silent else "")

    cdef void poll(self, int64_t now) noexcept nogil:
        cdef int64_t ust = 0, msc = 0
        if self.call == NULL:
            return
        self.silent = not self.call(self.display, self.drawable, &ust, &msc, &self.swaps) or ust <= 0
        if not self.silent:
            self.beat.observe(ust * 1000, 0, <uint64_t>max(msc, 0))
