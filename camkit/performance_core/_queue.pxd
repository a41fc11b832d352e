from libc.stdint cimport int64_t, uint32_t

from camkit.memory_manager._abi cimport camkit_frame


cdef extern from "camkit/parker.hpp" namespace "camkit" nogil:
    cdef cppclass parker:
        parker() noexcept
        @staticmethod
        uint32_t default_spins() noexcept
        void notify() noexcept
        uint32_t prepare() noexcept
        void cancel() noexcept
        bint wait(uint32_t key, int64_t timeout_ns) noexcept


cdef extern from "camkit/frame_link.hpp" namespace "camkit" nogil:
    cdef cppclass frame_link:
        int push(camkit_frame *f, int64_t timeout_ns) noexcept
        int pop(camkit_frame **out, int64_t timeout_ns) noexcept
        size_t pop_n(camkit_frame **out, size_t count) noexcept
        void close() noexcept
        void abort() noexcept
        void wake() noexcept
        size_t discard() noexcept
        void set_bell(parker *bell) noexcept
        size_t size() noexcept
        size_t depth() noexcept


cdef extern from "camkit/frame_queue.hpp" namespace "camkit" nogil:
    cdef enum link_policy "camkit::link_policy":
        pass
    cdef cppclass frame_queue(frame_link):
        frame_queue(size_t depth, link_policy policy, uint32_t spins) except +
        bint ok() noexcept


cdef class Link:
    cdef frame_link *link  # owned, and with it the frames inside; set by the subclass's __cinit__


cdef class FrameQueue(Link):
    cdef readonly str policy, wait
    cdef bint putting, getting  # a thread is in put() or get(); guarded by the GIL or a critical section
    cdef bint closed  # close() was called; a worker closes `link` by itself

    cdef int _put(self, camkit_frame *c, int64_t until) except -1
