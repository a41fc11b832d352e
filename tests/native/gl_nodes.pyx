"""A sink whose fences signal when the test says so, and which can be fed frame by frame."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from camkit cimport CAMKIT_OK, Frame, FramePool, Stage, camkit_frame, camkit_frame_release
from camkit.gl_core cimport GLSink
from camkit.gl_core._enums cimport GL_TIMEOUT_EXPIRED, GL_WAIT_FAILED
from camkit.gl_core._painter cimport Painter, painting
from camkit.gl_core._types cimport GLbitfield, GLenum, GLsync

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
