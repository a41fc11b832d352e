"""Node: what sources, stages and sinks have in common."""


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

    @property
    def prepared_at(self):
        """float: when it last ended getting something ready, by `time.monotonic()`; infinity meanwhile, 0.0 never.

        The watchdog counts from then on: what is done once may take longer than it allows for a frame.
        """
        return 0.0

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

    def frames_on_gpu(self):
        """Return the addresses of the frames that the node holds because a GPU reads their own memory. Any thread."""
        return frozenset()

    def explain(self):
        """Tell in words what the node does and why it does it so."""
        return repr(self)
