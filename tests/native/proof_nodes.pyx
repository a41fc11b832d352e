"""Nodes that check what reaches them, frame by frame without the GIL, and others that spoil it, to prove the checks.

Every frame carries its number twice, in the header and in its memory; each Check adds one to the memory. So a frame
that was lost, delivered twice, overtaken, or whose memory somebody else had meanwhile, is seen by the next node.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from posix.mman cimport MAP_ANONYMOUS, MAP_FAILED, MAP_PRIVATE, PROT_READ, PROT_WRITE, mmap, munmap
from posix.unistd cimport getppid, usleep

from camkit cimport CAMKIT_OK, FramePool, Sink, Source, Stage, ThreadPool, camkit_frame, camkit_frame_release
from camkit.memory_manager._abi cimport (
    CAMKIT_BAD_FRAME,
    CAMKIT_CLOCK_MONOTONIC,
    CAMKIT_DROP,
    CAMKIT_END,
    CAMKIT_FULL,
    CAMKIT_INTERRUPTED,
    CAMKIT_TIMEOUT,
)
from camkit.performance_core._queue cimport parker

from time import monotonic

cdef extern from *:
    """
    #include <sched.h>
    #include <camkit/clock.hpp>
    static inline void busy_ns(long long ns) {
      const long long until = camkit::now_ns() + ns;
      while (camkit::now_ns() < until) {
      }
    }
    """
    void busy_ns(long long ns) noexcept nogil
    int sched_yield() noexcept nogil

cdef uint64_t SPREAD = 0x9E3779B97F4A7C15  # numbers that differ in one bit differ in many


cdef inline uint64_t *words(camkit_frame *frame) noexcept nogil:
    return <uint64_t *>frame.planes[0].data


cdef class Numbers(Source):
    """Number frames from 0 to `total` - 1, as fast as they are taken, in slots of a pool of its own.

    Frame n has the time n ms, by the monotonic clock. At frame `fail_at` it raises.
    """

    cdef readonly FramePool pool
    cdef uint64_t total, number, fail_at

    def __init__(self, total, slots=256, fail_at=None, name="Numbers"):
        self.pool = FramePool(slots, 64)
        self.total = total
        self.fail_at = (1 << 63) if fail_at is None else fail_at
        self.name = name

    def start(self):
        self.number = 0

    cdef int next(self, camkit_frame **out, int64_t timeout_ns) except -1 nogil:
        cdef camkit_frame *frame
        if self.number == self.total:
            return CAMKIT_END
        if self.number == self.fail_at:
            planted(self.name)
        frame = self.pool.take()
        if frame == NULL:
            sched_yield()
            return CAMKIT_TIMEOUT
        frame.sequence = self.number
        frame.timestamp_ns = self.number * 1_000_000 + 1
        frame.clock = CAMKIT_CLOCK_MONOTONIC
        words(frame)[0] = self.number * SPREAD
        self.number += 1
        self.counters.captured += 1
        self.counters.taken += 1
        out[0] = frame
        return CAMKIT_OK


cdef class Silent(Source):
    """Give `total` frames, all of time 1, then nothing: sleep until somebody interrupts."""

    cdef readonly FramePool pool
    cdef parker *bell
    cdef uint64_t total, number
    cdef bint interrupted

    def __cinit__(self):
        self.bell = new parker()

    def __dealloc__(self):
        del self.bell

    def __init__(self, total, name="Silent"):
        self.pool = FramePool(total, 64)
        self.total = total
        self.name = name

    def start(self):
        self.number = 0

    cdef int next(self, camkit_frame **out, int64_t timeout_ns) except -1 nogil:
        cdef uint32_t key
        if self.number == self.total:
            while True:
                key = self.bell.prepare()
                if self.interrupted:
                    break
                self.bell.wait(key, -1)
            self.bell.cancel()
            self.interrupted = False
            return CAMKIT_INTERRUPTED
        out[0] = self.pool.take()
        out[0].sequence = self.number
        out[0].timestamp_ns = 1
        out[0].clock = CAMKIT_CLOCK_MONOTONIC
        self.number += 1
        self.counters.captured += 1
        self.counters.taken += 1
        return CAMKIT_OK

    cdef void interrupt(self) noexcept nogil:
        self.interrupted = True
        self.bell.notify()


class Planted(Exception):
    """The error that a node was told to raise."""


cdef inline int planted(str name) except -1 with gil:
    raise Planted(name)


cdef class Check(Stage):
    """Expect the frames in order, none missing, with `before` Checks in their memory; `wrong` counts what is not so."""

    cdef readonly uint64_t wrong, seen
    cdef uint64_t before
    cdef int64_t work_ns

    def __init__(self, before, work_ns=0):
        self.before, self.work_ns = before, work_ns
        self.name = f"check {before}"

    def start(self):
        self.wrong = self.seen = 0

    cdef int process(self, camkit_frame **frame) except -1 nogil:
        cdef uint64_t *memory = words(frame[0])
        self.wrong += frame[0].sequence != self.seen or memory[0] != self.seen * SPREAD + self.before
        self.seen += 1
        memory[0] += 1
        if self.work_ns:
            busy_ns(self.work_ns)
        return CAMKIT_OK


cdef class Mark(Stage):
    """Add one to the frame's memory, whichever frame comes: one of several threads' part."""

    cdef int64_t work_ns

    def __init__(self, work_ns=0):
        self.work_ns = work_ns

    cdef int process(self, camkit_frame **frame) except -1 nogil:
        words(frame[0])[0] += 1
        if self.work_ns:
            busy_ns(self.work_ns)
        return CAMKIT_OK


cdef class Verdict(Sink):
    """Take the frames and count what is wrong with their numbers and their memory."""

    cdef readonly uint64_t received, lost, duplicated, reordered, torn
    cdef uint64_t expected, before
    cdef int64_t work_ns

    def __init__(self, before, work_ns=0):
        self.before, self.work_ns = before, work_ns

    def start(self):
        self.received = self.lost = self.duplicated = self.reordered = self.torn = self.expected = 0

    cdef int consume(self, camkit_frame *frame) except -1 nogil:
        cdef uint64_t number = frame.sequence
        self.torn += words(frame)[0] != number * SPREAD + self.before
        if number >= self.expected:
            self.lost += number - self.expected
            self.expected = number + 1
        elif number + 1 == self.expected:
            self.duplicated += 1
        else:
            self.reordered += 1
        self.received += 1
        camkit_frame_release(frame)
        if self.work_ns:
            busy_ns(self.work_ns)
        return CAMKIT_OK


cdef int raise_words(size_t begin, size_t end, void *user) noexcept nogil:
    cdef size_t i
    for i in range(begin, end):
        (<uint64_t *>user)[i] += 1
    return 0


cdef class Bands(Stage):
    """Add one to each of the eight words of a frame's memory, shared among the threads of a pool."""

    cdef ThreadPool pool

    def __init__(self, ThreadPool pool not None):
        self.pool = pool

    cdef int process(self, camkit_frame **frame) except -1 nogil:
        self.pool.run(raise_words, words(frame[0]), 8, 1)
        return CAMKIT_OK


