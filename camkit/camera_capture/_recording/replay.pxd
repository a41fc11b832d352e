from libc.stdint cimport int64_t, uint32_t, uint64_t

from camkit.camera_capture._timed cimport TimedBackend
from camkit.memory_manager._abi cimport camkit_frame
from camkit.memory_manager._pool cimport FramePool


cdef enum replay_next:
    NEXT_UNKNOWN
    NEXT_FRAME
    NEXT_TROUBLE
    NEXT_NOTHING


cdef class ReplayBackend(TimedBackend):
    cdef readonly object recording  # Recording
    cdef readonly list damages  # Damage found so far
    cdef bint realtime, loop, shifted, skips, faults
    cdef double skip_s
    cdef object lender  # of the caller's memory; None: it is our own
    cdef uint32_t memory  # camkit_memory_kind
    cdef FramePool pool  # of the stream; None without one
    cdef object walk  # iterator of the stream's items
    cdef object item  # what comes next: RecordedFrame, or an exception
    cdef tuple layout  # format, width, height and stride of the last frame
    cdef dict end  # the recorder's account, None before it came
    cdef replay_next upcoming
    cdef int64_t due  # when it comes, monotonic
    cdef int64_t began, first_ns  # when this pass began; when the recorder had its first frame
    cdef int64_t pause_ns, pass_ns  # between two passes; how much later this pass is than the first
    cdef int64_t had_ns  # when the recorder had the frame that dequeue() gives
    cdef uint64_t passed, base, highest  # frames of this pass; what is added to its numbers; the last number
    cdef uint64_t last_generation
    cdef uint64_t told[4]  # frames told as lost in this pass: driver, corrupt, pool, pipeline
    cdef uint64_t missing[4]  # the same before the frame that dequeue() gives

    cdef uint64_t count_losses(self) noexcept nogil
    cdef int advance(self) except -1
    cdef int plan(self, int64_t time_ns) except -1
    cdef int finish_pass(self) except -1
    cdef camkit_frame *load(self) except? NULL
    cdef int follow(self, camkit_frame *f) except -1
    cdef int count_missing(self, camkit_frame *f, dict lost) except -1
    cdef void place_in_time(self, camkit_frame *f) noexcept nogil
