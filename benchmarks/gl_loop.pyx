"""Frames through a sink as its thread takes them; the same without a driver; the same OpenGL calls without a sink."""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from posix.time cimport CLOCK_THREAD_CPUTIME_ID, clock_gettime, timespec

from camkit.gl_core._enums cimport (
    GL_FRAMEBUFFER,
    GL_QUERY_RESULT,
    GL_SYNC_FLUSH_COMMANDS_BIT,
    GL_SYNC_GPU_COMMANDS_COMPLETE,
    GL_TEXTURE0,
    GL_TEXTURE_2D,
    GL_TIMEOUT_EXPIRED,
    GL_TIMESTAMP,
    GL_TRIANGLES,
)
from camkit.gl_core._gl_table cimport gl_functions
from camkit.gl_core._sink cimport GLSink
from camkit.gl_core._types cimport GLbitfield, GLenum, GLsync, GLuint
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
        cdef uint32_t i
        if fd >= 0:
            for i in range(f.plane_count):
                f.planes[i].dmabuf_fd = fd
                f.planes[i].offset = <uint32_t>(frame.slot * pitch + (f.planes[i].data - f.planes[0].data))
        self.start()
        with nogil:
            self.feed(f, 200)
            self._drain()

    def sink_ns(self, Frame frame not None, int n):
        """CPU time of this thread for a frame, with the driver."""
        cdef camkit_frame *f = frame.get()
        cdef int64_t begin, took
        with nogil:
            begin = cpu_ns()
            self.feed(f, n)
            took = cpu_ns() - begin
            self._drain()
        return took / <double>n

    def alone_ns(self, Frame frame not None, int n):
        """The same with a driver that does nothing: what is left is camkit's own."""
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

    def bare_ns(self, Frame frame not None, int n):
        """The sink's calls for a frame, one after the other, by bare function pointers: what the driver costs."""
        cdef camkit_frame *f = frame.get()
        cdef gl_functions gl = self.gl[0]
        cdef GLuint program = self.renderer.program, array = self.renderer.vertex_array
        cdef GLuint framebuffer = self.renderer.picture.framebuffer
        cdef GLuint[4] textures = self.renderer.shown.textures
        cdef int planes = self.renderer.shown.texture_count, width = f.width, height = f.height
        cdef GLuint[3] timers
        cdef GLsync[3] fences
        cdef uint64_t shown
        cdef int64_t begin, took
        cdef int i, _n, k, first = 0, count = 0
        gl.GenQueries(3, timers)
        with nogil:
            begin = cpu_ns()
            for _n in range(n):
                while count and gl.ClientWaitSync(fences[first], GL_SYNC_FLUSH_COMMANDS_BIT,
                                                  5 * SECOND if count == 3 else 0) != GL_TIMEOUT_EXPIRED:
                    gl.GetQueryObjectui64v(timers[first], GL_QUERY_RESULT, &shown)
                    gl.DeleteSync(fences[first])
                    first = (first + 1) % 3
                    count -= 1
                gl.UseProgram(program)
                gl.BindVertexArray(array)
                gl.BindFramebuffer(GL_FRAMEBUFFER, framebuffer)
                gl.Viewport(0, 0, width, height)
                for k in range(planes):
                    gl.ActiveTexture(GL_TEXTURE0 + k)
                    gl.BindTexture(GL_TEXTURE_2D, textures[k])
                gl.DrawArrays(GL_TRIANGLES, 0, 3)
                gl.QueryCounter(timers[(first + count) % 3], GL_TIMESTAMP)
                fences[(first + count) % 3] = gl.FenceSync(GL_SYNC_GPU_COMMANDS_COMPLETE, 0)
                count += 1
                gl.Flush()
            took = cpu_ns() - begin
        gl.Finish()
        for i in range(count):
            gl.DeleteSync(fences[(first + i) % 3])
        gl.DeleteQueries(3, timers)
        return took / <double>n