cdef class Faulty(Stage):
    """"pass" every frame on, or at every `every`th "drop" it, call it "bad", have no slot ("full"), or "fail"."""

    cdef int answer
    cdef uint64_t every, seen

    def __init__(self, how, every, name):
        answers = {"pass": CAMKIT_OK, "drop": CAMKIT_DROP, "bad": CAMKIT_BAD_FRAME, "full": CAMKIT_FULL, "fail": -1}
        self.answer, self.every = answers[how], every
        self.name = name

    def start(self):
        self.seen = 0

    cdef int process(self, camkit_frame **frame) except -1 nogil:
        self.seen += 1
        if self.answer == CAMKIT_OK or self.seen % self.every:
            return CAMKIT_OK
        if self.answer == -1:
            planted(self.name)
        camkit_frame_release(frame[0])
        frame[0] = NULL
        return self.answer


cdef class Ends(Sink):
    """Count the frames, and those that are not later than the one before; "fail" at the `fail_at`th."""

    cdef readonly uint64_t received, disordered
    cdef uint64_t last, fail_at

    def __init__(self, fail_at=None, name="Ends"):
        self.fail_at = 0 if fail_at is None else fail_at
        self.name = name

    def start(self):
        self.received = self.disordered = self.last = 0

    cdef int consume(self, camkit_frame *frame) except -1 nogil:
        if self.fail_at and self.received + 1 == self.fail_at:
            planted(self.name)
        self.disordered += self.received > 0 and frame.sequence <= self.last
        self.last = frame.sequence
        self.received += 1
        camkit_frame_release(frame)
        return CAMKIT_OK


