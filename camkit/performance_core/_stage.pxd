from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from camkit.memory_manager._abi cimport camkit_frame
from camkit.performance_core._node cimport Node


cdef extern from "camkit/stage_pool.hpp" namespace "camkit" nogil:
    cdef cppclass stage_pool:
        @staticmethod
        stage_pool *make(uint32_t slots, uint32_t format, uint32_t width, uint32_t height, size_t room, int *error)
        @staticmethod
        stage_pool *make_aligned "make"(uint32_t slots, uint32_t format, uint32_t width, uint32_t height, size_t room,
                                        int *error, size_t stride, size_t alignment)
        @staticmethod
        stage_pool *over(uint32_t slots, uint32_t format, uint32_t width, uint32_t height, size_t stride,
                         uint8_t *const *data, const int *fds, const uint32_t *offsets,
                         void (*give_up)(void *) noexcept nogil, void *owner, int *error)
        uint8_t *data(uint32_t slot) noexcept
        void announce(uint32_t slot, bint begin) noexcept
        camkit_frame *take(int64_t timeout_ns) noexcept
        uint32_t capacity() noexcept
        uint32_t high_water() noexcept
        void unref() noexcept
    bint held_alone(const camkit_frame *f) noexcept


cdef struct stage_counters:
    # Frames lost here, by cause, and the copies made. Written by the stage's own thread, read by any.
    uint64_t bad, pool
    uint64_t copies, copied_bytes


cdef class Stage(Node):
    cdef stage_counters counters  # bad and pool are the worker's to count, by what process() answers
    cdef readonly tuple inputs  # of FrameSpec: what it takes; empty: anything
    cdef readonly object output  # FrameSpec, function of one, or None
    cdef readonly bint writes
    cdef readonly int slots
    cdef readonly str when_dry
    cdef const char *why_bad  # borrowed for good: a literal
    cdef uint64_t bad_sequence
    # What ready() needs. The pool is owned; format, width and height are those of the frames agreed to.
    cdef stage_pool *pool
    cdef bint checks, waits
    cdef uint32_t format, width, height
    cdef object agreed, given  # FrameSpec or None

    # ---- what a subclass writes: one of these, docs/design/15-stages.md ----
    # Look at the frame, or change it if the stage writes; with an output, make `out` of it. Both are borrowed. Returns
    # CAMKIT_OK, CAMKIT_DROP or CAMKIT_BAD_FRAME.
    cdef int work(self, camkit_frame *frame, camkit_frame *out) except -1 nogil
    # The whole way, with references: look at *frame, change it if it is writable, or put another frame there (release
    # the old one, hand over a reference to the new one), and return CAMKIT_OK. Or release *frame, set it to NULL and
    # return
    #   CAMKIT_DROP       the frame is to go no further
    #   CAMKIT_BAD_FRAME  the stage can do nothing with it; the pipeline goes on with the next one
    #   CAMKIT_FULL       there was no slot for what the stage makes of it
    # Or leave *frame where it is and return CAMKIT_TIMEOUT: the stage waits for something, for 0.1 s at the most, and
    # wants to be asked again unless the run is over. On an error *frame stays the caller's.
    cdef int process(self, camkit_frame **frame) except -1 nogil
    # process() for n frames: what it answers for frames[i] is in answers[i]. Called with a batch of several only. On an
    # error the frames that the stage did not come to have -1 for an answer, and stay the caller's; with CAMKIT_TIMEOUT
    # for an answer of one, all after it have the same.
    cdef int process_n(self, camkit_frame **frames, int *answers, int n) except -1 nogil

    # ---- what process() may call ----
    # Check the frame's format, put a copy in its place if the stage writes and it may not be written, take a slot with
    # its description if the stage has an output. Answers other than CAMKIT_OK are process()'s own.
    cdef int ready(self, camkit_frame **frame, camkit_frame **out) except -1 nogil
    # Turn what work() answered into what process() does.
    cdef int finish(self, camkit_frame **frame, camkit_frame *out, int answer) except -1 nogil
    # Release *frame and answer CAMKIT_BAD_FRAME. `why` is a literal, or NULL.
    cdef int bad(self, camkit_frame **frame, const char *why) noexcept nogil

    cdef bint agreed_to(self, const camkit_frame *frame) noexcept nogil
    cdef int agree(self, camkit_frame *frame) except -1
    cdef int make_pool(self, spec, size_t room) except -1
    cdef bint format_is(self, spec)
    cdef int private_copy(self, camkit_frame **frame) except -1 nogil
    cdef camkit_frame *slot(self, camkit_frame *like, int *answer) noexcept nogil
