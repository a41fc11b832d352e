from libc.stdint cimport uint64_t


cdef extern from "camkit/run_state.hpp" namespace "camkit" nogil:
    cdef cppclass run_state:
        run_state(uint64_t limit) except +
        bint aborting() noexcept
        bint over() noexcept
        bint limited() noexcept
        bint reached() noexcept
        bint may_take() noexcept
        void take() noexcept
        void deliver() noexcept
        void lose() noexcept
        void stop() noexcept
        void abort() noexcept
        void await_progress() noexcept
        void wake() noexcept


cdef class Run:
    cdef run_state *state  # owned
