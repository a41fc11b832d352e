"""Persistent: the camera wrote into a mapped buffer of OpenGL's, from which the GPU fetches it; no CPU copies."""

from libc.stdint cimport uint32_t, uintptr_t

from camkit.gl_core._enums cimport GL_PIXEL_UNPACK_BUFFER
from camkit.gl_core._layout cimport plane_layout
from camkit.memory_manager._abi cimport camkit_frame, camkit_plane

from camkit.gl_core._share_group import delete_buffer, map_buffer


cdef class Persistent(OwnTextures):
    """The command that takes a texture out of a buffer, for frames that lie in memory of the sink's `pool`."""

    def __init__(self, functions, layout, candidate, memory=None):
        super().__init__(functions, layout, candidate, memory)
        self.holds = True
        self.group = self.functions.group
        if self.group is not None:
            self._refresh()

    def delete(self):
        self.end_trial()
        super().delete()

    cdef int upload(self, camkit_frame *f) except -1 nogil:
        cdef gpu_region *found[4]
        cdef plane_layout *p
        cdef uint32_t i
        if self.group is not None and self.group.version.load() != self.version:
            with gil:
                self._refresh()
        for i in range(self.layout.plane_count):
            p = &self.layout.planes[i]
            found[i] = self._find(&f.planes[i], <size_t>f.planes[i].stride * (p.rows - 1) + p.row_bytes)
            if found[i] == NULL:
                self.why = b"its memory is not the GPU's, but that of another pool"
                return 0
        self.turn()
        for i in range(self.layout.plane_count):
            self.gl.BindBuffer(GL_PIXEL_UNPACK_BUFFER, found[i].buffer)
            self.fill(i, <uintptr_t>f.planes[i].data - found[i].begin, f.planes[i].stride)
        self.gl.BindBuffer(GL_PIXEL_UNPACK_BUFFER, 0)
        return 1

    cdef gpu_region *_find(self, const camkit_plane *p, size_t needed) noexcept nogil:
        cdef uintptr_t begin = <uintptr_t>p.data
        cdef int i
        for i in range(self.count):
            if self.regions[i].begin <= begin and begin + needed <= self.regions[i].end:
                return &self.regions[i]
        if self.trial.begin <= begin and begin + needed <= self.trial.end:
            return &self.trial
        return NULL

    cdef int _refresh(self) except -1:
        self.version = self.group.version.load()  # before looking: what comes in between is looked at again
        self.count = min(self.group.look(self.regions, MOST), <int>MOST)
        return 0

    cdef int lend(self, int k, camkit_frame *trial) except -1:
        cdef size_t bytes = 0
        cdef uint32_t i
        for i in range(trial.plane_count):
            trial.planes[i].size = <size_t>trial.planes[i].stride * self.layout.planes[i].rows
            bytes += trial.planes[i].size
        if not self.trial.buffer:
            address, self.trial.buffer = map_buffer(self.functions, bytes)
            self.trial.begin, self.trial.end = address, address + bytes
        bytes = 0
        for i in range(trial.plane_count):
            trial.planes[i].data = <unsigned char *>self.trial.begin + bytes
            bytes += trial.planes[i].size
        return 0

    cdef int end_trial(self) except -1:
        if self.trial.buffer:
            delete_buffer(self.functions, self.trial.buffer)
            self.trial.begin = self.trial.end = self.trial.buffer = 0
        return 0
