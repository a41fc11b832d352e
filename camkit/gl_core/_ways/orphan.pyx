"""Orphan: our copy into a buffer whose old contents are given up, so that the driver need not wait for the GPU."""

from libc.stdint cimport uint8_t, uint32_t, uintptr_t

from camkit.gl_core._enums cimport (
    GL_MAP_INVALIDATE_BUFFER_BIT,
    GL_MAP_WRITE_BIT,
    GL_PIXEL_UNPACK_BUFFER,
    GL_STREAM_DRAW,
)
from camkit.gl_core._layout cimport copy_rows, plane_layout
from camkit.memory_manager._abi cimport camkit_frame


cdef class Orphan(OwnTextures):
    """The way of OpenGL 3.3 to a buffer, for drivers that can map none for good."""

    def __init__(self, functions, layout, candidate, memory=None):
        super().__init__(functions, layout, candidate, memory)
        self.gl.GenBuffers(1, &self.buffer)

    def delete(self):
        if self.buffer:
            self.gl.DeleteBuffers(1, &self.buffer)
            self.buffer = 0
        super().delete()

    cdef int upload(self, camkit_frame *f) except -1 nogil:
        cdef size_t size = self.layout.buffer_bytes
        cdef plane_layout *p
        cdef uint8_t *to
        cdef uint32_t i
        cdef bint good
        self.gl.BindBuffer(GL_PIXEL_UNPACK_BUFFER, self.buffer)
        self.gl.BufferData(GL_PIXEL_UNPACK_BUFFER, size, NULL, GL_STREAM_DRAW)
        to = <uint8_t *>self.gl.MapBufferRange(GL_PIXEL_UNPACK_BUFFER, 0, size,
                                               GL_MAP_WRITE_BIT | GL_MAP_INVALIDATE_BUFFER_BIT)
        if to != NULL:
            for i in range(self.layout.plane_count):
                p = &self.layout.planes[i]
                copy_rows(to + p.offset, p.row_bytes, f.planes[i].data, f.planes[i].stride, p.row_bytes, p.rows)
        good = to != NULL and self.gl.UnmapBuffer(GL_PIXEL_UNPACK_BUFFER)
        if good:
            self.turn()
            for i in range(self.layout.plane_count):
                p = &self.layout.planes[i]
                self.fill(i, <uintptr_t>p.offset, <uint32_t>p.row_bytes)
        self.gl.BindBuffer(GL_PIXEL_UNPACK_BUFFER, 0)
        if not good:
            self.why = b"the driver did not map a buffer" if to == NULL else b"the driver lost what a buffer held"
            return 0
        self.copied = self.layout.image_bytes
        return 1
