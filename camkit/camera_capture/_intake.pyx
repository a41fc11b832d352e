"""Intake: how a driver's buffers come in as frames: numbered, waited for, and every lost one counted."""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from camkit.memory_manager._abi cimport (
    CAMKIT_CLOCK_MONOTONIC,
    CAMKIT_CLOCK_UNKNOWN,
    CAMKIT_DROP,
    CAMKIT_END,
    CAMKIT_FRAME_COPY,
    CAMKIT_FRAME_CORRUPT,
    CAMKIT_FRAME_DISCONTINUITY,
    CAMKIT_FULL,
    CAMKIT_INTERRUPTED,
    CAMKIT_OK,
    CAMKIT_TIMEOUT,
    camkit_frame,
    camkit_frame_release,
    copy_description,
    copy_pixels,
    now_ns,
    one_clock,
)
from camkit.memory_manager._pool cimport FramePool

import errno

from camkit.errors import CameraTimeout, PoolExhausted

cdef int64_t FOREVER = <int64_t>1 << 62

_policies = {"copy": EXHAUSTED_COPY, "drop": EXHAUSTED_DROP, "block": EXHAUSTED_BLOCK, "raise": EXHAUSTED_RAISE}


cdef class Intake(Source):
    """Turn a driver's buffers into frames: number them, count what is lost and why, keep the driver in buffers.

    The frames' half of a `Backend`, and used by it alone: one thread at a time fetches.
    """

    cdef int equip(self, request, size_t image_bytes) except -1:
        stream = self.stream
        self.on_exhausted = _policies[request.on_exhausted]
        self.drop_corrupt = request.corrupt == "drop"
        self.reserve = 2 if stream.buffers >= 4 else 1
        self.stall_ns = 0 if request.timeout is None else <int64_t>(request.timeout * 1e9)
        if self.on_exhausted == EXHAUSTED_COPY:
            size = stream.width, stream.height
            # Without padding, whatever the driver's rows have: only a compressed picture needs to be told its bytes.
            room = None if stream.stride else image_bytes
            self.spare = FramePool(stream.buffers, room, format=stream.format, size=size)
        return 0

    cdef void begin(self) noexcept:
        self.first = True
        self.recount = self.discontinuous = False
        self.lost = 0
        self.waiting_since = 0
        self.interrupted.store(False)

    cdef int fetch(self, camkit_frame **out, int64_t timeout_ns) except -1 nogil:
        cdef camkit_frame *f = NULL
        cdef int64_t now, begun, wait, slept = 0
        cdef int answer
        if timeout_ns < 0 or timeout_ns > FOREVER:
            # While frames flow and nobody has set a limit, not even the clock need be asked.
            # A short stall is for dequeue(), which comes back in time.
            if self.waiting_since == 0 and not self.interrupted.load() and (
                    self.stall_ns == 0 or self.stall_ns >= 2 * TAKE_NS) and (
                    self.on_exhausted != EXHAUSTED_BLOCK or self.queued() > self.reserve):
                answer = self.take(&f)
                if answer == CAMKIT_OK and self.arrived(&f) == CAMKIT_OK:
                    out[0] = f
                    return CAMKIT_OK
                if answer == CAMKIT_INTERRUPTED:
                    self.interrupted.store(False)
                if answer == CAMKIT_INTERRUPTED or answer == CAMKIT_END:
                    return answer
                if answer == CAMKIT_TIMEOUT:
                    slept = TAKE_NS
            timeout_ns = SLICE_NS
        now = begun = now_ns()
        if self.waiting_since == 0:
            self.waiting_since = now - slept
        while True:
            wait = max(begun + timeout_ns - now, <int64_t>0)
            if self.stall_ns:
                wait = min(wait, max(self.waiting_since + self.stall_ns - now, <int64_t>0))
            if self.on_exhausted == EXHAUSTED_BLOCK and self.queued() <= self.reserve:
                answer = self.wait_for_buffer(wait)
                if answer == CAMKIT_OK:
                    now = now_ns()
                    continue
            else:
                answer = self.dequeue(&f, wait)
            if answer == CAMKIT_OK:
                if self.arrived(&f) == CAMKIT_OK:
                    self.waiting_since = 0
                    out[0] = f
                    return CAMKIT_OK
                # A source that never makes us wait would never tell of it.
                if self.interrupted.load():
                    answer = CAMKIT_INTERRUPTED
            elif answer == CAMKIT_END:
                return CAMKIT_END
            if answer == CAMKIT_INTERRUPTED:
                self.interrupted.store(False)
                return CAMKIT_INTERRUPTED
            now = now_ns()
            if self.stall_ns and now - self.waiting_since >= self.stall_ns:
                self.stalled()
            if now - begun >= timeout_ns:
                return CAMKIT_TIMEOUT

    # Number and count the frame that came, then hand it on, a copy of it, or CAMKIT_DROP.
    cdef int arrived(self, camkit_frame **frame) except -1 nogil:
        cdef camkit_frame *f = frame[0]
        cdef camkit_frame *copy
        cdef uint64_t gap
        cdef int64_t copied
        f.dequeue_ns = now_ns()
        if f.clock == CAMKIT_CLOCK_MONOTONIC and not one_clock(f.timestamp_ns, f.dequeue_ns):
            f.clock = CAMKIT_CLOCK_UNKNOWN
            self.false_stamps += 1
        gap = self.number(f)
        self.counters.captured += 1 + gap
        self.lost += gap
        if f.flags & CAMKIT_FRAME_CORRUPT and self.drop_corrupt:
            camkit_frame_release(f)
            self.counters.corrupt += 1
            self.lost += 1
            return CAMKIT_DROP
        if self.queued() < self.reserve:
            copy = self.spare.take() if self.on_exhausted == EXHAUSTED_COPY else NULL
            if copy != NULL:
                copy_description(copy, f)
                copied = copy_pixels(copy, f)
                if copied < 0:
                    camkit_frame_release(copy)
                    copy = NULL
                else:
                    copy.flags |= CAMKIT_FRAME_COPY
                    self.counters.copies += 1
                    self.counters.copied_bytes += <uint64_t>copied
            camkit_frame_release(f)
            if copy == NULL:
                self.counters.pool += 1
                self.lost += 1
                if self.on_exhausted == EXHAUSTED_RAISE:
                    raise PoolExhausted(
                        f"no buffer for frame {self.sequence} of camera {self.name!r}: the caller holds "
                        f"{self.stream.buffers - self.reserve} of {self.stream.buffers} and the camera needs the rest; "
                        'close frames earlier, open with more buffers, or with on_exhausted="copy"')
                return CAMKIT_DROP
            f = copy
        f.gap = self.lost
        self.lost = 0
        if self.discontinuous:
            self.discontinuous = False
            f.flags |= CAMKIT_FRAME_DISCONTINUITY
        self.counters.taken += 1
        if f.clock == CAMKIT_CLOCK_MONOTONIC:
            self.dequeue_latency.record(f.dequeue_ns - f.timestamp_ns)
        frame[0] = f
        return CAMKIT_OK

    cdef uint64_t number(self, camkit_frame *f) noexcept nogil:
        cdef uint32_t number = <uint32_t>f.sequence
        cdef uint32_t step = number - self.last_sequence
        cdef uint64_t gap = 0
        if self.first:
            self.first = False
            self.sequence = number
        elif self.recount:
            self.sequence += 1
        else:
            # A driver that does not count, or begins anew, steps by 0 or backwards: then nothing is known of a loss.
            if step != 0 and step < <uint32_t>1 << 31:
                gap = step - 1
            self.sequence += gap + 1
        self.recount = False
        self.last_sequence = number
        f.sequence = self.sequence
        self.counters.driver += gap
        return gap

    cdef void renew(self, uint64_t lost_frames) noexcept nogil:
        self.counters.captured += lost_frames
        self.counters.driver += lost_frames
        self.sequence += lost_frames
        self.lost += lost_frames
        self.recount = self.discontinuous = True

    cdef int stalled(self) except -1 nogil:
        cdef int left = self.queued()
        self.waiting_since = 0
        with gil:
            c = self.counters
            why = f"{c.captured} captured so far, of which {c.corrupt} corrupt, {c.pool} without a free buffer"
            if left < self.stream.buffers and left <= self.reserve:
                why += (f"; the caller holds {self.stream.buffers - left} of {self.stream.buffers} buffers: close "
                        "frames and drop their views")
            else:
                why += "; see to the camera and its cable, or open it with a longer timeout"
            raise CameraTimeout(errno.ETIMEDOUT, f"no frame for {self.stall_ns / 1e9:g} s: {why}", self.name)

    cdef void interrupt(self) noexcept nogil:
        self.interrupted.store(True)
        self.unblock()

    cdef int take(self, camkit_frame **out) except -1 nogil:
        return CAMKIT_FULL

    cdef int dequeue(self, camkit_frame **out, int64_t timeout_ns) except -1 nogil:
        raise NotImplementedError(f"{type(self).__name__} is a Backend without a dequeue()")

    cdef int queued(self) noexcept nogil:
        return 0

    cdef int wait_for_buffer(self, int64_t timeout_ns) except -1 nogil:
        raise NotImplementedError(f"{type(self).__name__} is a Backend without a wait_for_buffer()")

    cdef void unblock(self) noexcept nogil:
        pass
