"""Readback: pictures out of the GPU's memory into slots that are handed on as frames."""

from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memcpy, memset, strerror

from camkit.gl_core._enums cimport (
    GL_CLIENT_STORAGE_BIT,
    GL_COLOR_ATTACHMENT0,
    GL_COLOR_BUFFER_BIT,
    GL_DRAW_FRAMEBUFFER,
    GL_EXTERNAL_VIRTUAL_MEMORY_BUFFER_AMD,
    GL_FRAMEBUFFER,
    GL_MAP_COHERENT_BIT,
    GL_MAP_PERSISTENT_BIT,
    GL_MAP_READ_BIT,
    GL_MAP_WRITE_BIT,
    GL_NEAREST,
    GL_PACK_ALIGNMENT,
    GL_PIXEL_PACK_BUFFER,
    GL_READ_FRAMEBUFFER,
    GL_RGBA,
    GL_RGBA8,
    GL_STREAM_READ,
    GL_TEXTURE0,
    GL_TEXTURE_2D,
    GL_TEXTURE_MAX_LEVEL,
    GL_UNPACK_ROW_LENGTH,
    GL_UNSIGNED_BYTE,
)
from camkit.gl_core._shared_slots cimport SharedSlot
from camkit.gl_core._trial cimport fill
from camkit.gl_core._types cimport GLenum
from camkit.memory_manager._abi cimport camkit_frame, camkit_frame_release, now_ns
from camkit.memory_manager._later cimport drop_object, keep_object

from camkit.errors import DmabufUnavailable, GLError
from camkit.gl_core._shared_slots import SHARED_WAYS
from camkit.gl_core.context_hold import Mapping

cdef extern from "camkit/read_speed.hpp" namespace "camkit" nogil:
    int64_t read_ns(const uint8_t *data, size_t size) noexcept

AUTO = ("pinned", "mapped", "copy", "plain")
READBACKS = (*AUTO, *SHARED_WAYS)  # by readback_way
WISHES = ("auto", *AUTO, "dmabuf", *SHARED_WAYS)
cdef size_t PAGE = 4096
cdef int64_t TRIAL_NS = 4_000_000
cdef int FEWEST_TRIALS = 3
cdef double WORTH = 1.1  # a way that is later in the list must be so many times faster
cdef double UNCACHED = 4.0  # times that memory of the CPU's own is faster to read


