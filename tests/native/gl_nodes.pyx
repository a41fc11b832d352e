"""A sink whose fences signal when the test says so, and which can be fed frame by frame."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from posix.unistd cimport usleep

from camkit cimport CAMKIT_OK, Frame, FramePool, Source, Stage, camkit_frame, camkit_frame_release
from camkit.gl_core cimport GLSink
from camkit.gl_core._enums cimport (
    GL_READ_FRAMEBUFFER,
    GL_RGBA,
    GL_TIMEOUT_EXPIRED,
    GL_UNSIGNED_BYTE,
    GL_WAIT_FAILED,
)
from camkit.gl_core._flights cimport FLIGHTS
from camkit.gl_core._painter cimport Painter, painting
from camkit.gl_core._types cimport GLbitfield, GLenum, GLsync

from time import monotonic

from camkit.gl_core.context import headless

ctypedef GLenum (*wait_function)(GLsync, GLbitfield, uint64_t) noexcept nogil

cdef wait_function real_wait
cdef void (*real_finish)() noexcept nogil
cdef GLenum answer = 0  # of every fence; 0: the driver's own
cdef FramePool watched
cdef uint32_t free_at_finish


cdef GLenum gated(GLsync fence, GLbitfield flags, uint64_t timeout_ns) noexcept nogil:
    return answer if answer else real_wait(fence, flags, timeout_ns)


cdef void finish() noexcept nogil:
    global free_at_finish
    free_at_finish = watched.pool.slots.free_count()
    real_finish()


cdef class Failing(Painter):
    cdef int paint(self, painting *p) except -1 nogil:
        with gil:
            raise ValueError("this painter fails")


cdef class Gated(GLSink):
    """Draw frames whose memory the GPU is said to read until their fence has signalled."""

    cdef public bint holding

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.holding = True

    def _open_context(self):
        return headless()

    def begin(self, FramePool pool not None):
        """Start, with all calls about fences under our control."""
        global real_wait, real_finish, watched, answer
        self.start()
        answer = 0
        watched = pool
        real_wait, self.gl.ClientWaitSync = self.gl.ClientWaitSync, gated
        real_finish, self.gl.Finish = self.gl.Finish, finish

    def feed(self, Frame frame not None):
        """Consume a frame as a pipeline's thread does."""
        cdef camkit_frame *c = frame.share()
        try:
            self.consume(c)
        except BaseException:
            camkit_frame_release(c)  # it stayed ours
            raise

    def paint_badly(self):
        """Let every drawing fail after the GPU was told to begin; before the start."""
        self.painters.add(Failing())

    def look(self):
        """Look for finished frames once, without waiting. Returns whether any is under way."""
        return bool(self.idle(0))

    def gl_finish(self):
        """Wait for the GPU."""
        real_finish()

    @property
    def under_way(self):
        return self.flights.count

    cdef int consume(self, camkit_frame *frame) except -1 nogil:
        self.renderer.ladder.taken.holds = self.holding
        return GLSink.consume(self, frame)


def fences(str what):
    """Let every fence answer that it is `busy`, `lost`, or what the driver says (`real`)."""
    global answer
    answer = {"busy": GL_TIMEOUT_EXPIRED, "lost": GL_WAIT_FAILED, "real": 0}[what]


def seen_at_finish():
    """Free slots of the pool when glFinish was called last."""
    return free_at_finish


def stand_in(Frame frame not None, int fd, size_t begin):
    """Let a file stand for the dma-buf of a frame that lies in it from `begin` on."""
    tell(frame.get(), fd, begin)
    return frame


cdef void tell(camkit_frame *f, int fd, size_t begin) noexcept nogil:
    cdef uint32_t i
    cdef uint8_t *first = f.planes[0].data
    for i in range(f.plane_count):
        f.planes[i].dmabuf_fd = fd
        f.planes[i].offset = <uint32_t>(begin + (f.planes[i].data - first))


cdef class StandIn(Stage):
    """Let the memfd of the pool where frames come from stand for their dma-bufs."""

    cdef int fd
    cdef size_t pitch

    def __init__(self, pool):
        super().__init__()
        self.fd, self.pitch = pool.fd, pool.pitch

    cdef int work(self, camkit_frame *frame, camkit_frame *out) except -1 nogil:
        tell(frame, self.fd, frame.slot * self.pitch)
        return CAMKIT_OK


def set_generation(Frame frame not None, int generation):
    """Let a frame be one of another stream."""
    frame.get().generation = generation


cdef class Stamp(Stage):
    """Write each frame's number into the first and the last row of its picture, and another grey into all between."""

    cdef int work(self, camkit_frame *frame, camkit_frame *out) except -1 nogil:
        cdef uint8_t *rows = frame.planes[0].data
        cdef size_t last = <size_t>frame.planes[0].stride * (frame.height - 1)
        cdef uint32_t number = <uint32_t>frame.sequence
        memcpy(rows, &number, 4)
        memset(rows + frame.planes[0].stride, number & 0xFF, last - frame.planes[0].stride)
        memcpy(rows + last, &number, 4)
        return CAMKIT_OK


cdef class Torn(GLSink):
    """Count torn pictures: those whose first and last row are of different frames, or of none that was drawn.

    Every second picture is looked at, when the GPU is done with it and the frames have gone back as they do; so there
    are two drawings at a time for a frame to be taken for the other. `reckless`: frames go back at once.
    """

    cdef bint reckless, second
    cdef readonly int seen, torn, wrong

    def __init__(self, reckless, **options):
        super().__init__(**options)
        self.reckless = reckless

    def _open_context(self):
        return headless()

    cdef int consume(self, camkit_frame *frame) except -1 nogil:
        cdef uint32_t number = <uint32_t>frame.sequence, first, last
        cdef int i
        GLSink.consume(self, frame)
        if self.reckless:
            for i in range(FLIGHTS):
                if self.flights.flights[i].frame != NULL:
                    camkit_frame_release(self.flights.flights[i].frame)
                    self.flights.flights[i].frame = NULL
        self.second = not self.second
        if self.second:
            return CAMKIT_OK
        while self.flights.count:
            self.idle(0)
        first, last = self.row(0), self.row(self.renderer.picture.height - 1)
        self.seen += 1
        self.torn += first != last
        self.wrong += first != number or last != number
        return CAMKIT_OK

    cdef uint32_t row(self, int y) noexcept nogil:
        # Four grey pixels are the four bytes of the number.
        cdef uint8_t pixels[16]
        cdef uint32_t number = 0
        cdef int i
        self.gl.BindFramebuffer(GL_READ_FRAMEBUFFER, self.renderer.picture.framebuffer)
        self.gl.ReadPixels(0, y, 4, 1, GL_RGBA, GL_UNSIGNED_BYTE, pixels)
        for i in range(4):
            number |= <uint32_t>pixels[4 * i] << 8 * i
        return number


def hold_the_gil(list sources not None, uint64_t frames, double timeout):
    """Keep the GIL until each source has lent so many frames more, or for `timeout` seconds; return the fewest."""
    cdef volatile uint64_t *taken[8]
    cdef uint64_t before[8]
    cdef uint64_t fewest = 0
    cdef double until = monotonic() + timeout
    cdef int i
    for i, source in enumerate(sources):
        taken[i] = taken_of(source)
        before[i] = taken[i][0]
    while fewest < frames and monotonic() < until:
        usleep(1000)
        fewest = min([taken[i][0] - before[i] for i in range(len(sources))])
    return fewest


cdef uint64_t *taken_of(Source source) except NULL:
    return &source.counters.taken
