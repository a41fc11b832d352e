"""FramePool: fixed slots of aligned, touched memory on a lock-free free list."""

from libc.stdint cimport uint8_t, uint32_t
from libc.stdlib cimport calloc, free
from libc.string cimport strerror

from camkit.memory_manager._abi cimport (
    CAMKIT_CLOCK_MONOTONIC,
    CAMKIT_MEMORY_HEAP,
    allocate_pages,
    camkit_frame,
    camkit_frame_describe,
    copy_description,
    frame_pool,
    free_pages,
    huge_pages_no,
    huge_pages_wanted,
    now_ns,
    transparent_huge_bytes,
)
from camkit.memory_manager._format cimport PixelFormat
from camkit.memory_manager._frame cimport Frame, Frame_wrap

from camkit.errors import PoolExhausted
from camkit.memory_manager._checks import check_int, check_size
from camkit.memory_manager._format import PixelFormat as _PixelFormat

LARGEST_SLOT = 1 << 40  # bytes: the sum over all slots cannot overflow

cdef uint32_t RAW = 0xFFFFFFFF  # no row of the format table: bytes without a picture


cdef void destroy(void *context) noexcept nogil:
    cdef pool_memory *memory = <pool_memory *>context
    free_pages(memory.pages)
    free(memory)


cdef class FramePool:
    """Hold a fixed number of equal buffers and lend them out as frames.

    All memory is taken and touched here, once; taking and returning a slot is lock-free and allocates nothing. All
    methods may be called from any thread. Frames may outlive the pool: the memory goes when the last of them does.

    Parameters
    ----------
    slots : int
        Number of buffers, 1 to 65536.
    slot_bytes : int, optional
        Bytes of one buffer. Needed without `format`, and for a compressed format; else computed.
    format : str, optional
        Pixel format of the frames that `acquire` returns. Without it they are plain bytes.
    size : (int, int), optional
        Width and height in pixels, needed with `format`.
    stride : int, optional
        Bytes from one row of plane 0 to the next, at least the row's own bytes. Default: no padding.
    alignment : int, optional
        Every slot begins on a multiple of this: a power of two from 64 to 2 MiB.
    huge_pages : bool, optional
        Ask for 2 MiB pages. What was got is told by `explain()`; being refused is no error.
    prefault : bool, optional
        Touch every page now, so that no page fault comes later.

    Attributes
    ----------
    format : PixelFormat or None
    slot_bytes : int
        Bytes of one buffer.
    alignment : int
        Bytes.
    huge_pages : bool
        They were asked for; `explain` tells what was got.
    closed : bool
        `close` was called.

    Raises
    ------
    ValueError
        A number out of range, or a picture that does not fit into `slot_bytes`.
    FormatNotSupported
        `format` is not known.
    MemoryError
        The system has not got that much memory.
    """

    def __cinit__(self, slots, slot_bytes=None, *, format=None, size=None, stride=None, alignment=64,
                  huge_pages=False, prefault=True):
        self.count = check_int("slots", slots, 1, 65536)
        self.alignment = check_int("alignment", alignment, 64, 1 << 21)
        if self.alignment & (self.alignment - 1):
            raise ValueError(f"alignment is {alignment}, not a power of two from 64 to 2097152")
        self._layout(slot_bytes, format, size, stride)
        self.pitch = (self.slot_bytes + self.alignment - 1) // self.alignment * self.alignment
        self.huge_pages = bool(huge_pages)
        self.memory = <pool_memory *>calloc(1, sizeof(pool_memory))
        if self.memory == NULL:
            raise MemoryError("no memory for the pool's own records")
        cdef int error = allocate_pages(self.memory.pages, self.pitch * self.count, self.alignment,
                                        huge_pages_wanted if self.huge_pages else huge_pages_no, bool(prefault))
        if error:
            free(self.memory)
            self.memory = NULL
            raise MemoryError(f"cannot allocate {self.count} slots of {self.pitch} bytes: {strerror(error).decode()}")
        self.pool = new frame_pool(self.count, NULL, destroy, self.memory)
        if self.pool == NULL:
            destroy(self.memory)
        if self.pool == NULL or not self.pool.ok():
            raise MemoryError("no memory for the pool's own records")

    def __dealloc__(self):
        if self.pool != NULL:
            self.pool.unref()

    def __len__(self):
        return self.count

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.close()

    def __repr__(self):
        what = f"{self.format.name} {self.width}x{self.height}" if self.format is not None else "bytes"
        return f"<FramePool {self.count} x {self.slot_bytes} {what}{' closed' if self.closed else ''}>"

    def acquire(self, like=None):
        """Take a free slot as a writable frame.

        Parameters
        ----------
        like : Frame, optional
            Copy its times, sequence and colour, as a stage does that writes a new picture for an old one.

        Raises
        ------
        PoolExhausted
            Every slot is in use.
        ValueError
            The pool, or `like`, is closed.
        """
        self._check()
        cdef camkit_frame *c = self.take()
        if c == NULL:
            raise PoolExhausted(
                f"no free slot in a pool of {self.count}: all are in use; close frames and drop their views, or make "
                "a larger pool")
        cdef Frame frame = Frame_wrap(c)
        c.timestamp_ns = c.dequeue_ns = now_ns()
        c.clock = CAMKIT_CLOCK_MONOTONIC
        if like is not None:
            copy_description(c, (<Frame?>like).get())
        return frame

    def close(self):
        """Lend nothing any more. Frames that are out stay valid; the memory goes with the last of them and the pool."""
        # The records stay until the object goes: another thread may be inside take() at this moment.
        self.closed = True

    @property
    def free(self):
        """int: slots that nobody holds; may be out of date when it is read."""
        return self.pool.slots.free_count()

    def stats(self):
        """Counts since the pool was made.

        Returns
        -------
        dict
            `slots`, `slot_bytes`, `free`, `in_use`, `high_water` (most slots in use at once), `acquired`, `released`,
            `exhausted` (times there was none), `misuses` (releases too many, refused: 0, or a native stage is wrong).
        """
        self._check()
        idle = self.pool.slots.free_count()
        return {
            "slots": self.count, "slot_bytes": self.slot_bytes, "free": idle, "in_use": self.count - idle,
            "high_water": self.pool.slots.high_water(), "acquired": self.pool.slots.acquired(),
            "released": self.pool.slots.released(), "exhausted": self.pool.slots.failed(),
            "misuses": self.pool.slots.misuses(),
        }

    def explain(self):
        """Tell in words what memory the pool has, and why not the pages that were asked for.

        Returns
        -------
        str
        """
        self._check()
        cdef page_memory *m = &self.memory.pages
        head = f"{self.count} slots of {self.slot_bytes} bytes, {self.pitch} apart, aligned to {self.alignment}"
        if not self.huge_pages:
            return f"{head}; 4 KiB pages (huge pages were not asked for)"
        if m.hugetlb:
            return f"{head}; 2 MiB pages from hugetlbfs"
        why = f"hugetlbfs: {strerror(m.hugetlb_errno).decode()}" if m.hugetlb_errno else "hugetlbfs: not on this system"
        if not m.advised:
            no = strerror(m.advise_errno).decode() if m.advise_errno else "not on this system"
            return f"{head}; 4 KiB pages ({why}; transparent huge pages: {no})"
        got = transparent_huge_bytes(m[0])
        if got < 0:
            return f"{head}; transparent huge pages were accepted, how many is not told ({why})"
        return f"{head}; {got} of {m.size} bytes in transparent 2 MiB pages, the rest in 4 KiB pages ({why})"

    cdef camkit_frame *take(self) noexcept nogil:
        if self.closed:
            return NULL
        cdef camkit_frame *c = self.pool.acquire()
        if c == NULL:
            return NULL
        cdef uint8_t *data = self.memory.pages.data + c.slot * self.pitch
        c.memory = CAMKIT_MEMORY_HEAP
        c.sequence = 0
        if self.format is None:
            c.format = RAW
            c.plane_count = 1
            c.width = c.height = 0
            c.planes[0].data = data
            c.planes[0].size = self.slot_bytes
            c.planes[0].stride = c.planes[0].rows = c.planes[0].offset = 0
            c.bytes_used = self.slot_bytes
        else:
            camkit_frame_describe(c, (<PixelFormat>self.format).id, self.width, self.height, data, self.slot_bytes,
                                  self.stride)
        return c

    cdef int _check(self) except -1:
        if self.closed:
            raise ValueError("the pool is closed")
        return 0

    cdef int _layout(self, slot_bytes, format, size, stride) except -1:
        given = None if slot_bytes is None else check_int("slot_bytes", slot_bytes, 1, LARGEST_SLOT)
        if format is None:
            if given is None:
                raise ValueError("a pool needs slot_bytes, or a format and a size")
            if size is not None or stride is not None:
                raise ValueError("size and stride describe a picture: they need a format")
            self.slot_bytes = given
            return 0
        cdef PixelFormat f = _PixelFormat.find(format)
        if size is None:
            raise ValueError(f"a pool of {f.name} frames needs a size")
        self.width, self.height = check_size(size, f)
        if f.compressed:
            if given is None:
                raise ValueError(f"{f.name} is compressed: the pool needs slot_bytes, the most that one frame may take")
            if stride is not None:
                raise ValueError(f"{f.name} is compressed: it has no stride")
            self.slot_bytes = given
            self.stride = 0
        else:
            least = f.row_bytes(self.width)
            self.stride = least if stride is None else check_int("stride", stride, least, (1 << 32) - 1)
            need = f.image_bytes(self.width, self.height, self.stride)
            if given is not None and given < need:
                raise ValueError(f"{f.name} {self.width}x{self.height} with stride {self.stride} needs {need} bytes, "
                                 f"slot_bytes is {given}")
            self.slot_bytes = check_int("slot_bytes", given or need, 1, LARGEST_SLOT)
        self.format = f
        # One trial tells a stride that no plane layout can have, before any frame does.
        cdef camkit_frame trial
        if camkit_frame_describe(&trial, f.id, self.width, self.height, NULL, self.slot_bytes, self.stride):
            raise ValueError(f"{f.name} {self.width}x{self.height} cannot have a stride of {self.stride} bytes")
        return 0
