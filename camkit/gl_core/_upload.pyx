"""Uploader: a frame's planes into textures, by the way that a trial on this driver proved right and fastest."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t, uintptr_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memcpy, memset

from camkit.gl_core._enums cimport (
    GL_CLAMP_TO_EDGE,
    GL_MAP_COHERENT_BIT,
    GL_MAP_PERSISTENT_BIT,
    GL_MAP_WRITE_BIT,
    GL_MAX_TEXTURE_SIZE,
    GL_NEAREST,
    GL_PACK_ALIGNMENT,
    GL_PIXEL_UNPACK_BUFFER,
    GL_SYNC_FLUSH_COMMANDS_BIT,
    GL_SYNC_GPU_COMMANDS_COMPLETE,
    GL_TEXTURE0,
    GL_TEXTURE_2D,
    GL_TEXTURE_MAG_FILTER,
    GL_TEXTURE_MAX_LEVEL,
    GL_TEXTURE_MIN_FILTER,
    GL_TEXTURE_WRAP_S,
    GL_TEXTURE_WRAP_T,
    GL_TIMEOUT_EXPIRED,
    GL_UNPACK_ALIGNMENT,
    GL_UNPACK_ROW_LENGTH,
    GL_WAIT_FAILED,
)
from camkit.gl_core._check cimport FAULT_NONE, check_frame, fault_text, frame_fault
from camkit.memory_manager._abi cimport camkit_frame, camkit_plane, now_ns
from camkit.memory_manager._frame cimport Frame

from camkit.errors import GLError
from camkit.gl_core.texture import plane_textures

TRANSFERS = ("client", "pbo")  # by path_id
cdef size_t BUFFER_ALIGNMENT = 256
cdef int64_t GPU_PATIENCE_NS = 5_000_000_000
cdef int64_t TRIAL_NS = 4_000_000
cdef int FEWEST_TRIALS = 3


cdef class Uploader:
    """Textures for one format and size, and the way to fill them.

    Every method, and the end (`delete`), belongs to the thread where the context is current. Owns its textures and
    buffers; an Uploader that is dropped without `delete` leaves them to the context.

    Parameters
    ----------
    functions : Functions
        Of the context.
    format : PixelFormat
    width, height : int
        Of the pictures, in pixels.
    strides : sequence of int
        Of the frames that will come; they are part of the trial and may differ later.
    transfer : str
        ``"client"`` (from the frame's memory), ``"pbo"`` (by a persistently mapped buffer), or ``"auto"``: both are
        tried and the faster right one is kept.

    Attributes
    ----------
    refused : dict
        {way: why it is not taken}.
    measured_us : dict
        {way: microseconds of one upload, the GPU's part included}.
    row_by_row : bool
        The client way needs a call a row, for the stride is no multiple of a texel.

    Raises
    ------
    FormatNotSupported
        The GPU cannot take the format or the size.
    GLError
        No way of the wanted ones is right; the message tells about each.
    """

    def __init__(self, Functions functions not None, format, width, height, strides, str transfer="auto"):
        self.functions = functions
        self.gl = &functions.f
        self.format = format
        self.width, self.height = width, height
        self.refused, self.measured_us = {}, {}
        cdef GLint largest = 0
        self.gl.GetIntegerv(GL_MAX_TEXTURE_SIZE, &largest)
        planes = plane_textures(format, width, height, largest)
        try:
            self._make_textures(planes)
            self._calibrate(strides, transfer)
        except BaseException:
            self.delete()
            raise

    def delete(self):
        """Delete all textures and buffers. Twice is harmless."""
        cdef uint32_t i
        self._drop_buffers()
        for i in range(self.plane_count):
            self.gl.DeleteTextures(SETS, self.planes[i].textures)
        self.plane_count = 0

    def fill(self, Frame frame not None):
        """Upload one frame and wait until the GPU has it.

        Raises
        ------
        ValueError
            It has another format or size, or is truncated.
        """
        cdef camkit_frame *c = frame.get()
        cdef frame_fault fault
        if frame.format != self.format.name or frame.size != (self.width, self.height):
            raise ValueError(f"{frame!r} does not fit textures for {self.format.name} {self.width}x{self.height}")
        if check_frame(c, &fault) != FAULT_NONE:
            raise ValueError(fault_text(&fault))
        with nogil:
            self.upload(c)
            self.gl.Finish()

    @property
    def transfer(self):
        """str: the way that is taken."""
        return TRANSFERS[self.path]

    def explain(self):
        """Tell in words how the pixels get into the textures, and why so."""
        times = ", ".join(f"{way} {us:.0f} us" for way, us in self.measured_us.items())
        words = f"{self.format.name} {self.width}x{self.height} by {self.transfer!r} (measured: {times})"
        if self.row_by_row and self.path == PATH_CLIENT:
            words += ", row by row because the stride is no multiple of a texel"
        return words + "".join(f"; not {way!r}: {why}" for way, why in self.refused.items())

    cdef int upload(self, const camkit_frame *f) except -1 nogil:
        cdef int slot = (self.current + 1) % SETS
        cdef plane_upload *p
        cdef const camkit_plane *source
        cdef uint8_t *to
        cdef uint32_t i
        cdef GLsizei row
        if self.path == PATH_PBO:
            self._await(slot)
        self.current = slot
        self.gl.ActiveTexture(GL_TEXTURE0)
        if self.path == PATH_PBO:
            self.gl.BindBuffer(GL_PIXEL_UNPACK_BUFFER, self.buffers[slot])
            self.gl.PixelStorei(GL_UNPACK_ROW_LENGTH, 0)
        for i in range(self.plane_count):
            p = &self.planes[i]
            source = &f.planes[i]
            self.gl.BindTexture(GL_TEXTURE_2D, p.textures[slot])
            if self.path == PATH_CLIENT:
                self._from_client(p, source.data, source.stride)
                continue
            to = self.maps[slot] + p.buffer_offset
            if source.stride == p.row_bytes:
                memcpy(to, source.data, p.row_bytes * p.rows)
            else:
                for row in range(p.rows):
                    memcpy(to + row * p.row_bytes, source.data + <size_t>row * source.stride, p.row_bytes)
            self.gl.TexSubImage2D(GL_TEXTURE_2D, 0, 0, 0, p.columns, p.rows, p.format, p.type,
                                  <const void *><uintptr_t>p.buffer_offset)
        if self.path == PATH_PBO:
            self.gl.BindBuffer(GL_PIXEL_UNPACK_BUFFER, 0)
            self.fences[slot] = self.gl.FenceSync(GL_SYNC_GPU_COMMANDS_COMPLETE, 0)
        return 0

    cdef void bind(self) noexcept nogil:
        cdef uint32_t i
        for i in range(self.plane_count):
            self.gl.ActiveTexture(GL_TEXTURE0 + i)
            self.gl.BindTexture(GL_TEXTURE_2D, self.planes[i].textures[self.current])

    cdef void _from_client(self, plane_upload *p, const uint8_t *data, uint32_t stride) noexcept nogil:
        cdef GLsizei row
        if stride % p.texel_bytes == 0:
            self.gl.PixelStorei(GL_UNPACK_ROW_LENGTH, <GLint>(stride // p.texel_bytes))
            self.gl.TexSubImage2D(GL_TEXTURE_2D, 0, 0, 0, p.columns, p.rows, p.format, p.type, data)
            return
        self.gl.PixelStorei(GL_UNPACK_ROW_LENGTH, 0)
        for row in range(p.rows):
            self.gl.TexSubImage2D(GL_TEXTURE_2D, 0, 0, row, p.columns, 1, p.format, p.type,
                                  data + <size_t>row * stride)

    cdef int _await(self, int slot) except -1 nogil:
        # The GPU may still read what the third last frame left in this buffer.
        cdef GLenum answer
        if self.fences[slot] == NULL:
            return 0
        answer = self.gl.ClientWaitSync(self.fences[slot], GL_SYNC_FLUSH_COMMANDS_BIT, GPU_PATIENCE_NS)
        if answer == GL_TIMEOUT_EXPIRED or answer == GL_WAIT_FAILED:
            with gil:
                raise GLError(f"cannot upload a frame: {self.functions.renderer!r} did not finish an older one within "
                              f"{GPU_PATIENCE_NS // 1_000_000_000} s; the GPU hangs or was reset")
        self.gl.DeleteSync(self.fences[slot])
        self.fences[slot] = NULL
        return 0

    cdef int _make_textures(self, planes) except -1:
        cdef plane_upload *p
        cdef int i, k
        cdef size_t offset = 0
        for i, plane in enumerate(planes):
            p = &self.planes[i]
            p.internal, p.format, p.type = plane.internal, plane.client, plane.kind
            p.columns, p.rows, p.texel_bytes = plane.columns, plane.rows, plane.texel_bytes
            p.row_bytes = p.columns * p.texel_bytes
            p.buffer_offset = offset
            offset += (p.row_bytes * p.rows + BUFFER_ALIGNMENT - 1) // BUFFER_ALIGNMENT * BUFFER_ALIGNMENT
            self.image_bytes += p.row_bytes * p.rows
            self.gl.GenTextures(SETS, p.textures)
            self.plane_count = i + 1
            self.gl.ActiveTexture(GL_TEXTURE0)
            for k in range(SETS):
                self.gl.BindTexture(GL_TEXTURE_2D, p.textures[k])
                if self.gl.TexStorage2D != NULL:
                    self.gl.TexStorage2D(GL_TEXTURE_2D, 1, p.internal, p.columns, p.rows)
                else:
                    self.gl.TexImage2D(GL_TEXTURE_2D, 0, <GLint>p.internal, p.columns, p.rows, 0, p.format, p.type,
                                       NULL)
                    self.gl.TexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MAX_LEVEL, 0)
                self.gl.TexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MIN_FILTER, GL_NEAREST)
                self.gl.TexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MAG_FILTER, GL_NEAREST)
                self.gl.TexParameteri(GL_TEXTURE_2D, GL_TEXTURE_WRAP_S, GL_CLAMP_TO_EDGE)
                self.gl.TexParameteri(GL_TEXTURE_2D, GL_TEXTURE_WRAP_T, GL_CLAMP_TO_EDGE)
        self.buffer_bytes = offset
        # Rows lie where the camera put them; these two belong to us alone and are set once.
        self.gl.PixelStorei(GL_UNPACK_ALIGNMENT, 1)
        self.gl.PixelStorei(GL_PACK_ALIGNMENT, 1)
        self.functions.check(f"make textures for {self.format.name} {self.width}x{self.height}")
        return 0

    cdef int _make_buffers(self) except -1:
        cdef int flags = GL_MAP_WRITE_BIT | GL_MAP_PERSISTENT_BIT | GL_MAP_COHERENT_BIT
        cdef int i
        if self.gl.BufferStorage == NULL:
            raise GLError("the driver has no GL_ARB_buffer_storage (OpenGL 4.4)")
        self.gl.GenBuffers(SETS, self.buffers)
        for i in range(SETS):
            self.gl.BindBuffer(GL_PIXEL_UNPACK_BUFFER, self.buffers[i])
            self.gl.BufferStorage(GL_PIXEL_UNPACK_BUFFER, self.buffer_bytes, NULL, flags)
            self.maps[i] = <uint8_t *>self.gl.MapBufferRange(GL_PIXEL_UNPACK_BUFFER, 0, self.buffer_bytes, flags)
        self.gl.BindBuffer(GL_PIXEL_UNPACK_BUFFER, 0)
        self.functions.check(f"map {SETS} buffers of {self.buffer_bytes} bytes")
        for i in range(SETS):
            if self.maps[i] == NULL:
                raise GLError(f"the driver did not map a buffer of {self.buffer_bytes} bytes")
        return 0

    cdef int _drop_buffers(self) except -1:
        cdef int i
        for i in range(SETS):
            if self.fences[i] != NULL:
                self.gl.DeleteSync(self.fences[i])
                self.fences[i] = NULL
            self.maps[i] = NULL
        if self.buffers[0]:
            self.gl.DeleteBuffers(SETS, self.buffers)  # unmaps them too
            memset(self.buffers, 0, sizeof(self.buffers))
        return 0

    cdef int _calibrate(self, strides, str transfer) except -1:
        cdef camkit_frame trial
        cdef size_t bytes = 0
        cdef uint32_t i
        cdef path_id path
        if transfer not in (*TRANSFERS, "auto"):
            raise ValueError(f"transfer is {transfer!r}; there are 'auto', {', '.join(map(repr, TRANSFERS))}")
        memset(&trial, 0, sizeof(trial))
        for i in range(self.plane_count):
            trial.planes[i].stride = strides[i]
            bytes += <size_t>trial.planes[i].stride * self.planes[i].rows
            self.row_by_row |= trial.planes[i].stride % self.planes[i].texel_bytes != 0
        cdef uint8_t *pattern = <uint8_t *>malloc(bytes + 64 * SETS)
        cdef uint8_t *seen = <uint8_t *>malloc(self.buffer_bytes)
        try:
            if pattern == NULL or seen == NULL:
                raise MemoryError(f"no memory for a trial picture of {bytes} bytes")
            fill(pattern, bytes + 64 * SETS)
            for path in range(PATH_COUNT):
                if transfer not in ("auto", TRANSFERS[path]):
                    self.refused[TRANSFERS[path]] = f"not asked for (transfer={transfer!r})"
                    continue
                self.path = path
                why = self._try(&trial, pattern, seen)
                if why is not None:
                    self.refused[TRANSFERS[path]] = why
        finally:
            free(pattern)
            free(seen)
        if not self.measured_us:
            reasons = "; ".join(f"{way}: {why}" for way, why in self.refused.items())
            raise GLError(f"cannot upload {self.format.name} {self.width}x{self.height} to "
                          f"{self.functions.renderer!r}: {reasons}")
        best = min(self.measured_us, key=self.measured_us.get)
        for way, us in self.measured_us.items():
            if way != best:
                self.refused[way] = f"slower: {us:.0f} us against {self.measured_us[best]:.0f} us"
        self.path = TRANSFERS.index(best)
        if self.path != PATH_PBO:
            self._drop_buffers()
        return 0

    cdef str _try(self, camkit_frame *trial, uint8_t *pattern, uint8_t *seen):
        # Prove the path on every texture and buffer, each with other bytes, and time it. Returns why it is refused.
        cdef int k
        cdef uint32_t i
        cdef size_t at
        try:
            if self.path == PATH_PBO:
                self._make_buffers()
            for k in range(SETS):
                at = 64 * k
                for i in range(self.plane_count):
                    trial.planes[i].data = pattern + at
                    at += <size_t>trial.planes[i].stride * self.planes[i].rows
                self.upload(trial)
                self.functions.check("upload a trial picture")
                if not self._same(trial, seen):
                    return "wrong: the GPU read back other bytes than were written"
            self.measured_us[TRANSFERS[self.path]] = self._time_us(trial)
        except GLError as error:
            if self.path == PATH_PBO:
                self._drop_buffers()
            return str(error)
        return None

    cdef int _same(self, camkit_frame *trial, uint8_t *seen) except -1:
        cdef plane_upload *p
        cdef uint32_t i
        cdef GLsizei row
        for i in range(self.plane_count):
            p = &self.planes[i]
            self.gl.BindTexture(GL_TEXTURE_2D, p.textures[self.current])
            memset(seen, 0, p.row_bytes * p.rows)
            self.gl.GetTexImage(GL_TEXTURE_2D, 0, p.format, p.type, seen)
            for row in range(p.rows):
                if memcmp(seen + row * p.row_bytes, trial.planes[i].data + <size_t>row * trial.planes[i].stride,
                          p.row_bytes):
                    return 0
        self.functions.check("read a trial picture back")
        return 1

    cdef double _time_us(self, camkit_frame *trial) except -1:
        cdef int64_t begin, now, best = -1, end = now_ns() + TRIAL_NS
        cdef int runs = 0
        with nogil:
            while runs < FEWEST_TRIALS or now_ns() < end:
                begin = now_ns()
                self.upload(trial)
                self.gl.Finish()
                now = now_ns() - begin
                best = now if best < 0 or now < best else best
                runs += 1
        return best / 1000.0


cdef void fill(uint8_t *data, size_t size) noexcept nogil:
    # A sequence without repetition: no row or page of it can be taken for another (xorshift64).
    cdef uint64_t x = 0x9E3779B97F4A7C15
    cdef size_t i
    for i in range(0, size - size % 8, 8):
        x ^= x << 13
        x ^= x >> 7
        x ^= x << 17
        memcpy(data + i, &x, 8)
    memset(data + size - size % 8, 0x5A, size % 8)
