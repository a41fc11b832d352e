from libc.stdint cimport uint32_t, uint64_t

# Works on the indices begin .. end - 1 without the GIL; anything but 0 stops the rest of the job.
ctypedef int (*band_fn)(size_t begin, size_t end, void *user) noexcept nogil


cdef extern from "camkit/thread_pool.hpp" namespace "camkit" nogil:
    cdef struct pool_totals "camkit::thread_pool::totals":
        uint64_t jobs, alone, bands, stolen, sleeps, abandoned
    cdef cppclass thread_pool:
        thread_pool(unsigned workers) except +
        thread_pool(unsigned workers, uint32_t spins) except +
        bint ok() noexcept
        unsigned workers() noexcept
        int parallel_for(band_fn fn, void *user, size_t n, size_t grain) noexcept
        void work(unsigned index) noexcept
        void stop(bint abandon) noexcept
        void be_alone() noexcept
        bint accepts() noexcept
        bint busy() noexcept
        pool_totals count() noexcept


cdef extern from *:
    const int POOL_STOPPED "camkit::thread_pool::stopped"


cdef class Crew:
    cdef thread_pool *pool  # owned: the threads hold the crew, so it lives until the last of them has gone
    cdef readonly list threads, words
    cdef object __weakref__


cdef class ThreadPool:
    cdef Crew crew
    cdef readonly str name
    cdef object end  # weakref.finalize
    cdef object __weakref__

    # parallel_for() for compiled code, any thread. 0, what a band answered, or POOL_STOPPED: the pool is closed and not
    # all bands ran.
    cdef int run(self, band_fn fn, void *user, size_t n, size_t grain) noexcept nogil
