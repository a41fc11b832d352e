"""Link: what lies between two threads of a pipeline. FrameQueue: the usual one."""

cimport cython
from libc.stdint cimport int64_t, uint32_t

from cpython.exc cimport PyErr_CheckSignals

from camkit.memory_manager._abi cimport (
    CAMKIT_END,
    CAMKIT_FULL,
    CAMKIT_TIMEOUT,
    camkit_frame,
    camkit_frame_release,
    now_ns,
)
from camkit.memory_manager._checks import check_int, check_timeout
from camkit.memory_manager._frame cimport Frame, Frame_wrap

POLICIES = ("block", "drop_newest", "drop_oldest", "latest")  # in the order of link_policy
WAITS = ("park", "spin")
cdef int64_t SLICE_NS = 50_000_000  # between looks at Python's signals


cdef uint32_t never_sleep = 0xFFFFFFFF


cdef class Link:
    """What lies between two threads of a pipeline: one pushes frames into it, one pops them.

    A base for `FrameQueue` and other compiled classes; workers call the C++ object inside without the GIL.
    """

    def __dealloc__(self):
        del self.link

    def __len__(self):
        return self.link.size()

    @property
    def depth(self):
        """int: frames that fit."""
        return self.link.depth()


cdef class FrameQueue(Link):
    """Hand frames from one thread to another without a lock.

    One thread puts, one thread gets. The queue owns the frames inside it.

    Parameters
    ----------
    depth : int, optional
        Frames that fit, 1 to 1024; `latest` always holds one.
    policy : str, optional
        What happens when there is no room: `block` waits, `drop_newest` drops the frame that comes, `drop_oldest` the
        one that has waited longest, and so does `latest`, which has room for one only.
    wait : str, optional
        How a thread waits that finds the queue empty, or full under `block`: `park` looks for a few microseconds, then
        sleeps until it is woken; `spin` never sleeps, which saves the waking and costs a CPU.
    """

    def __cinit__(self, depth=2, policy="block", wait="park"):
        if policy not in POLICIES:
            raise ValueError(f"policy is {policy!r}, not one of {', '.join(POLICIES)}")
        if wait not in WAITS:
            raise ValueError(f"wait is {wait!r}, not one of {', '.join(WAITS)}")
        self.policy, self.wait = policy, wait
        cdef link_policy c_policy = <link_policy><int>POLICIES.index(policy)
        cdef size_t c_depth = check_int("depth", depth, 1, 1024)
        cdef frame_queue *queue = new frame_queue(c_depth, c_policy, never_sleep if wait == "spin" else
                                                  parker.default_spins())
        self.link = queue
        if queue == NULL or not queue.ok():
            raise MemoryError(f"no memory for a queue of {depth} frames")

    def __repr__(self):
        return f"<FrameQueue {len(self)} of {self.depth}, {self.policy}>"

    def put(self, Frame frame not None, timeout=None):
        """Share a frame with the consumer; the caller's own lease stays as it is.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait for room under `block`. Default: for ever.

        Returns
        -------
        bool
            False when the frame was dropped because there was no room (`drop_newest`).

        Raises
        ------
        TimeoutError
            There was no room in time.
        ValueError
            The queue was closed or aborted.
        RuntimeError
            Another thread is putting.
        """
        cdef int64_t until = deadline(timeout)
        cdef camkit_frame *c = frame.share()
        cdef int answer = CAMKIT_END
        try:
            with cython.critical_section(self):
                if self.putting:
                    raise RuntimeError("another thread is putting into this queue: it has room for one producer only")
                if self.closed:
                    raise ValueError("the queue is closed")
                self.putting = True
            try:
                answer = self._put(c, until)
            finally:
                with cython.critical_section(self):
                    self.putting = False
        except BaseException:
            camkit_frame_release(c)
            raise
        if answer == CAMKIT_TIMEOUT:
            camkit_frame_release(c)
            raise TimeoutError(f"no room in a queue of {self.depth} for {timeout} s")
        if answer == CAMKIT_END:
            camkit_frame_release(c)
            raise ValueError("the queue is aborted")
        return answer != CAMKIT_FULL

    def get(self, timeout=None):
        """Take the next frame.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait. Default: for ever.

        Returns
        -------
        Frame or None
            None when the queue is closed and empty.

        Raises
        ------
        TimeoutError
            Nothing came in time.
        RuntimeError
            Another thread is getting.
        """
        cdef camkit_frame *c = NULL
        cdef int64_t until = deadline(timeout)
        cdef int answer
        with cython.critical_section(self):
            if self.getting:
                raise RuntimeError("another thread is getting from this queue: it serves one consumer only")
            self.getting = True
        try:
            while True:
                with nogil:
                    answer = self.link.pop(&c, slice_of(until))
                if answer == CAMKIT_END:
                    return None
                if answer != CAMKIT_TIMEOUT:
                    return Frame_wrap(c)
                PyErr_CheckSignals()
                if until >= 0 and now_ns() >= until:
                    raise TimeoutError(f"no frame came for {timeout} s")
        finally:
            with cython.critical_section(self):
                self.getting = False

    def close(self):
        """Say that nothing comes any more: `get` gives what is inside, then None."""
        with cython.critical_section(self):
            self.closed = True
        self.link.close()

    def abort(self):
        """End both sides now; what is inside goes back when the queue does."""
        self.link.abort()

    cdef int _put(self, camkit_frame *c, int64_t until) except -1:
        cdef int answer
        while True:
            with nogil:
                answer = self.link.push(c, slice_of(until))
            if answer != CAMKIT_TIMEOUT or (until >= 0 and now_ns() >= until):
                return answer
            PyErr_CheckSignals()


cdef int64_t deadline(timeout) except? -2:
    if timeout is None:
        return -1
    return now_ns() + <int64_t>(<double>check_timeout(timeout) * 1e9)


cdef int64_t slice_of(int64_t until) noexcept nogil:
    cdef int64_t left = SLICE_NS
    if until >= 0:
        left = min(max(until - now_ns(), 0), SLICE_NS)
    return left
