"""Run: what the threads of one run of a pipeline share."""

from libc.stdint cimport uint64_t


cdef class Run:
    """Switches that the workers of one run share, and its limit. Safe from any thread."""

    def __cinit__(self, uint64_t limit=0):
        self.state = new run_state(limit)
        if self.state == NULL:
            raise MemoryError("no memory for a pipeline run")

    def __dealloc__(self):
        del self.state

    def stop(self):
        """Take no more frames from the sources; deliver what is under way."""
        self.state.stop()

    def abort(self):
        """Deliver nothing more."""
        self.state.abort()

    def wake(self):
        """Make a source's thread that waits for the last frames under a limit look at what was changed."""
        self.state.wake()

    @property
    def aborting(self):
        """bool: `abort` was called."""
        return self.state.aborting()
