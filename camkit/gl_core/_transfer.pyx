"""Transfer: one way of a frame's pixels into textures; what all ways have in common."""

from libc.stdint cimport uint8_t, uint32_t

from camkit.gl_core._enums cimport GL_TEXTURE0, GL_TEXTURE_2D
from camkit.gl_core._layout cimport plane_layout
from camkit.gl_core._texel_reader cimport TexelReader
from camkit.memory_manager._abi cimport allocate_pages, free_pages, huge_pages_no

import mmap

cdef size_t PAGE = mmap.PAGESIZE


cdef class Transfer:
    """One way from a camera's memory into textures; a row of the ladder makes it when its turn has come.

    What it needs is made by its constructor, which raises GLError when the driver refuses. Every method belongs to
    the thread where the context is current. Owns its OpenGL objects; one that is dropped without `delete` leaves them
    to the context.

    Parameters
    ----------
    functions : Functions
        Of the context.
    layout : Layout
        Of the frames.
    candidate : Candidate
        Its row in the ladder.
    memory : Memory, optional
        Where the first frame lies. None: that is not known yet.

    Attributes
    ----------
    rounds : int
        So many uploads use each of its textures and buffers once: a proof takes them all.
    """

    def __init__(self, Functions functions not None, Layout layout not None, candidate, memory=None):
        cdef int i
        self.functions = functions
        self.gl = &functions.f
        self.layout = layout
        self.name, self.tier, self.memory = candidate.name, candidate.tier, memory
        self.rounds = 1
        for i in range(4):
            self.fold[i] = 1

    def __dealloc__(self):
        free_pages(self.lent)

    def delete(self):
        """Delete all OpenGL objects. Twice is harmless."""

    def explain(self):
        """Tell in words what is worth knowing of this way beside its name; empty if nothing is."""
        return ""

    cdef int upload(self, camkit_frame *f) except -1 nogil:
        with gil:
            raise NotImplementedError(f"{type(self).__name__} has no upload()")

    cdef int lend(self, int k, camkit_frame *trial) except -1:
        cdef size_t bytes = 0
        cdef uint32_t i
        for i in range(trial.plane_count):
            trial.planes[i].size = <size_t>trial.planes[i].stride * self.layout.planes[i].rows
            bytes += trial.planes[i].size
        if self.lent.data == NULL and allocate_pages(self.lent, bytes, PAGE, huge_pages_no, True):
            raise MemoryError(f"no memory for a trial picture of {bytes} bytes")
        bytes = 0
        for i in range(trial.plane_count):
            trial.planes[i].data = self.lent.data + bytes
            bytes += trial.planes[i].size
        return 0

    cdef int end_trial(self) except -1:
        free_pages(self.lent)
        if self.reader is not None:
            self.reader.delete()
            self.reader = None
        return 0

    cdef int see(self, uint32_t plane, uint8_t *to) except -1:
        cdef plane_layout *p = &self.layout.planes[plane]
        return self.read(self.textures[plane], p, p.columns, p.rows, to)

    cdef int read(self, GLuint texture, plane_layout *p, int columns, int rows, uint8_t *to) except -1:
        if self.reader is None:
            self.reader = TexelReader(self.functions)
        return self.reader.read(texture, p.internal, p.format, p.type, columns, rows, to)

    cdef void bind(self) noexcept nogil:
        cdef uint32_t i
        for i in range(self.layout.plane_count):
            self.gl.ActiveTexture(GL_TEXTURE0 + i)
            self.gl.BindTexture(GL_TEXTURE_2D, self.textures[i])
            if self.rests[i]:
                self.gl.ActiveTexture(GL_TEXTURE0 + 4 + i)
                self.gl.BindTexture(GL_TEXTURE_2D, self.rests[i])

    cdef bint folding(self, int plane, GLint *out) noexcept nogil:
        cdef plane_layout *p = &self.layout.planes[plane]
        out[0] = 0
        while 1 << out[0] < self.fold[plane]:
            out[0] += 1
        out[1], out[2], out[3] = self.pitch[plane], p.columns, p.rows
        return out[0] > 0
