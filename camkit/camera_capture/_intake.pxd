# The frames' half of a Backend: gaps, corrupt frames, running dry, stalls and counters are done once, here.
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libcpp.atomic cimport atomic

from camkit.memory_manager._abi cimport camkit_frame
from camkit.memory_manager._pool cimport FramePool
from camkit.performance_core._source cimport Source


cdef enum exhausted_policy:
    EXHAUSTED_COPY
    EXHAUSTED_DROP
    EXHAUSTED_BLOCK
    EXHAUSTED_RAISE


cdef enum:
    TAKE_NS = 500_000_000
    SLICE_NS = 100_000_000  # that a wait may keep Python's signal handlers waiting


cdef class Intake(Source):
    cdef readonly object stream  # StreamInfo: what was got; the subclass sets it before prepare()
    cdef atomic[bint] interrupted  # interrupt() came and no next() has told so yet
    cdef FramePool spare  # where copies go; None unless on_exhausted is "copy"
    cdef exhausted_policy on_exhausted
    cdef bint drop_corrupt
    cdef int reserve  # buffers that must stay with the driver when a frame is handed out
    cdef bint first  # no frame of this stream was seen yet
    cdef bint recount  # the driver began to count anew in the middle of the stream
    cdef bint discontinuous  # the next frame handed out is to say that the source began anew by itself
    cdef uint32_t last_sequence  # the driver's own 32-bit number of the last frame
    cdef uint64_t sequence  # the same without wrap
    cdef uint64_t false_stamps  # frames whose time was not of the clock that the driver names
    cdef uint64_t lost  # frames lost since the last one handed out
    cdef int64_t stall_ns, waiting_since  # waiting_since is 0 while frames flow

    # ---- what a backend writes ----
    # The next filled buffer as a frame with one reference; `sequence` holds the driver's 32-bit number, flags hold
    # CAMKIT_FRAME_CORRUPT where the driver says so or bytes are missing. Waits and answers as next() does.
    cdef int dequeue(self, camkit_frame **out, int64_t timeout_ns) except -1 nogil
    # The same in whatever way is cheapest while frames flow, for TAKE_NS at least and not much longer: then
    # CAMKIT_TIMEOUT. CAMKIT_FULL, as here: there is no such way, or not now.
    cdef int take(self, camkit_frame **out) except -1 nogil
    # Buffers that the driver has, to fill or filled.
    cdef int queued(self) noexcept nogil
    # Make f.sequence whole, count the frames lost before it by cause and return them. Optional: the numbers tell.
    cdef uint64_t number(self, camkit_frame *f) noexcept nogil
    # Wait until the driver has more than `reserve` buffers, under on_exhausted "block". May answer CAMKIT_OK early.
    cdef int wait_for_buffer(self, int64_t timeout_ns) except -1 nogil
    # Make one of these two that waits, or the next one that would, return CAMKIT_INTERRUPTED soon. Any thread.
    cdef void unblock(self) noexcept nogil

    # ---- what a Backend calls ----
    # Make ready what the request's policies need; `image_bytes` is the most that one frame can take.
    cdef int equip(self, request, size_t image_bytes) except -1
    # A stream begins: nothing is known of the frames before it.
    cdef void begin(self) noexcept
    # The next frame that is worth handing on, as next() answers. The only one that waits.
    cdef int fetch(self, camkit_frame **out, int64_t timeout_ns) except -1 nogil
    # The source has begun anew by itself: the account goes on, the next frame is marked.
    cdef void renew(self, uint64_t lost_frames) noexcept nogil

    cdef int arrived(self, camkit_frame **frame) except -1 nogil
    cdef int stalled(self) except -1 nogil
