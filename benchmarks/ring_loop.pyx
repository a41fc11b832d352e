"""The ring as an extension drives it: two threads without the GIL. Its C++ twin is native/spsc_ring_bench.cpp."""

from libc.stdint cimport int64_t, uint64_t

import os
import threading


cdef extern from "camkit/spsc_ring.hpp" namespace "camkit" nogil:
    cdef cppclass spsc_ring[T]:
        spsc_ring(size_t capacity) noexcept
        bint try_push(const T &value) noexcept
        bint try_pop(T &out) noexcept


cdef extern from "camkit/cpu.hpp" namespace "camkit" nogil:
    void cpu_relax() noexcept


cdef extern from "camkit/clock.hpp" namespace "camkit" nogil:
    int64_t now_ns() noexcept


cdef class Ring:
    """A ring of numbers and the two loops on it."""

    cdef spsc_ring[uint64_t] *ring

    def __cinit__(self, size_t depth):
        self.ring = new spsc_ring[uint64_t](depth)

    def __dealloc__(self):
        del self.ring

    def produce(self, uint64_t items):
        cdef uint64_t i
        with nogil:
            for i in range(items):
                while not self.ring.try_push(i):
                    cpu_relax()

    def consume(self, uint64_t items):
        cdef uint64_t i, got = 0
        with nogil:
            for i in range(items):
                while not self.ring.try_pop(got):
                    cpu_relax()
                if got != i:
                    break
        if items and got != items - 1:
            raise AssertionError(f"a value was lost or came out of order: {got}")


def transfer(depth, items):
    """Nanoseconds an item through a ring between two pinned threads."""
    ring = Ring(depth)
    cpus = sorted(os.sched_getaffinity(0))

    def consume():
        os.sched_setaffinity(0, {max(cpus)})
        ring.consume(items)

    thread = threading.Thread(target=consume)
    thread.start()
    os.sched_setaffinity(0, {cpus[0]})
    begun = now_ns()
    ring.produce(items)
    thread.join()
    took = now_ns() - begun
    os.sched_setaffinity(0, cpus)
    return took / items
