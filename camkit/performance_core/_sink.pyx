"""Sink: where frames end."""

from libc.stdint cimport int64_t

from camkit.memory_manager._abi cimport CAMKIT_OK, camkit_frame, camkit_frame_release

from camkit.performance_core.node_stats import SinkStats


cdef class Sink(Node):
    """Where frames end. Subclass in Cython and override `consume`, and `idle` if work goes on after it.

    `consume` takes the frame over: its reference is the sink's from then on, and stays the caller's only if `consume`
    raises. `pump` is called in the thread that waits for the pipeline. Thread-safety otherwise as for `Node`.
    """

    cdef int consume(self, camkit_frame *frame) except -1 nogil:
        with gil:
            raise NotImplementedError(f"{type(self).__name__} is a Sink without a consume()")

    cdef int idle(self, int64_t timeout_ns) except -1 nogil:
        return 0

    cdef int choose(self, camkit_frame **waiting, int count, int fresh) noexcept nogil:
        self.wake_ns = 0
        return count - 1

    def stats(self):
        """Frames displayed, and the copies made.

        Returns
        -------
        SinkStats
        """
        c = self.counters
        return SinkStats(c.displayed, c.copies, c.copied_bytes)

    def expect(self, format, size, stride=0):
        """Hear what frames will probably come, before `start`: a sink may get ready for them, or refuse them."""

    def pump(self):
        """Serve what must run in the main thread, such as a window's events; return False to end the pipeline.

        Called by `Pipeline.wait` every few milliseconds, in the thread that waits; where it is not overridden, seldom.
        """
        return True


cdef class NullSink(Sink):
    """Take every frame and let it go: the end of a pipeline that is only measured. Thread-safety as for `Node`."""

    cdef int consume(self, camkit_frame *frame) except -1 nogil:
        camkit_frame_release(frame)
        return CAMKIT_OK
