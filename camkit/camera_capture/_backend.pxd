# What every camera backend shares. A backend implements dequeue(), queued(), interrupt() and the Python methods start(),
# stop(), close(); the rest (gaps, corrupt frames, running dry, stalls, counters) is done once, here.
from libc.stdint cimport int64_t, uint32_t, uint64_t

from camkit.memory_manager._abi cimport camkit_frame
from camkit.memory_manager._pool cimport FramePool
from camkit.performance_core._stage cimport Source


cdef extern from "camkit/gate.hpp" namespace "camkit" nogil:
    cdef cppclass gate:
        gate() noexcept
        gate(bint closed) noexcept
        bint enter() noexcept
        void leave() noexcept
        void close_and_wait() noexcept
        void open() noexcept
        bint is_open() noexcept


cdef enum exhausted_policy:
    EXHAUSTED_COPY
    EXHAUSTED_DROP
    EXHAUSTED_BLOCK
    EXHAUSTED_RAISE


cdef class Backend(Source):
    cdef readonly object info  # CameraInfo
    cdef readonly object request  # Request: what was asked for
    cdef readonly object stream  # StreamInfo: what was got
    cdef FramePool spare  # where copies go; None unless on_exhausted is "copy"
    cdef exhausted_policy on_exhausted
    cdef bint drop_corrupt
    cdef int reserve  # buffers that must stay with the driver when a frame is handed out
    cdef gate *inside  # owned; closed: next() answers CAMKIT_END
    cdef bint first  # no frame of this stream was seen yet
    cdef uint32_t last_sequence  # the driver's own 32-bit number of the last frame
    cdef uint64_t sequence  # the same without wrap
    cdef int64_t stall_ns, waiting_since  # waiting_since is 0 while frames flow

    # ---- for subclasses ----
    # The next filled buffer as a frame with one reference; `sequence` holds the driver's 32-bit number, flags hold
    # CAMKIT_FRAME_CORRUPT where the driver says so or bytes are missing. Same answers as next().
    cdef int dequeue(self, camkit_frame **out, int64_t timeout_ns) except -1 nogil
    # Buffers that the driver can still fill.
    cdef int queued(self) noexcept nogil
    # Forget the last stream's numbers: start() of a subclass calls this before the first frame.
    cdef void begin(self) noexcept nogil
