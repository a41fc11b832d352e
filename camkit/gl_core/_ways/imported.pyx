"""Imported: the camera's memory is the texture."""

from cpython.buffer cimport PyBUF_READ
from cpython.memoryview cimport PyMemoryView_FromMemory
from libc.stdint cimport uint8_t, uint32_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcmp, memcpy, memset
from posix.stat cimport fstat, struct_stat

from camkit.gl_core._dmabuf_image cimport dmabuf_rows
from camkit.gl_core._enums cimport (
    GL_CLAMP_TO_EDGE,
    GL_MAX_TEXTURE_SIZE,
    GL_NEAREST,
    GL_TEXTURE0,
    GL_TEXTURE_2D,
    GL_TEXTURE_MAG_FILTER,
    GL_TEXTURE_MIN_FILTER,
    GL_TEXTURE_WRAP_S,
    GL_TEXTURE_WRAP_T,
    GL_UNPACK_ALIGNMENT,
    GL_UNPACK_ROW_LENGTH,
)
from camkit.gl_core._layout cimport plane_layout
from camkit.gl_core._types cimport GLint
from camkit.memory_manager._abi cimport camkit_frame
from camkit.memory_manager._frame cimport Frame

from math import gcd

from camkit.errors import ContextLost, GLError
from camkit.gl_core import dmabufs
from camkit.gl_core._dmabuf_image import DmabufImages

cdef extern from * nogil:
    """
    #if defined(__linux__)
    #include "camkit/shared_memory.hpp"
    static inline int camkit_flush_cpu(int fd) { return camkit::sync_dmabuf(fd, false, true); }
    #else
    static inline int camkit_flush_cpu(int fd) { (void)fd; return 0; }
    #endif
    """
    int camkit_flush_cpu(int fd) noexcept

cdef int PITCH = 256  # bytes: what every GPU takes as a multiple
cdef int LOOKS = 4  # at a buffer whose pages are too alike for one comparison to tell them apart
cdef int GRACE = 32  # uploads: two streams may take turns, and one that has ended lets go of its memory
cdef dict FOURCC = {  # by bytes of a texel and of a sample: DRM's name of the texture's own bytes
    (1, 1): 0x20203852, (2, 1): 0x38385247, (4, 1): 0x34324241, (2, 2): 0x20363152,  # R8, GR88, AB24, R16
}


