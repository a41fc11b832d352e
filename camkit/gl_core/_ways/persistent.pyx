"""Persistent and Pinned: the camera wrote into memory of a buffer, from which the GPU fetches it; no CPU copies."""

from libc.stdint cimport uint32_t, uintptr_t

from camkit.gl_core._enums cimport GL_PIXEL_UNPACK_BUFFER
from camkit.gl_core._layout cimport plane_layout
from camkit.memory_manager._abi cimport allocate_pages, camkit_frame, camkit_plane, free_pages, huge_pages_no

import mmap

from camkit.gl_core._share_group import delete_buffer, map_buffer, pin_buffer

cdef size_t PAGE = mmap.PAGESIZE


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
        self.count = self.group.look(self.pinned, self.regions, MOST)
        return 0

    cdef int lend(self, int k, camkit_frame *trial) except -1:
        cdef size_t bytes = 0
        cdef uint32_t i
        for i in range(trial.plane_count):
            trial.planes[i].size = <size_t>trial.planes[i].stride * self.layout.planes[i].rows
            bytes += trial.planes[i].size
        if not self.trial.buffer:
            self._make_trial(bytes)
        bytes = 0
        for i in range(trial.plane_count):
            trial.planes[i].data = <unsigned char *>self.trial.begin + bytes
            bytes += trial.planes[i].size
        return 0

    cdef int _make_trial(self, size_t bytes) except -1:
        address, self.trial.buffer = map_buffer(self.functions, bytes)
        self.trial.begin, self.trial.end = address, address + bytes
        return 0

    cdef int end_trial(self) except -1:
        if self.trial.buffer:
            delete_buffer(self.functions, self.trial.buffer)
            self.trial.begin = self.trial.end = self.trial.buffer = 0
        return 0


cdef class Pinned(Persistent):
    """The same for pages of the process's own (GL_AMD_pinned_memory), in a pool that the sink made of such."""

    def __init__(self, functions, layout, candidate, memory=None):
        self.pinned = True
        super().__init__(functions, layout, candidate, memory)

    cdef int _make_trial(self, size_t bytes) except -1:
        cdef size_t whole = (bytes + PAGE - 1) // PAGE * PAGE
        if self.lent.data == NULL and allocate_pages(self.lent, whole, PAGE, huge_pages_no, True):
            raise MemoryError(f"no memory for a trial picture of {bytes} bytes")
        self.trial.buffer = pin_buffer(self.functions, <uintptr_t>self.lent.data, whole)
        self.trial.begin, self.trial.end = <uintptr_t>self.lent.data, <uintptr_t>self.lent.data + whole
        return 0

    cdef int end_trial(self) except -1:
        Persistent.end_trial(self)
        free_pages(self.lent)  # after the buffer that reads them
        return 0
