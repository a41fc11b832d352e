"""PoolSource: the slots of a pool as a stream of frames, as fast as they are taken."""

from libc.stdint cimport int64_t

from camkit.memory_manager._abi cimport (
    CAMKIT_END,
    CAMKIT_INTERRUPTED,
    CAMKIT_OK,
    CAMKIT_TIMEOUT,
    camkit_frame,
    now_ns,
)
from camkit.memory_manager._pool cimport FramePool
from camkit.performance_core._source cimport Source

from camkit.memory_manager._checks import check_int
from camkit.memory_manager._description import CLOCKS
from camkit.performance_core._places import places


cdef extern from "camkit/cpu.hpp" namespace "camkit" nogil:
    void cpu_relax() noexcept
cdef extern from * nogil:
    """
    #include <chrono>
    #include <thread>
    static inline void camkit_nap() { std::this_thread::sleep_for(std::chrono::microseconds(50)); }
    """
    void camkit_nap() noexcept


cdef class PoolSource(Source):
    """Lend the slots of a pool, untouched, as the frames of a camera: to measure and to test what comes behind.

    Frames are numbered from 0 on. When every slot is in use it waits for one, so that no frame is lost. Thread-safety
    and ownership are those of `Source`; the pool may be used by others too.

    Parameters
    ----------
    pool : FramePool
        Whose slots, with the pool's format and size.
    frames : int, optional
        End the stream after so many. Default: never.
    period : float, optional
        Seconds between the timestamps of two frames, counted from the start of the run; frames come as fast as they are
        taken all the same. 0: the timestamp is the time at which a frame is lent.
    offset : float, optional
        Seconds to add to every timestamp.
    clock : str, optional
        Clock that the timestamps are said to be on, as `Frame.clock`.
    name : str, optional
        Name in statistics and errors.

    Examples
    --------
    >>> pool = camkit.FramePool(8, format="GREY", size=(64, 64))
    >>> camkit.Pipeline(camkit.PoolSource(pool, frames=1000)).run().frames.delivered
    1000
    """

    def __cinit__(self):
        self.ticks = new tick_clock()
        if self.ticks == NULL:
            raise MemoryError("no memory for a clock")

    def __dealloc__(self):
        del self.ticks

    def __init__(self, FramePool pool not None, frames=None, *, period=0.0, offset=0.0, clock="monotonic", name=None):
        super().__init__(name)
        self.pool = pool
        self.frames = 0 if frames is None else check_int("frames", frames, 1, (1 << 63) - 1)
        for what, seconds in (("period", period), ("offset", offset)):
            if not isinstance(seconds, (int, float)):
                raise TypeError(f"{what} is a {type(seconds).__name__}, not a number of seconds")
        if not 0 <= period <= 3600 or not -3600 <= offset <= 3600:
            raise ValueError(f"period is {period!r} and offset {offset!r}, not seconds up to an hour")
        if clock not in CLOCKS:
            raise ValueError(f"clock is {clock!r}, not one of {', '.join(CLOCKS)}")
        self.clock = CLOCKS.index(clock)
        self.period, self.offset = <int64_t>(period * 1e9), <int64_t>(offset * 1e9)

    def start(self):
        """Begin with frame 0."""
        if self.pool.closed:
            raise ValueError(f"cannot lend slots of {self.pool!r}: the pool is closed")
        self.given, self.began = 0, now_ns()

    def slots(self, on_gpu=frozenset()):
        """As of a Source; of the whole pool, whoever else uses it."""
        return places(<size_t>self.pool.pool, len(self.pool), on_gpu)

    def explain(self):
        """Tell in words where the frames come from."""
        return f"lends the slots of {self.pool!r}"

    cdef int next(self, camkit_frame **out, int64_t timeout_ns) except -1 nogil:
        cdef camkit_frame *f
        cdef int64_t until = 0
        cdef int turn = 0
        if self.frames and self.given == self.frames:
            return CAMKIT_END
        f = self.pool.take()
        while f == NULL:
            if self.interrupted.exchange(False):
                return CAMKIT_INTERRUPTED
            if timeout_ns >= 0:
                until = until or now_ns() + timeout_ns
                if now_ns() >= until:
                    return CAMKIT_TIMEOUT
            turn += 1
            if turn < 256:
                cpu_relax()
            else:
                camkit_nap()
                if self.pool.closed:
                    with gil:
                        raise ValueError(f"cannot lend slots of {self.pool!r}: it was closed meanwhile")
            f = self.pool.take()
        f.sequence = self.given
        f.clock = self.clock
        f.stamp = 0
        f.dequeue_ns = f.timestamp_ns = self.ticks.monotonic(self.ticks.now())
        if self.period:
            f.timestamp_ns = self.began + <int64_t>self.given * self.period
        f.timestamp_ns += self.offset
        self.given += 1
        self.counters.captured += 1
        self.counters.taken += 1
        out[0] = f
        return CAMKIT_OK

    cdef void interrupt(self) noexcept nogil:
        self.interrupted.store(True)