cdef class Imported(Transfer):
    """Textures that lie in the frames' own dma-bufs: nothing is copied by anybody.

    Each plane of each buffer is imported once, as bytes and not as video, so that no driver has a say in colour. A
    buffer that is seen for the first time is compared with what the GPU reads of it, all of it, for drivers accept
    what they then read wrongly. A frame that has no dma-buf, or lies otherwise than the first, is none for this way.
    """

    def __cinit__(self):
        self.known = <known_buffer *>calloc(MOST, sizeof(known_buffer))
        if self.known == NULL:
            raise MemoryError("no memory for a list of buffers")

    def __dealloc__(self):
        free(self.known)

    def __init__(self, functions, layout, candidate, memory=None):
        cdef GLint largest = 0
        # Without a frame, as in a trial of the driver alone, any memory that can be had is as good.
        super().__init__(functions, layout, candidate, memory or dmabufs.memory_for(layout))
        self.images = DmabufImages(functions)
        self.gl.GetIntegerv(GL_MAX_TEXTURE_SIZE, &largest)
        self.largest = largest
        self.holds = True
        self.rounds = 2
        self.syncs = dmabufs.caches_need_flushing()
        self.exporter = dmabufs.exporter_of(memory.dmabufs[0]) if memory is not None else dmabufs.own_exporter()
        self.tier = dmabufs.tier_of(self.exporter)

    def delete(self):
        cdef int i
        for i in range(self.count):
            self._drop(&self.known[i])
        self.count = 0
        if self.reader is not None:
            self.reader.delete()
            self.reader = None

    def explain(self):
        cdef uint32_t i
        words = [f"dma-bufs of {self.exporter or 'an unknown exporter'}, {self.imports} import(s) for {self.uploads} "
                 f"frame(s), by {self.images.binding}"]
        for i in range(self.layout.plane_count):
            if self.fold[i] > 1:
                words.append(f"{self.fold[i]} rows of plane {i} as one, for the driver refused them "
                             f"{self.layout.strides[i]} bytes apart")
            if self._whole(i) < self.layout.planes[i].rows:
                words.append(f"the last {self.layout.planes[i].rows - self._whole(i)} rows of plane {i} are copied")
        return ", ".join(words)

    cdef int upload(self, camkit_frame *f) except -1 nogil:
        cdef plane_place places[4]
        cdef struct_stat about
        cdef known_buffer *b
        cdef uint32_t i
        cdef int fd = -1
        self.copied = 0
        for i in range(self.layout.plane_count):
            if f.planes[i].dmabuf_fd < 0:
                self.why = b"it has no dma-buf"
                return 0
            if f.planes[i].stride != self.layout.planes[i].stride:
                self.why = b"its rows are not as far apart as those of the first frame"
                return 0
            if f.planes[i].dmabuf_fd != fd:
                fd = f.planes[i].dmabuf_fd
                if fstat(fd, &about):
                    self.why = b"its descriptor is not open any more"
                    return 0
                if self.syncs:
                    camkit_flush_cpu(fd)
            places[i].device, places[i].inode, places[i].offset = about.st_dev, about.st_ino, f.planes[i].offset
        self.uploads += 1
        if f.pool != self.pool or f.generation != self.generation:
            self.pool, self.generation = f.pool, f.generation
            self.strangers_until = self.uploads + GRACE
        elif self.strangers_until and self.uploads > self.strangers_until:
            self._sweep()
        b = self._find(places)
        if b == NULL or b.looks and self.lender is None:
            with gil:
                b = &self.known[self._see(f, b, places)]
        b.used = self.uploads
        b.pool, b.generation = f.pool, f.generation
        if b.bad:
            self.why = self.verdict
            return 0
        for i in range(self.layout.plane_count):
            self.textures[i] = b.planes[i].name
            self.rests[i] = b.rests[i]
            if b.rests[i]:
                self._upload_rest(f, b, i)
        return 1

    cdef known_buffer *_find(self, const plane_place *places) noexcept nogil:
        # Buffers come round in their order as a rule.
        cdef int n, i
        cdef uint32_t k
        for n in range(1, self.count + 1):
            i = (self.last + n) % self.count
            for k in range(self.layout.plane_count):
                if memcmp(&self.known[i].places[k], &places[k], sizeof(plane_place)):
                    break
            else:
                self.last = i
                return &self.known[i]
        return NULL

    cdef int _see(self, camkit_frame *f, known_buffer *b, const plane_place *places) except -1:
        # Import a buffer, or look at it again. Returns its place in the list.
        cdef uint32_t i
        try:
            if b == NULL:
                b = self._room()
                for i in range(self.layout.plane_count):
                    b.places[i] = places[i]
                b.looks = LOOKS
                self.imports += 1
                for i in range(self.layout.plane_count):
                    self._import(f, b, i)
                self.settled = True
            else:
                for i in range(self.layout.plane_count):
                    self._compare(f, b, i)
            b.looks = 0 if dmabufs.pages_differ(self._pages(f)) else b.looks - 1
        except ContextLost:
            raise
        except GLError as error:
            self.words = str(error).encode()
            self.verdict = self.words
            b.bad, b.looks = True, 0
            for i in range(4):
                self.images.drop(&b.planes[i])
        return <int>(b - self.known)

    cdef known_buffer *_room(self) noexcept nogil:
        cdef int i, oldest = 0
        if self.count < MOST:
            self.count += 1
            self.last = self.count - 1
            return &self.known[self.last]
        for i in range(MOST):
            if self.known[i].used < self.known[oldest].used:
                oldest = i
        self._drop(&self.known[oldest])
        self.last = oldest
        return &self.known[oldest]

    cdef int _import(self, camkit_frame *f, known_buffer *b, uint32_t plane) except -1:
        cdef int fold
        cdef GLuint name = 0
        cdef plane_layout *p = &self.layout.planes[plane]
        stride = p.stride
        folds = [self.fold[plane]]
        several = PITCH // gcd(stride, PITCH)
        if not self.settled and several > 1 and stride % p.texel_bytes == 0 and p.rows >= several and (
                several * stride // p.texel_bytes <= <size_t>self.largest):
            folds.append(several)
        reasons = []
        for fold in folds:
            try:
                self._import_folded(f, b, plane, fold)
                break
            except ContextLost:
                raise
            except GLError as error:
                self.images.drop(&b.planes[plane])
                reasons.append(str(error) if fold == 1 else f"with {fold} rows as one: {error}")
        else:
            self.fold[plane] = folds[0]
            raise GLError("; ".join(reasons))
        if self._whole(plane) < p.rows:
            self.gl.GenTextures(1, &name)
            b.rests[plane] = name
            self.gl.BindTexture(GL_TEXTURE_2D, name)
            self.gl.TexImage2D(GL_TEXTURE_2D, 0, <GLint>p.internal, p.columns, p.rows - self._whole(plane), 0, p.format,
                               p.type, NULL)
            self.gl.TexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MIN_FILTER, GL_NEAREST)
            self.gl.TexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MAG_FILTER, GL_NEAREST)
            self.gl.TexParameteri(GL_TEXTURE_2D, GL_TEXTURE_WRAP_S, GL_CLAMP_TO_EDGE)
            self.gl.TexParameteri(GL_TEXTURE_2D, GL_TEXTURE_WRAP_T, GL_CLAMP_TO_EDGE)
            self.functions.check("make a texture for the last rows")
        return 0

    cdef int _import_folded(self, camkit_frame *f, known_buffer *b, uint32_t plane, int fold) except -1:
        cdef plane_layout *p = &self.layout.planes[plane]
        cdef dmabuf_rows r
        cdef size_t needs
        r.fd, r.offset = f.planes[plane].dmabuf_fd, f.planes[plane].offset
        r.pitch = fold * p.stride
        r.columns = p.columns if fold == 1 else <int>(r.pitch // p.texel_bytes)
        self.fold[plane] = fold
        self.pitch[plane] = <int>(p.stride // p.texel_bytes)
        r.rows = self._whole(plane) // fold
        r.fourcc = FOURCC[p.texel_bytes, self.layout.format.itemsize]
        needs = r.offset + <size_t>r.pitch * (r.rows - 1) + r.columns * p.texel_bytes
        has = dmabufs.size_of(r.fd)
        if needs > has:
            # A driver that does not look would read beyond its end.
            raise GLError(f"the dma-buf of plane {plane} has {has} bytes, its picture ends at {needs}")
        self.images.make(&r, &b.planes[plane])
        self._compare(f, b, plane)
        return 0

    cdef int _whole(self, uint32_t plane) noexcept nogil:
        return self.layout.planes[plane].rows // self.fold[plane] * self.fold[plane]

    cdef int see(self, uint32_t plane, uint8_t *to) except -1:
        cdef plane_layout *p = &self.layout.planes[plane]
        cdef int whole = self._whole(plane), fold = self.fold[plane], row
        cdef size_t stride = p.row_bytes if fold == 1 else p.stride
        cdef uint8_t *seen = <uint8_t *>malloc(stride * whole)
        if seen == NULL:
            raise MemoryError(f"no memory for a look at {stride * whole} bytes")
        try:
            self.read(self.textures[plane], p, <int>(fold * stride // p.texel_bytes), whole // fold, seen)
            for row in range(whole):
                memcpy(to + row * p.row_bytes, seen + row * stride, p.row_bytes)
            if self.rests[plane]:
                self.read(self.rests[plane], p, p.columns, p.rows - whole, to + whole * p.row_bytes)
        finally:
            free(seen)
        return 0

    cdef int _compare(self, camkit_frame *f, known_buffer *b, uint32_t plane) except -1:
        cdef plane_layout *p = &self.layout.planes[plane]
        cdef uint8_t *seen = <uint8_t *>malloc(p.row_bytes * p.rows)
        cdef int row
        if seen == NULL:
            raise MemoryError(f"no memory for a look at {p.row_bytes * p.rows} bytes")
        try:
            self.textures[plane], self.rests[plane] = b.planes[plane].name, 0
            self.see(plane, seen)
            for row in range(self._whole(plane)):
                if memcmp(seen + row * p.row_bytes, f.planes[plane].data + <size_t>row * p.stride, p.row_bytes):
                    raise GLError(f"the driver took the dma-buf of plane {plane}, and the GPU reads other bytes there "
                                  f"from row {row} on")
        finally:
            free(seen)
        return 0

    cdef object _pages(self, camkit_frame *f):
        return [PyMemoryView_FromMemory(<char *>f.planes[i].data, f.planes[i].stride * self.layout.planes[i].rows,
                                        PyBUF_READ) for i in range(self.layout.plane_count)]

    cdef void _upload_rest(self, camkit_frame *f, known_buffer *b, uint32_t plane) noexcept nogil:
        cdef plane_layout *p = &self.layout.planes[plane]
        cdef int whole = self._whole(plane)
        self.gl.ActiveTexture(GL_TEXTURE0)
        self.gl.BindTexture(GL_TEXTURE_2D, b.rests[plane])
        self.gl.PixelStorei(GL_UNPACK_ALIGNMENT, 1)
        self.gl.PixelStorei(GL_UNPACK_ROW_LENGTH, self.pitch[plane])
        self.gl.TexSubImage2D(GL_TEXTURE_2D, 0, 0, 0, p.columns, p.rows - whole, p.format, p.type,
                              f.planes[plane].data + <size_t>whole * p.stride)
        self.copied += (p.rows - whole) * p.row_bytes

    cdef void _drop(self, known_buffer *b) noexcept nogil:
        cdef int i
        for i in range(4):
            self.images.drop(&b.planes[i])
            if b.rests[i]:
                self.gl.DeleteTextures(1, &b.rests[i])
        memset(b, 0, sizeof(known_buffer))

    cdef void _sweep(self) noexcept nogil:
        cdef known_buffer *b
        cdef int i = 0
        self.strangers_until = 0
        while i < self.count:
            b = &self.known[i]
            if b.pool == self.pool and b.generation == self.generation:
                i += 1
            elif b.used + GRACE >= self.uploads:
                self.strangers_until = self.uploads + GRACE  # another stream that takes turns with this one
                i += 1
            else:
                self._drop(b)
                self.count -= 1
                self.known[i] = self.known[self.count]
                memset(&self.known[self.count], 0, sizeof(known_buffer))
        self.last = 0

    cdef int lend(self, int k, camkit_frame *trial) except -1:
        cdef uint32_t i
        cdef camkit_frame *own
        if self.lender is None:
            self.lender = dmabufs.trial_frames(self.exporter, self.rounds, dmabufs.span(self.memory))
        self.given = not self.lender
        if self.given:
            for i in range(trial.plane_count):
                trial.planes[i].data = <uint8_t *><size_t>self.memory.addresses[i]
                trial.planes[i].size = self.memory.sizes[i]
                trial.planes[i].offset = self.memory.offsets[i]
                trial.planes[i].dmabuf_fd = self.memory.dmabufs[i]
            return 0
        frame, fd, begin = self.lender[k % len(self.lender)]
        own = (<Frame>frame).get()
        for i, at in enumerate(dmabufs.places(self.memory)):
            trial.planes[i].data = own.planes[0].data + <size_t>at
            trial.planes[i].size = self.memory.sizes[i]
            trial.planes[i].offset = begin + at
            trial.planes[i].dmabuf_fd = fd
        return 0

    cdef int end_trial(self) except -1:
        # Its buffers are none of the stream's, or are to be looked at as every other.
        self.delete()
        self.lender = None
        Transfer.end_trial(self)
        self.uploads = self.imports = self.strangers_until = 0
        return 0