cdef class Spoil(Stage):
    """Do one thing wrong to frame `at`: "lose" it, have it "repeat" the number before, "swap" it with the next, or
    write into its memory ("tear")."""

    cdef str how
    cdef int what
    cdef uint64_t at
    cdef camkit_frame *held

    def __init__(self, how, at):
        self.how, self.at = how, at
        self.what = ("lose", "repeat", "swap", "tear").index(how)

    def stop(self):
        if self.held:
            camkit_frame_release(self.held)
            self.held = NULL

    cdef int process(self, camkit_frame **frame) except -1 nogil:
        cdef camkit_frame *other
        if self.held:
            # Its follower goes on in its place, and it in the place of that one's follower, which is lost.
            other = self.held
            self.held = NULL
            if frame[0].sequence == self.at + 1:
                self.held = other
            else:
                camkit_frame_release(frame[0])
                frame[0] = other
            return CAMKIT_OK
        if frame[0].sequence != self.at:
            return CAMKIT_OK
        if self.what == 0:
            camkit_frame_release(frame[0])
            frame[0] = NULL
            return CAMKIT_DROP
        if self.what == 1:
            frame[0].sequence -= 1
            words(frame[0])[0] -= SPREAD
        elif self.what == 2:
            self.held = frame[0]
            frame[0] = NULL
            return CAMKIT_DROP
        else:
            words(frame[0])[0] += 1
        return CAMKIT_OK


cdef class Sinner(Stage):
    """Do at every `every`th frame what a native stage must not: "malloc", "fault", "gil", "futex" or another "syscall".
    """

    cdef int what
    cdef uint64_t every, seen
    cdef void *kept  # a compiler drops what leaves no trace

    def __init__(self, how, every):
        self.what = ("malloc", "fault", "gil", "futex", "syscall").index(how)
        self.every = every

    cdef int process(self, camkit_frame **frame) except -1 nogil:
        cdef void *memory
        self.seen += 1
        if self.seen % self.every:
            return CAMKIT_OK
        if self.what == 0:
            self.kept = malloc(48)
            free(self.kept)
        elif self.what == 1:
            memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
            if memory != MAP_FAILED:
                (<char *>memory)[0] = 1
                munmap(memory, 4096)
        elif self.what == 2:
            with gil:
                pass
        elif self.what == 3:
            futex_wake()
        else:
            getppid()
        return CAMKIT_OK


cdef extern from *:
    """
    #include <linux/futex.h>
    #include <sys/syscall.h>
    #include <unistd.h>
    static inline void futex_wake(void) {
      static int word;
      syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
    }
    """
    void futex_wake() noexcept nogil


def hold_the_gil(Verdict sink not None, uint64_t frames, double timeout):
    """Keep the GIL until `sink` has received so many frames more, or for `timeout` seconds; return how many came."""
    cdef uint64_t begin = sink.received
    cdef volatile uint64_t *received = &sink.received
    cdef double until = monotonic() + timeout
    while received[0] - begin < frames and monotonic() < until:
        usleep(1000)
    return received[0] - begin
