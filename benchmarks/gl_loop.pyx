"""Frames through a sink as its thread takes them; the same without a driver; the same OpenGL calls without a sink."""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memset
from posix.time cimport CLOCK_THREAD_CPUTIME_ID, clock_gettime, timespec

from camkit.gl_core._enums cimport (
    GL_FRAMEBUFFER,
    GL_QUERY_RESULT,
    GL_SYNC_FLUSH_COMMANDS_BIT,
    GL_SYNC_GPU_COMMANDS_COMPLETE,
    GL_TEXTURE0,
    GL_TEXTURE_2D,
    GL_TIMESTAMP,
    GL_TRIANGLES,
    GL_UNPACK_ROW_LENGTH,
)
from camkit.gl_core._gl_table cimport gl_functions
from camkit.gl_core._layout cimport plane_layout
from camkit.gl_core._sink cimport GLSink
from camkit.gl_core._types cimport GLbitfield, GLenum, GLint, GLsync, GLuint
from camkit.memory_manager._abi cimport camkit_frame, camkit_frame_retain
from camkit.memory_manager._frame cimport Frame

from camkit.gl_core.context import headless

cdef int64_t SECOND = 1_000_000_000


cdef int64_t cpu_ns() noexcept nogil:
    cdef timespec t
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t)
    return t.tv_sec * SECOND + t.tv_nsec


# A driver that does nothing, at once.
cdef int64_t nothing() noexcept nogil:
    return 0


cdef GLsync a_fence(GLenum condition, GLbitfield flags) noexcept nogil:
    return <GLsync>1


cdef GLenum signalled(GLsync fence, GLbitfield flags, uint64_t timeout_ns) noexcept nogil:
    return 0x911A  # GL_ALREADY_SIGNALED


def stand_in(Frame frame not None, int fd, uint64_t pitch):
    """Take the memfd `fd` of a pool for the dma-buf of its frame; llvmpipe does, too."""
    cdef camkit_frame *f = frame.get()
    cdef uint32_t i
    for i in range(f.plane_count):
        f.planes[i].dmabuf_fd = fd
        f.planes[i].offset = <uint32_t>(frame.slot * pitch + (f.planes[i].data - f.planes[0].data))
    return frame


cdef struct bare_calls:
    GLuint timer
    GLsync fence  # behind the last frame


cdef class Loop(GLSink):
    """An Offscreen that is fed by hand."""

    def _open_context(self):
        return headless()

    cdef int feed(self, camkit_frame *f, int n) except -1 nogil:
        cdef int _i
        for _i in range(n):
            camkit_frame_retain(f)
            self.consume(f)
        return 0

    def begin(self, Frame frame not None, int fd, uint64_t pitch):
        """Start, and draw until all is warm. The memfd `fd` stands for the frame's dma-buf; -1: there is none."""
        cdef camkit_frame *f = frame.get()
        if fd >= 0:
            stand_in(frame, fd, pitch)
        self.start()
        with nogil:
            self.feed(f, 200)
            self._drain()

    def alone_ns(self, Frame frame not None, int n):
        """CPU time of this thread for a frame with a driver that does nothing: what is left is camkit's own."""
        cdef camkit_frame *f = frame.get()
        cdef gl_functions real = self.gl[0]
        cdef void **table = <void **>self.gl
        cdef int64_t begin, took
        cdef size_t i
        for i in range(sizeof(gl_functions) // sizeof(void *)):
            table[i] = <void *>nothing
        self.gl.FenceSync = a_fence
        self.gl.ClientWaitSync = signalled
        try:
            with nogil:
                begin = cpu_ns()
                self.feed(f, n)
                took = cpu_ns() - begin
                self._drain()
        finally:
            self.gl[0] = real
        return took / <double>n

    def pairs_ns(self, Frame frame not None, int64_t[:, ::1] took):
        """CPU time of this thread for a frame through the sink, and for its calls by bare function pointers.

        A row of `took` is a pair of neighbours, (sink, bare), and whether it was a 64th frame, when the sink looks at
        the GPU's clock and for errors. Who comes first alternates. The GPU has finished before each, so that neither
        waits for it, nor for the other's picture.
        """
        cdef camkit_frame *f = frame.get()
        cdef bare_calls bare
        cdef int i, turn, place
        cdef bint sends = not self.renderer.holds()
        memset(&bare, 0, sizeof(bare))
        self.gl.GenQueries(1, &bare.timer)
        with nogil:
            self._bare_frame(f, &bare, sends)
            for i in range(<int>took.shape[0]):
                took[i, 2] = self.drawn % 64 == 0
                for turn in range(2):
                    place = (i + turn) % 2
                    self.gl.Finish()
                    took[i, place] = self._bare_frame(f, &bare, sends) if place else self._own_frame(f)
            self.gl.Finish()
        self.gl.DeleteSync(bare.fence)
        self.gl.DeleteQueries(1, &bare.timer)

    cdef int64_t _own_frame(self, camkit_frame *f) except -1 nogil:
        cdef int64_t begin = cpu_ns()
        self.feed(f, 1)
        return cpu_ns() - begin

    cdef int64_t _bare_frame(self, camkit_frame *f, bare_calls *bare, bint sends) noexcept nogil:
        # The sink's own order: what became of the last frame, then this one.
        cdef gl_functions *gl = self.gl
        cdef plane_layout *p
        cdef uint64_t shown
        cdef uint32_t k
        cdef int64_t begin = cpu_ns()
        if bare.fence != NULL:
            gl.ClientWaitSync(bare.fence, GL_SYNC_FLUSH_COMMANDS_BIT, 0)
            gl.GetQueryObjectui64v(bare.timer, GL_QUERY_RESULT, &shown)
            gl.DeleteSync(bare.fence)
        if sends:
            gl.ActiveTexture(GL_TEXTURE0)
            for k in range(f.plane_count):
                p = &self.renderer.ladder.layout.planes[k]
                gl.BindTexture(GL_TEXTURE_2D, self.renderer.shown.textures[k])
                gl.PixelStorei(GL_UNPACK_ROW_LENGTH, <GLint>(f.planes[k].stride // p.texel_bytes))
                gl.TexSubImage2D(GL_TEXTURE_2D, 0, 0, 0, p.columns, p.rows, p.format, p.type, f.planes[k].data)
        gl.UseProgram(self.renderer.program)
        gl.BindVertexArray(self.renderer.vertex_array)
        gl.BindFramebuffer(GL_FRAMEBUFFER, self.renderer.picture.framebuffer)
        gl.Viewport(0, 0, f.width, f.height)
        for k in range(f.plane_count):
            gl.ActiveTexture(GL_TEXTURE0 + k)
            gl.BindTexture(GL_TEXTURE_2D, self.renderer.shown.textures[k])
        gl.DrawArrays(GL_TRIANGLES, 0, 3)
        gl.QueryCounter(bare.timer, GL_TIMESTAMP)
        bare.fence = gl.FenceSync(GL_SYNC_GPU_COMMANDS_COMPLETE, 0)
        gl.Flush()
        return cpu_ns() - begin
