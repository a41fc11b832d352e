from libc.stdint cimport int64_t

from camkit.memory_manager._abi cimport camkit_frame


cdef extern from "camkit/frame_queue.hpp" namespace "camkit" nogil:
    cdef enum link_policy "camkit::link_policy":
        link_block "camkit::link_policy::block"
        link_drop_newest "camkit::link_policy::drop_newest"
        link_latest "camkit::link_policy::latest"
    cdef cppclass frame_queue:
        frame_queue(size_t depth, link_policy policy) noexcept
        bint ok() noexcept
        size_t depth() noexcept
        size_t size() noexcept
        int push(camkit_frame *f, int64_t timeout_ns) noexcept
        int pop(camkit_frame **out, int64_t timeout_ns) noexcept
        void close() noexcept
        void abort() noexcept
        size_t discard() noexcept


cdef class FrameQueue:
    cdef frame_queue *q  # owned, and with it the frames inside
    cdef readonly str policy
    cdef bint putting, getting  # a thread is in put() or get(); the GIL guards them
    cdef bint closed  # close() was called; a worker closes `q` by itself

    cdef int _put(self, camkit_frame *c, int64_t until) except -1