cdef class Readback:
    """Slots for pictures of one format and size, and the way that the GPU fills them.

    Every method belongs to the thread where the context is current, but slots come back from any. Owns its OpenGL
    objects; `delete` gives them up. Frames outlive it, and the context too.

    Parameters
    ----------
    functions : Functions
        Of the context.
    format : PixelFormat
        Of the frames; one of the Packer's.
    width, height, columns : int
        Of the picture, and RGBA texels in a row of what is read.
    slots : int
        Pictures at once, 1 to 64.
    wish : str
        ``"pinned"``: the GPU writes into memory of ours. ``"mapped"``: into its own, which is handed on. ``"copy"``: so
        it does, and the CPU copies it. ``"plain"``: OpenGL fills our memory, and the thread waits for it. ``"auto"``:
        the fastest of the first three that proves right. ``"exported"``, ``"gbm"``, ``"imported"``: it draws into a
        dma-buf, as SharedSlots tells; ``"dmabuf"``: the first of those.
    hold : ContextHold
        Keeps the context for frames in its memory.

    Attributes
    ----------
    refused : dict
        {way: why it is not taken}.
    measured_us : dict
        {way: microseconds from the finished picture to its bytes in a slot}.

    Raises
    ------
    GLError
        No way of the wanted ones is right; the message tells about each.
    MemoryError
    """

    def __init__(self, Functions functions not None, format, int width, int height, int columns, int slots, str wish,
                 hold):
        self.asked = check_readback(wish)
        self.functions, self.gl, self.hold = functions, &functions.f, hold
        self.format, self.width, self.height, self.slots, self.columns = format, width, height, slots, columns
        self.stride = <size_t>columns * 4
        self.slot_bytes = self.stride * height
        self.refused, self.measured_us = {}, {}
        try:
            self._choose(wish)
        except BaseException:
            self.delete()
            raise

    def __dealloc__(self):
        if self.pool != NULL:
            self.pool.unref()

    def delete(self):
        """Give up the slots and all OpenGL objects; frames stay what they are. Twice is harmless."""
        self._drop()

    @property
    def way(self):
        """str: how the slots are filled."""
        return READBACKS[self.way_id]

    @property
    def most_used(self):
        """int: slots that were in use at once."""
        return self.pool.high_water() if self.pool != NULL else 0

    def explain(self):
        """Tell in words how pictures get into the slots, and why so."""
        times = ", ".join(f"{way} {us:.0f} us" for way, us in self.measured_us.items())
        words = f"read back by {self.way!r} (measured: {times}) into {self.slots} slots, most used {self.most_used}"
        return words + "".join(f"; not {way!r}: {why}" for way, why in self.refused.items() if way in self.asked)

    cdef camkit_frame *take(self, int64_t timeout_ns) noexcept nogil:
        return self.pool.take(timeout_ns)

    cdef void begin(self, camkit_frame *to, GLuint framebuffer) noexcept nogil:
        self.gl.BindFramebuffer(GL_READ_FRAMEBUFFER, framebuffer)
        if self.way_id >= WAY_EXPORTED:
            self.gl.BindFramebuffer(GL_DRAW_FRAMEBUFFER, self.shared.framebuffers[to.slot])
            self.gl.BlitFramebuffer(0, 0, self.columns, self.height, 0, 0, self.columns, self.height,
                                    GL_COLOR_BUFFER_BIT, GL_NEAREST)
            return
        if self.way_id == WAY_PLAIN:
            self.gl.ReadPixels(0, 0, self.columns, self.height, GL_RGBA, GL_UNSIGNED_BYTE, to.planes[0].data)
            return
        self.gl.BindBuffer(GL_PIXEL_PACK_BUFFER, self.buffers[to.slot])
        self.gl.ReadPixels(0, 0, self.columns, self.height, GL_RGBA, GL_UNSIGNED_BYTE, NULL)
        self.gl.BindBuffer(GL_PIXEL_PACK_BUFFER, 0)

    cdef Py_ssize_t finish(self, camkit_frame *to) except -1 nogil:
        cdef void *seen
        if self.way_id >= WAY_EXPORTED:
            self.pool.announce(to.slot, True)
        if self.way_id != WAY_COPY:
            return 0
        self.gl.BindBuffer(GL_PIXEL_PACK_BUFFER, self.buffers[to.slot])
        seen = self.gl.MapBufferRange(GL_PIXEL_PACK_BUFFER, 0, self.slot_bytes, GL_MAP_READ_BIT)
        if seen == NULL:
            with gil:
                self.functions.check("map a picture that was read back")
                raise GLError("cannot map a picture that was read back: glMapBufferRange returned nothing")
        memcpy(to.planes[0].data, seen, self.slot_bytes)
        self.gl.UnmapBuffer(GL_PIXEL_PACK_BUFFER)
        self.gl.BindBuffer(GL_PIXEL_PACK_BUFFER, 0)
        return self.slot_bytes

    def _choose(self, wish):
        cdef uint8_t *pattern = <uint8_t *>malloc(self.slot_bytes + 64 * self.slots)
        cdef GLuint texture = 0, framebuffer = 0
        cdef readback_way way
        if pattern == NULL:
            raise MemoryError(f"no memory for a trial picture of {self.slot_bytes} bytes")
        try:
            fill(pattern, self.slot_bytes + 64 * self.slots)
            self.gl.GenTextures(1, &texture)
            self.gl.ActiveTexture(GL_TEXTURE0)
            self.gl.BindTexture(GL_TEXTURE_2D, texture)
            self.gl.TexImage2D(GL_TEXTURE_2D, 0, GL_RGBA8, self.columns, self.height, 0, GL_RGBA, GL_UNSIGNED_BYTE,
                               NULL)
            self.gl.TexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MAX_LEVEL, 0)
            self.gl.GenFramebuffers(1, &framebuffer)
            self.gl.BindFramebuffer(GL_FRAMEBUFFER, framebuffer)
            self.gl.FramebufferTexture2D(GL_FRAMEBUFFER, GL_COLOR_ATTACHMENT0, GL_TEXTURE_2D, texture, 0)
            self.gl.PixelStorei(GL_PACK_ALIGNMENT, 1)
            self.gl.PixelStorei(GL_UNPACK_ROW_LENGTH, 0)
            self.functions.check(f"make a trial picture of {self.columns}x{self.height}")
            for way in range(WAY_COUNT):
                name = READBACKS[way]
                if wish == "auto" and way == WAY_PLAIN and self.measured_us:
                    self.refused[name] = "the thread would wait for each picture"
                elif wish == "dmabuf" and self.measured_us:
                    break
                elif name not in self.asked:
                    self.refused[name] = f"not asked for (readback={wish!r})"
                else:
                    self.way_id = way
                    why = self._try(pattern, texture, framebuffer)
                    if why is not None:
                        self.refused[name] = why
            if not self.measured_us:
                reasons = "; ".join(f"{way}: {self.refused[way]}" for way in self.asked)
                kind = DmabufUnavailable if set(self.asked) <= set(SHARED_WAYS) else GLError
                raise kind(f"cannot read {self.format.name} {self.width}x{self.height} back from "
                           f"{self.functions.renderer!r}: {reasons}")
            best = None
            for name, us in self.measured_us.items():
                if best is None or us * WORTH < self.measured_us[best]:
                    best = name
            if self.way_id != READBACKS.index(best) or self.pool == NULL:
                self._drop()
                self.way_id = READBACKS.index(best)
                self._make()
        finally:
            free(pattern)
            self.gl.BindFramebuffer(GL_FRAMEBUFFER, 0)
            self.gl.DeleteFramebuffers(1, &framebuffer)
            self.gl.DeleteTextures(1, &texture)

    cdef str _try(self, uint8_t *pattern, GLuint texture, GLuint framebuffer):
        # Prove the way on every slot, each with other bytes, and time it. Returns why it is refused.
        self._drop()
        try:
            self._make()
            if not self._prove(pattern, texture, framebuffer):
                return "wrong: a slot had other bytes than the picture"
            if self.way_id == WAY_MAPPED:
                slower = read_ns(self.pool.data(0), self.slot_bytes) / <double>read_ns(pattern, self.slot_bytes)
                if slower > UNCACHED:
                    return f"uncached: {slower:.0f} times slower to read than memory of the CPU's own"
            self.measured_us[READBACKS[self.way_id]] = self._time_us(framebuffer)
        except GLError as error:
            self._drop()
            return str(error)
        return None

    cdef int _make(self) except -1:
        # The buffers and the pool of the way in `way_id`.
        cdef uint8_t *data[64]
        cdef int error = 0
        cdef int i
        cdef void *owner
        memset(data, 0, sizeof(data))
        if self.way_id >= WAY_EXPORTED:
            return self._make_shared()
        self.stride = 4 * <size_t>self.columns
        if self.way_id != WAY_MAPPED:
            self.pool = stage_pool.make_aligned(self.slots, self.format.id, self.width, self.height, 0, &error,
                                                self.stride, PAGE)
            for i in range(self.slots):
                if self.pool != NULL:
                    data[i] = self.pool.data(i)
        if self.way_id != WAY_PLAIN and not error:
            self._make_buffers(data)
        if self.way_id == WAY_MAPPED:
            mapping = Mapping(self.hold, [self.buffers[i] for i in range(self.slots)])
            owner = keep_object(mapping)
            self.pool = stage_pool.over(self.slots, self.format.id, self.width, self.height, self.stride, data, NULL,
                                        NULL, drop_object, owner, &error)
            if self.pool == NULL:
                memset(self.buffers, 0, sizeof(self.buffers))
                drop_object(owner)
        if self.pool == NULL:
            raise MemoryError(f"no memory for {self.slots} slots of {self.format.name} {self.width}x{self.height}: "
                              f"{strerror(error).decode()}")
        return 0

    cdef int _make_shared(self) except -1:
        cdef uint8_t *data[64]
        cdef int fds[64]
        cdef uint32_t offsets[64]
        cdef int error = 0
        cdef int i
        cdef SharedSlot slot
        cdef void *owner
        self.shared = SharedSlots(self.functions, self.hold.context.egl, READBACKS[self.way_id], self.slots,
                                  self.columns, self.height)
        self.stride = self.shared.slots[0].stride
        for i, slot in enumerate(self.shared.slots):
            data[i], fds[i], offsets[i] = slot.data, slot.fd, slot.offset
            if slot.stride != self.stride:
                raise DmabufUnavailable(f"the slots differ: rows are {self.stride} and {slot.stride} bytes apart")
        owner = keep_object(self.shared.slots)
        self.pool = stage_pool.over(self.slots, self.format.id, self.width, self.height, self.stride, data, fds,
                                    offsets, drop_object, owner, &error)
        if self.pool == NULL:
            drop_object(owner)
            raise MemoryError(f"no memory for {self.slots} slots: {strerror(error).decode()}")
        return 0

    cdef int _make_buffers(self, uint8_t **data) except -1:
        # One for each slot: over its memory at `data`, or with `data` to tell.
        cdef int access = GL_MAP_READ_BIT | GL_MAP_WRITE_BIT | GL_MAP_PERSISTENT_BIT | GL_MAP_COHERENT_BIT
        cdef GLenum target = GL_PIXEL_PACK_BUFFER
        cdef int i
        if self.way_id == WAY_PINNED:
            if "GL_AMD_pinned_memory" not in self.functions.extensions:
                raise GLError("the driver has no GL_AMD_pinned_memory")
            target = GL_EXTERNAL_VIRTUAL_MEMORY_BUFFER_AMD
        elif self.way_id == WAY_MAPPED:
            if self.gl.BufferStorage == NULL:
                raise GLError("the driver has no GL_ARB_buffer_storage (OpenGL 4.4)")
            if not self.hold.lasting:
                raise GLError("this context cannot be kept for frames that are held longer than it is used")
        self.gl.GenBuffers(self.slots, self.buffers)
        for i in range(self.slots):
            self.gl.BindBuffer(target, self.buffers[i])
            if self.way_id == WAY_MAPPED:
                self.gl.BufferStorage(target, self.slot_bytes, NULL, access | GL_CLIENT_STORAGE_BIT)
                data[i] = <uint8_t *>self.gl.MapBufferRange(target, 0, self.slot_bytes, access)
            else:
                self.gl.BufferData(target, (self.slot_bytes + PAGE - 1) // PAGE * PAGE, data[i], GL_STREAM_READ)
        self.gl.BindBuffer(target, 0)
        self.functions.check(f"make {self.slots} buffers of {self.slot_bytes} bytes")
        for i in range(self.slots):
            if data[i] == NULL:
                raise GLError(f"the driver did not map a buffer of {self.slot_bytes} bytes")
        return 0

    cdef int _prove(self, uint8_t *pattern, GLuint texture, GLuint framebuffer) except -1:
        cdef camkit_frame *taken[64]
        cdef bint right = True
        cdef int i, count = 0
        try:
            for i in range(self.slots):
                self.gl.BindTexture(GL_TEXTURE_2D, texture)
                self.gl.TexSubImage2D(GL_TEXTURE_2D, 0, 0, 0, self.columns, self.height, GL_RGBA, GL_UNSIGNED_BYTE,
                                      pattern + 64 * i)
                taken[i] = self.take(0)
                count += 1
                self.begin(taken[i], framebuffer)
            self.functions.check("read a trial picture back")
            self.gl.Finish()
            for i in range(self.slots):
                self.finish(taken[i])
                right &= self._same(taken[i], pattern + 64 * i)
            self.functions.check("look at a trial picture")
        finally:
            for i in range(count):
                camkit_frame_release(taken[i])
        return right

    cdef bint _same(self, const camkit_frame *seen, const uint8_t *pattern) noexcept:
        cdef size_t row_bytes = 4 * <size_t>self.columns
        cdef int y
        for y in range(self.height):
            if memcmp(seen.planes[0].data + y * self.stride, pattern + y * row_bytes, row_bytes):
                return False
        return True

    cdef double _time_us(self, GLuint framebuffer) except -1:
        cdef camkit_frame *to = self.take(0)
        cdef int64_t begun, now, best = -1, end = now_ns() + TRIAL_NS
        cdef int runs = 0
        try:
            with nogil:
                while runs < FEWEST_TRIALS or now_ns() < end:
                    begun = now_ns()
                    self.begin(to, framebuffer)
                    self.gl.Finish()
                    self.finish(to)
                    now = now_ns() - begun
                    best = now if best < 0 or now < best else best
                    runs += 1
        finally:
            camkit_frame_release(to)
        return best / 1000.0

    cdef int _drop(self) except -1:
        cdef stage_pool *pool = self.pool
        self.pool = NULL
        # The GPU is done with them: nothing is begun that nobody waits for. Those that are mapped go with their pool.
        if self.buffers[0] and (self.way_id != WAY_MAPPED or pool == NULL):
            self.gl.DeleteBuffers(self.slots, self.buffers)
        memset(self.buffers, 0, sizeof(self.buffers))
        if self.shared is not None:
            self.shared.delete()
            self.shared = None
        if pool != NULL:
            pool.unref()
        delete_buffers(self.functions, self.hold.sweep())
        return 0


def check_readback(wish):
    """Return the names of the ways that `wish` asks for, the best first, or raise ValueError."""
    if wish not in WISHES:
        raise ValueError(f"readback is {wish!r}; there are {', '.join(map(repr, WISHES))}")
    return {"auto": AUTO, "dmabuf": SHARED_WAYS}.get(wish, (wish,))


def delete_buffers(Functions functions not None, names):
    """Delete buffers of the context that is current."""
    cdef GLuint name
    for name in names:
        functions.f.DeleteBuffers(1, &name)
