from libc.stdint cimport int64_t, uint32_t

from camkit.camera_capture._backend cimport Backend


cdef extern from "camkit/parker.hpp" namespace "camkit" nogil:
    cdef cppclass parker:
        parker() noexcept
        void notify() noexcept
        uint32_t prepare() noexcept
        void cancel() noexcept
        bint wait(uint32_t key, int64_t timeout_ns) noexcept


cdef class TimedBackend(Backend):
    cdef parker *bell  # owned; wakes dequeue()

    # For dequeue(): sleep until `due`, or `end` if that is earlier, and tell the time. CAMKIT_OK: look again.
    cdef int doze(self, int64_t due, int64_t end, int64_t *now) noexcept nogil
