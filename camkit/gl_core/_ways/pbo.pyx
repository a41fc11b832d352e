"""Pbo: our copy into a persistently mapped buffer, from which the GPU takes it when it has time."""

from libc.stdint cimport uint32_t, uintptr_t
from libc.string cimport memset

from camkit.gl_core._enums cimport (
    GL_MAP_COHERENT_BIT,
    GL_MAP_PERSISTENT_BIT,
    GL_MAP_WRITE_BIT,
    GL_PIXEL_UNPACK_BUFFER,
    GL_SYNC_FLUSH_COMMANDS_BIT,
    GL_SYNC_GPU_COMMANDS_COMPLETE,
    GL_TIMEOUT_EXPIRED,
    GL_WAIT_FAILED,
)
from camkit.gl_core._gl cimport GLenum
from camkit.gl_core._layout cimport copy_rows, plane_layout
from camkit.memory_manager._abi cimport camkit_frame

from camkit.errors import GLError, GLTimeout

cdef long long GPU_PATIENCE_NS = 5_000_000_000
cdef int FLAGS = GL_MAP_WRITE_BIT | GL_MAP_PERSISTENT_BIT | GL_MAP_COHERENT_BIT


cdef class Pbo(OwnTextures):
    """A ring of three mapped buffers, each behind a fence; up to six while the GPU is busy with all of them."""

    def __init__(self, functions, layout, candidate, memory=None):
        super().__init__(functions, layout, candidate, memory)
        self.rounds = FEWEST
        try:
            self._make_buffers()
        except BaseException:
            self.delete()
            raise

    def delete(self):
        cdef int i
        for i in range(self.count):
            if self.ring[i].fence != NULL:
                self.gl.DeleteSync(self.ring[i].fence)
            self.gl.DeleteBuffers(1, &self.ring[i].name)  # unmaps it too
        memset(self.ring, 0, sizeof(self.ring))
        self.count = 0
        super().delete()

    def explain(self):
        return f"the GPU was so busy that it took {self.count} buffers" if self.count > FEWEST else ""

    def _make_buffers(self):
        cdef int i
        if self.gl.BufferStorage == NULL:
            raise GLError("the driver has no GL_ARB_buffer_storage (OpenGL 4.4)")
        for i in range(FEWEST):
            made = self._make(&self.ring[i])
            self.count += 1
            self.functions.check(f"map a buffer of {self.layout.buffer_bytes} bytes")
            if not made:
                raise GLError(f"the driver did not map a buffer of {self.layout.buffer_bytes} bytes")

    cdef int upload(self, camkit_frame *f) except -1 nogil:
        cdef int at = self._next()
        cdef pixel_buffer *b = &self.ring[at]
        cdef plane_layout *p
        cdef uint32_t i
        self.last = at
        self.turn()
        self.gl.BindBuffer(GL_PIXEL_UNPACK_BUFFER, b.name)
        for i in range(self.layout.plane_count):
            p = &self.layout.planes[i]
            copy_rows(b.map + p.offset, p.row_bytes, f.planes[i].data, f.planes[i].stride, p.row_bytes, p.rows)
            self.fill(i, <uintptr_t>p.offset, <uint32_t>p.row_bytes)
        self.gl.BindBuffer(GL_PIXEL_UNPACK_BUFFER, 0)
        b.fence = self.gl.FenceSync(GL_SYNC_GPU_COMMANDS_COMPLETE, 0)
        if b.fence == NULL:
            with gil:
                self.functions.fail_lost("put a fence behind an upload", "glFenceSync() returned nothing")
        self.copied = self.layout.image_bytes
        return 1

    cdef int _next(self) except -1 nogil:
        cdef int oldest = (self.last + 1) % self.count
        cdef pixel_buffer more
        cdef int i
        if self._idle(&self.ring[oldest], 0):
            return oldest
        if self.count < MOST and self._make(&more):
            for i in range(self.count, self.last + 1, -1):
                self.ring[i] = self.ring[i - 1]
            self.count += 1
            self.ring[self.last + 1] = more
            return self.last + 1
        if not self._idle(&self.ring[oldest], GPU_PATIENCE_NS):
            with gil:
                self.functions.check("upload a frame")
                raise GLTimeout(f"cannot upload a frame: {self.functions.renderer!r} did not finish an older one "
                                f"within {GPU_PATIENCE_NS // 1_000_000_000} s; the GPU hangs")
        return oldest

    cdef bint _make(self, pixel_buffer *b) noexcept nogil:
        memset(b, 0, sizeof(pixel_buffer))
        self.gl.GenBuffers(1, &b.name)
        self.gl.BindBuffer(GL_PIXEL_UNPACK_BUFFER, b.name)
        self.gl.BufferStorage(GL_PIXEL_UNPACK_BUFFER, self.layout.buffer_bytes, NULL, FLAGS)
        b.map = <uint8_t *>self.gl.MapBufferRange(GL_PIXEL_UNPACK_BUFFER, 0, self.layout.buffer_bytes, FLAGS)
        self.gl.BindBuffer(GL_PIXEL_UNPACK_BUFFER, 0)
        if b.map == NULL and self.count >= FEWEST:
            # It is only that there is no room for another one: what the frame before did is asked for elsewhere.
            self.gl.DeleteBuffers(1, &b.name)
            self.gl.GetError()
        return b.map != NULL

    cdef bint _idle(self, pixel_buffer *b, long long timeout_ns) except -1 nogil:
        cdef GLenum answer
        if b.fence == NULL:
            return True
        answer = self.gl.ClientWaitSync(b.fence, GL_SYNC_FLUSH_COMMANDS_BIT, timeout_ns)
        if answer == GL_TIMEOUT_EXPIRED:
            return False
        if answer == GL_WAIT_FAILED:
            with gil:
                self.functions.fail_lost("wait for the GPU", "glClientWaitSync() said GL_WAIT_FAILED")
        self.gl.DeleteSync(b.fence)
        b.fence = NULL
        return True
