from libc.stdint cimport int64_t, uint64_t

from camkit.gl_core._display_clock cimport DisplayClock, shown_picture
from camkit.gl_core._metronome cimport Metronome
from camkit.performance_core._stats cimport histogram

cdef enum:
    OFF, LATCH, SMOOTH
    FLYING = 8
    DARK = 4  # pictures never shown in a row: the window is hidden

# A frame that waits for its turn.
cdef struct waiting_frame:
    int64_t stamp  # when it was taken, or else when it came; monotonic
    uint64_t sequence


# A picture that was handed over and of which nothing was heard yet.
cdef struct flying_picture:
    uint64_t number
    int64_t aim  # the vblank that it was meant for; 0: for none
    int64_t stamp  # 0: it has none on our clock


cdef class Pacer:
    cdef readonly str mode
    cdef int way
    cdef readonly DisplayClock clock
    cdef Metronome camera
    cdef int64_t wake_ns  # when choose() wants to be asked again; 0: with the next frame
    cdef int64_t aim  # the vblank that was decided about last
    cdef int64_t aimed  # of the picture that is to be drawn now; 0: it is for none
    cdef flying_picture flying[8]
    cdef int first, flies
    cdef uint64_t number
    cdef shown_picture heard
    # What a picture needs before its vblank.
    cdef int64_t work[64]
    cdef int64_t work_p95, deadline_ns
    cdef uint64_t worked_n
    cdef int hits, patience, missed_in_row
    cdef bint hopeless, shrunk
    # Smooth: the fixed delay, and which frame is on the screen.
    cdef int64_t lateness[128]
    cdef int64_t delay_ns, bias
    cdef uint64_t came_n, tardy
    cdef waiting_frame on
    cdef bint on_known
    cdef uint64_t camera_restarts, clock_restarts
    cdef readonly uint64_t shown, repeats, misses, unseen
    cdef int64_t last_shown
    cdef int dark
    cdef histogram *age  # owned, as the next one
    cdef histogram *latching
    cdef int64_t latched  # when the picture that is drawn now was to be begun; 0: at no certain moment

    # Which of the waiting frames, oldest first, is to be drawn now: its index; -1: none yet, and wake_ns says when to
    # ask again. The last `fresh` of them came since the last question.
    cdef int choose(self, const waiting_frame *frames, int count, int fresh, int64_t now) noexcept nogil
    # Around the call that shows a picture.
    cdef void swapping(self, int64_t stamp, int64_t now) noexcept nogil
    cdef void swapped(self, int64_t begun, int64_t now) noexcept nogil
    # From the begin of a drawing to the moment when the GPU had done it.
    cdef void worked(self, int64_t ns) noexcept nogil
    # Take in what the display has said; of one picture; of another screen.
    cdef void settle(self, int64_t now) noexcept nogil
    cdef void told(self, const shown_picture *heard) noexcept nogil
    cdef void renew(self) noexcept nogil

    # Picture `number` is under way. Nothing more will be heard: what is under way counts as unseen.
    cdef void fly(self, int64_t stamp) noexcept nogil
    cdef void give_up(self) noexcept nogil

    cdef int64_t need(self) noexcept nogil
    cdef int nearest(self, const waiting_frame *frames, int count, int64_t vblank) noexcept nogil
    cdef int64_t target(self, const waiting_frame *frame) noexcept nogil
    cdef void came(self, const waiting_frame *frame, int64_t now) noexcept nogil
    cdef void count_shown(self, flying_picture *picture, int64_t ns) noexcept nogil
    cdef void adapt(self, bint missed) noexcept nogil
    cdef void reset(self) noexcept
