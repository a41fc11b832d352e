"""GpuClock: the GPU's own clock on the monotonic one."""

from libc.stdint cimport int64_t, uint64_t

from camkit.gl_core._enums cimport GL_QUERY_COUNTER_BITS, GL_TIMESTAMP
from camkit.memory_manager._abi cimport now_ns

cdef int READINGS = 5  # of which the quickest is kept: the driver may have to wait for the GPU


cdef class GpuClock(ClockMap):
    """Convert times of the GPU, those of GL_TIMESTAMP queries, to the monotonic clock; see `ClockMap`.

    The sink reads both clocks at its start and then at every 64th frame, on its own thread; `glGetInteger64v` of
    GL_TIMESTAMP is what the GPU's clock shows when the commands before it have reached the GPU (OpenGL 4.6 core,
    section 4.3). Converting is safe from any thread, also after the sink was stopped.
    """

    def __init__(self, *args):
        raise TypeError("a GPU's clock comes from a started sink: camkit.Offscreen().gpu_clock")

    def update(self):
        raise RuntimeError("the sink reads the GPU's clock itself, on the thread of its context")

    cdef void refresh(self) noexcept nogil:
        cdef int64_t shown = 0, best_shown = 0, best = -1, begun, ended, middle = 0
        cdef int _i
        if self.gl == NULL or not self.bits:
            return
        for _i in range(READINGS):
            begun = now_ns()
            self.gl.GetInteger64v(GL_TIMESTAMP, &shown)
            ended = now_ns()
            if best < 0 or ended - begun < best:
                best, best_shown = ended - begun, shown
                middle = begun + best // 2
        self.ns = self._unwrapped(<uint64_t>best_shown)
        self.counted = <uint64_t>best_shown
        self.take(self.ns, middle, (best + 1) // 2)

    cdef int64_t monotonic(self, uint64_t shown) noexcept nogil:
        cdef int64_t out = 0, error = 0
        self.c.convert(self._unwrapped(shown), out, error)
        return out

    # A counter of few bits begins anew, after a minute with 36 of them; the nearest moment is meant.
    cdef int64_t _unwrapped(self, uint64_t shown) noexcept nogil:
        cdef int unused = 64 - self.bits
        return self.ns + (<int64_t>((shown - self.counted) << unused) >> unused)

    cdef void forget(self) noexcept:
        self.gl = NULL
        self.functions = None


cdef GpuClock GpuClock_make(Functions functions):
    cdef GpuClock made = GpuClock.__new__(GpuClock, "gpu", "monotonic")
    made.functions = functions
    made.gl = &functions.f
    made.gl.GetQueryiv(GL_TIMESTAMP, GL_QUERY_COUNTER_BITS, &made.bits)
    made.refresh()
    return made
