"""Stages called as the pipeline's threads call them, and the same functions called without a stage around them."""

from libc.stdint cimport int64_t, uint64_t, uintptr_t

from camkit.memory_manager._abi cimport camkit_frame, camkit_frame_release, camkit_frame_retain
from camkit.memory_manager._frame cimport Frame
from camkit.performance_core._stage cimport Stage


cdef extern from "camkit/clock.hpp" namespace "camkit" nogil:
    int64_t now_ns() noexcept

ctypedef int (*look_function)(camkit_frame *, void *) noexcept nogil
ctypedef int (*make_function)(const camkit_frame *, camkit_frame *, void *) noexcept nogil


# The work: a read of the frame and a write to the stage's own data, so that no compiler can leave it out.
cdef int work_of(camkit_frame *frame, uint64_t *sum) noexcept nogil:
    sum[0] += frame.sequence
    return 0


cdef class Look(Stage):
    """A stage by `work`."""

    cdef uint64_t sum

    cdef int work(self, camkit_frame *frame, camkit_frame *out) except -1 nogil:
        return work_of(frame, &self.sum)


cdef class Whole(Stage):
    """A stage by `process`."""

    cdef uint64_t sum

    cdef int process(self, camkit_frame **frame) except -1 nogil:
        return work_of(frame[0], &self.sum)


cdef class Caller:
    """Call a function as Cython does by itself: the bare call of `Look` and `Whole`."""

    cdef uint64_t sum
    cdef int (*function)(camkit_frame *, uint64_t *) noexcept nogil

    def __cinit__(self):
        self.function = work_of

    def bare(self, Frame frame, uint64_t n):
        """Nanoseconds a call."""
        cdef camkit_frame *c = frame.get()
        cdef int64_t begun
        cdef uint64_t _i
        with nogil:
            begun = now_ns()
            for _i in range(n):
                self.function(c, &self.sum)
            begun = now_ns() - begun
        return <double>begun / n


def staged(Stage stage not None, Frame frame not None, uint64_t n):
    """Nanoseconds for a frame through a stage that sends it on."""
    cdef camkit_frame *c = frame.get()
    cdef camkit_frame *f
    cdef int64_t begun
    cdef uint64_t _i
    cdef int answer
    stage.start()
    with nogil:
        begun = now_ns()
        for _i in range(n):
            f = c
            answer = stage.process(&f)
        begun = now_ns() - begun
    if f != c or answer:
        raise AssertionError("this loop is for stages that send their frame on")
    return <double>begun / n


def staged_with_output(Stage stage not None, Frame frame not None, uint64_t n):
    """Nanoseconds for a frame through a stage that makes another one; retain and release of both included."""
    cdef camkit_frame *c = frame.get()
    cdef camkit_frame *f
    cdef int64_t begun
    cdef uint64_t _i
    stage.start()
    with nogil:
        begun = now_ns()
        for _i in range(n):
            camkit_frame_retain(c)
            f = c
            if stage.process(&f) != 0:
                break
            camkit_frame_release(f)
        begun = now_ns() - begun
    return <double>begun / n


def bare_c(address, user, Frame frame not None, uint64_t n):
    """Nanoseconds a call of the C function at this address."""
    cdef look_function function = <look_function><uintptr_t>address
    cdef void *data = <void *><uintptr_t>user
    cdef camkit_frame *c = frame.get()
    cdef int64_t begun
    cdef uint64_t _i
    with nogil:
        begun = now_ns()
        for _i in range(n):
            function(c, data)
        begun = now_ns() - begun
    return <double>begun / n


def bare_python(function, Frame frame not None, uint64_t n):
    """Nanoseconds a call of a Python function with a frame."""
    cdef uint64_t _i
    cdef int64_t begun = now_ns()
    for _i in range(n):
        function(frame)
    return <double>(now_ns() - begun) / n
