# What every camera backend shares. A backend is a subclass with the six methods below and a constructor; opening,
# closing, gaps, corrupt frames, running dry, stalls and counters are done once, here.
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libcpp.atomic cimport atomic

from camkit.memory_manager._abi cimport camkit_frame
from camkit.memory_manager._pool cimport FramePool
from camkit.performance_core._stage cimport Source


cdef extern from "camkit/gate.hpp" namespace "camkit" nogil:
    cdef cppclass gate:
        gate() noexcept
        gate(bint closed) noexcept
        bint enter() noexcept
        void leave() noexcept
        void close() noexcept
        void close_and_wait() noexcept
        void open() noexcept
        bint is_open() noexcept


cdef enum exhausted_policy:
    EXHAUSTED_COPY
    EXHAUSTED_DROP
    EXHAUSTED_BLOCK
    EXHAUSTED_RAISE


cdef enum:
    TAKE_NS = 500_000_000


ctypedef unsigned long ulong


cdef class Backend(Source):
    cdef readonly object info  # CameraInfo
    cdef readonly object request  # Request: what was asked for
    cdef readonly object events  # Events: what happens beside the frames
    cdef readonly object stream  # StreamInfo: what was got; the subclass sets it before prepare()
    cdef readonly bint streaming, closed
    cdef readonly uint64_t generation  # streams started so far
    cdef atomic[bint] interrupted  # interrupt() came and no next() has told so yet

    # The common part's own.
    cdef object lock  # of start, stop and close
    cdef object user  # weakref of the pipeline that it was last attached to, or None
    cdef FramePool spare  # where copies go; None unless on_exhausted is "copy"
    cdef exhausted_policy on_exhausted
    cdef bint drop_corrupt
    cdef int reserve  # buffers that must stay with the driver when a frame is handed out
    cdef gate *inside  # owned; closed: next() answers CAMKIT_END
    cdef atomic[bint] reading  # a thread is in next()
    cdef atomic[ulong] reader  # which, 0: none
    cdef camkit_frame *kept  # owned; taken for a reader that went away, and the next one's
    cdef bint first  # no frame of this stream was seen yet
    cdef bint recount  # the driver began to count anew in the middle of the stream
    cdef bint discontinuous  # the next frame handed out is to say that the source began anew by itself
    cdef uint32_t last_sequence  # the driver's own 32-bit number of the last frame
    cdef uint64_t sequence  # the same without wrap
    cdef uint64_t false_stamps  # frames whose time was not of the clock that the driver names
    cdef uint64_t lost  # frames lost since the last one handed out
    cdef int64_t stall_ns, waiting_since  # waiting_since is 0 while frames flow
    cdef uint64_t outages  # how often the camera went away and was waited for
    cdef int64_t outage_ns, outage_since  # of those that are over; when the present one began, or 0

    # ---- what a subclass writes ----
    # Begin to stream; the frames carry self.generation. An exception means that nothing was begun. With the GIL, and
    # nobody is in dequeue().
    cdef int stream_on(self) except -1
    # End the stream; frames that are out stay valid. A device that has gone away is no error. With the GIL, and nobody
    # is in dequeue().
    cdef int stream_off(self) except -1
    # Let the device go. Once, after stream_off(), with the GIL.
    cdef int give_up(self) except -1
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

    # ---- what it calls ----
    # The last act of its constructor, `stream` being set: make ready what the request's policies need. `image_bytes`
    # is the most that one frame can take.
    cdef int prepare(self, size_t image_bytes) except -1

    # The source has begun anew by itself: the account goes on, the next frame is marked.
    cdef void renew(self, uint64_t lost_frames) noexcept nogil

    cdef int fetch(self, camkit_frame **out, int64_t timeout_ns) except -1 nogil
    cdef int arrived(self, camkit_frame **frame) except -1 nogil
    cdef int stalled(self) except -1 nogil
    cdef int _check_outside(self, str what) except -1
    cdef int _check_unused(self) except -1
    cdef int end_stream(self) except -1
