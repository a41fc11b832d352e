"""Client: OpenGL reads the frame's memory, and has read it when the call returns."""

from libc.stdint cimport uint32_t, uintptr_t

from camkit.memory_manager._abi cimport camkit_frame


cdef class Client(OwnTextures):
    """The copy that the driver makes; it takes every frame there is, so it is also what others fall back to."""

    def explain(self):
        return "row by row because the stride is no multiple of a texel" if self.layout.row_by_row else ""

    cdef int upload(self, camkit_frame *f) except -1 nogil:
        cdef uint32_t i
        self.turn()
        for i in range(self.layout.plane_count):
            self.fill(i, <uintptr_t>f.planes[i].data, f.planes[i].stride)
        self.copied = self.layout.image_bytes
        return 1
