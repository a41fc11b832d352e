"""Source, Stage and Sink: what a pipeline is made of."""

from libc.stdint cimport int64_t

from camkit.memory_manager._abi cimport CAMKIT_OK, CAMKIT_TIMEOUT, camkit_frame, camkit_frame_release
from camkit.performance_core._stats cimport histogram, summary

from camkit.performance_core.negotiate import FrameSpec, mismatch, specs
from camkit.performance_core.stats import Drops, SinkStats, SourceStats


cdef class Node:
    """Common part of sources, stages and sinks.

    1. `start()` is called once before the first frame, in the thread that will run the node, with the GIL.
    2. The nogil method (`next`, `process`, `consume`) is then called from that thread only.
    3. `stop()` is called once after the last frame, in the same thread, with the GIL, also after an error. A pipeline
       may be run again: then `start()` comes again.
    4. `latencies()` adds named rows to the pipeline's table; it may be called from any thread at any time.

    Thread-safety: the nogil methods, `start` and `stop` belong to the node's thread; everything else may be called from
    any. A node works in one pipeline at a time.
    """

    def __cinit__(self):
        self.name = type(self).__name__  # also for a subclass that forgets super().__init__()

    def __init__(self, name=None):
        if name is not None:
            self.name = str(name)

    def __repr__(self):
        return f"<{type(self).__name__} {self.name!r}>"

    def attach(self, pipeline):
        """Hear which pipeline it works in: called before each run, in the thread that starts it."""

    def start(self):
        """Get ready: called before the first frame of a run, in the node's thread."""

    def stop(self):
        """Give up what `start` took: called after the last frame of a run, in the node's thread."""

    def negotiate(self, frames):
        """Agree to the frames that will come, before the first one does, and tell what goes on from here.

        Called for every node of a chain, from its source on, when a pipeline is built and again when it starts.

        Parameters
        ----------
        frames : FrameSpec or None
            What comes from the node before; None: that is not known, as for a source.

        Returns
        -------
        FrameSpec or None

        Raises
        ------
        FormatMismatch
            The node does not take these.
        """
        return frames

    def latencies(self):
        """Return {name: Summary} of what the node measures itself."""
        return {}

    def explain(self):
        """Tell in words what the node does and why it does it so."""
        return repr(self)


cdef class Source(Node):
    """Where frames come from. Subclass in Cython and override `next` and `interrupt`.

    `next` hands over a frame with one reference, which the caller owns from then on. `interrupt` may be called from any
    thread. Thread-safety otherwise as for `Node`.
    """

    def __cinit__(self):
        self.dequeue_latency = new histogram()
        if self.dequeue_latency == NULL:
            raise MemoryError("no memory for a histogram")

    def __dealloc__(self):
        del self.dequeue_latency

    def stats(self):
        """Frames so far: captured = taken + dropped, dropped by cause, and the copies made.

        Returns
        -------
        SourceStats
        """
        c = self.counters
        return SourceStats(c.captured, c.taken, Drops(c.driver, c.corrupt, c.pool), c.copies, c.copied_bytes)

    def latencies(self):
        """Return {"dequeue": Summary}: from the driver's timestamp to our hands, since the pipeline's run began."""
        return {"dequeue": summary(self.dequeue_latency)}

    def wake(self):
        """Make a waiting `next` return soon. Any thread."""
        self.interrupt()

    cdef int next(self, camkit_frame **out, int64_t timeout_ns) except -1 nogil:
        with gil:
            raise NotImplementedError(f"{type(self).__name__} is a Source without a next()")

    cdef void interrupt(self) noexcept nogil:
        pass


cdef class Stage(Node):
    """Work on one frame after the other. Subclass in Cython and override `process`.

    The contract: the frame belongs to the stage while `process` runs. It may change the pixels when the frame is
    writable and nobody else holds it, put another frame in its place, or drop it. It must not keep the pointer without
    camkit_frame_retain(). An exception stops the pipeline and reaches the caller. Thread-safety as for `Node`.
    """

    def __cinit__(self):
        self.inputs = ()

    def __init__(self, name=None, *, inputs=None, output=None):
        super().__init__(name)
        self.inputs = specs(inputs, "inputs")
        self.output = output if callable(output) else FrameSpec(output) if isinstance(output, str) else output

    def negotiate(self, frames):
        """As of a Node. Where nothing is declared, what goes on from here is not known."""
        if frames is not None and self.inputs and not any(each.fits(frames) for each in self.inputs):
            raise mismatch(self, self.inputs, frames)
        if not callable(self.output):
            return None if self.output is None else self.output.of(frames)
        given = None if frames is None else self.output(frames)
        if given is not None and not isinstance(given, FrameSpec):
            raise TypeError(f"output of stage {self.name!r} is a function that returned a {type(given).__name__}, not "
                            "a FrameSpec")
        return given

    def stats(self):
        """Frames lost in this stage by cause (`bad`, `pool`), and the copies made, since it was made.

        Returns
        -------
        dict
        """
        c = self.counters
        return {"bad": c.bad, "pool": c.pool, "copies": c.copies, "copied_bytes": c.copied_bytes}

    cdef int process(self, camkit_frame **frame) except -1 nogil:
        with gil:
            raise NotImplementedError(f"{type(self).__name__} is a Stage without a process()")

    cdef int process_n(self, camkit_frame **frames, int *answers, int n) except -1 nogil:
        cdef int i
        cdef bint waits = False
        for i in range(n):
            answers[i] = -1
        for i in range(n):
            answers[i] = CAMKIT_TIMEOUT if waits else self.process(&frames[i])
            waits = answers[i] == CAMKIT_TIMEOUT
        return CAMKIT_OK


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
