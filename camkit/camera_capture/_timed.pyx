"""TimedBackend: a camera without a driver, whose frames come when their time has."""

from libc.stdint cimport int64_t, uint32_t

from camkit.memory_manager._abi cimport CAMKIT_INTERRUPTED, CAMKIT_OK, CAMKIT_TIMEOUT, now_ns


cdef class TimedBackend(Backend):
    """Sleep until the next frame is due, or somebody rings. Thread-safety and ownership are those of `Backend`."""

    def __cinit__(self):
        self.bell = new parker()
        if self.bell == NULL:
            raise MemoryError("no memory for a bell")

    def __dealloc__(self):
        del self.bell

    cdef int doze(self, int64_t due, int64_t end, int64_t *now) noexcept nogil:
        cdef uint32_t key
        if now[0] >= end:
            return CAMKIT_TIMEOUT
        key = self.bell.prepare()
        if self.interrupted.load():
            self.bell.cancel()
            return CAMKIT_INTERRUPTED
        self.bell.wait(key, min(due, end) - now[0])
        now[0] = now_ns()
        return CAMKIT_OK

    cdef int wait_for_buffer(self, int64_t timeout_ns) except -1 nogil:
        cdef uint32_t key = self.bell.prepare()
        if self.interrupted.load():
            self.bell.cancel()
            return CAMKIT_INTERRUPTED
        if self.queued() > self.reserve:
            self.bell.cancel()
            return CAMKIT_OK
        return CAMKIT_OK if self.bell.wait(key, timeout_ns) else CAMKIT_TIMEOUT

    cdef void unblock(self) noexcept nogil:
        self.bell.notify()
