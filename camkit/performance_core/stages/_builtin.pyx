"""Every and Copy: stages that many pipelines want."""

from camkit.memory_manager._abi cimport CAMKIT_DROP, CAMKIT_OK, camkit_frame
from camkit.performance_core._stage cimport Stage

from camkit.memory_manager._checks import check_int


cdef class Every(Stage):
    """Let the first frame and every n-th after it pass, and drop the others (counted as `stage`).

    It counts the frames that come to it: one that was lost before is not among them. Thread-safety as for `Stage`.

    Parameters
    ----------
    n : int
        From 1, all, on.
    name : str, optional
    """

    def __init__(self, n, name=None):
        self.n = check_int("n", n, 1, (1 << 63) - 1)
        super().__init__(name or f"every_{n}")

    def start(self):
        """Begin to count anew."""
        super().start()
        self.seen = 0

    def gives(self, frames):
        """As of a Stage: what comes goes on."""
        return frames

    def explain(self):
        """Tell which frames pass."""
        return f"lets one of {self.n} frames pass" if self.n > 1 else "lets every frame pass"

    cdef int work(self, camkit_frame *frame, camkit_frame *out) except -1 nogil:
        cdef bint passes = self.seen == 0
        self.seen += 1
        if self.seen >= self.n:
            self.seen = 0
        return CAMKIT_OK if passes else CAMKIT_DROP


cdef class Copy(Stage):
    """Copy every frame into memory of our own at once, so that its buffer goes back to the camera's driver.

    For consumers that hold frames for long, or more of them than the camera has buffers. Costs one copy a frame, which
    `stats` counts. Thread-safety as for `Stage`.

    Parameters
    ----------
    slots : int
        Frames that may be held downstream, 1 to 64.
    name : str, optional
    inputs, when_dry
        As for `Stage`.
    """

    def __cinit__(self):
        self.writes = self.checks = True  # also for a subclass that forgets super().__init__()

    def __init__(self, slots=6, name=None, *, inputs=None, when_dry="block"):
        super().__init__(name, inputs=inputs, writes=True, slots=slots, when_dry=when_dry)

    cdef int process(self, camkit_frame **frame) except -1 nogil:
        cdef camkit_frame *f = frame[0]
        if not self.agreed_to(f):
            with gil:
                self.agree(f)
        return self.private_copy(frame)
