"""FramePool: fixed slots of described memory on a lock-free free list."""

cimport cython
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memset

from camkit.memory_manager._abi cimport (
    CAMKIT_CLOCK_MONOTONIC,
    CAMKIT_FRAME_READ_ONLY,
    CAMKIT_MEMORY_DMABUF,
    CAMKIT_MEMORY_FOREIGN,
    CAMKIT_MEMORY_HEAP,
    CAMKIT_MEMORY_MEMFD,
    camkit_frame,
    camkit_frame_describe,
    camkit_frame_release,
    copy_description,
    frame_pool,
    now_ns,
    pool_memory,
)
from camkit.memory_manager._backing cimport explain_memory, get_memory
from camkit.memory_manager._foreign cimport Foreign, give_up_method, native_memory
from camkit.memory_manager._format cimport PixelFormat
from camkit.memory_manager._frame cimport Frame, Frame_wrap

import os
from weakref import WeakSet

from camkit.errors import PoolExhausted
from camkit.memory_manager import leaks, pool_stats
from camkit.memory_manager._backing import check_backing
from camkit.memory_manager._checks import check_int, check_size
from camkit.memory_manager._foreign import foreign_memory
from camkit.memory_manager._format import PixelFormat as _PixelFormat
from camkit.memory_manager.pool_stats import PoolStats, SlotHolder
from camkit.memory_manager.slot_layout import LARGEST_SLOT, LARGEST_STRIDE, slot_layout

cdef uint32_t RAW = 0xFFFFFFFF  # no row of the format table: bytes without a picture
_shared = WeakSet()  # pools of memory that a forked child would have in common with us


def _forked():  # parent and child would lend the same memory by two lists
    cdef FramePool pool
    for pool in list(_shared):
        if not pool.closed:
            pool.leaks, pool.memory.inherited = None, True
            pool.close()
    _shared.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


cdef class FramePool:
    """Hold a fixed number of equal buffers and lend them out as frames.

    All memory is taken and touched here, once; taking and returning a slot is lock-free and allocates nothing. All
    methods may be called from any thread. Frames may outlive the pool: the memory goes when it is closed, or dropped,
    and the last of them is gone. A forked child has its own copy; of memory that can be shared, it has a closed pool.

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
        Every slot begins on a multiple of this: a power of two from 64 to 2 MiB. Dma-bufs begin on a page at least.
    backing : {"heap", "huge", "memfd", "udmabuf", "dma-heap"}, optional
        What memory: this process's own; the same in 2 MiB pages (being refused is no error, see `explain`); a memfd,
        which other processes can be given; a memfd of which each slot is a dma-buf too, for devices; a dma-buf of the
        system's dma-heap for each slot (`dma-heap:NAME`: of that). Dma-bufs announce the CPU's use while they are out.
    prefault : bool, optional
        Touch every page now, so that no page fault comes later.
    debug : bool, optional
        Remember where each slot is taken, which costs microseconds and the GIL, and warn (LeakWarning) of those not
        back when the pool is closed or dropped or the interpreter ends. Default: if CAMKIT_DEBUG_LEAKS=1 is set.

    Attributes
    ----------
    format : PixelFormat or None
    slot_bytes, alignment : int
        Bytes.
    pitch : int
        Bytes from one slot to the next, 0 in a pool of wrapped objects.
    backing : str
        What memory it has; "foreign" in a pool of wrapped objects.
    closed : bool
        `close` was called.

    Raises
    ------
    ValueError
        A number out of range, a picture that does not fit into `slot_bytes`, or no such backing.
    FormatNotSupported
        `format` is not known.
    BackingUnavailable
        The backing is not to be had here; the message says what to try.
    MemoryError
        The system has not got that much memory.
    """

    def __cinit__(self, slots, slot_bytes=None, *, format=None, size=None, stride=None, alignment=64,
                  backing="heap", prefault=True, debug=None):
        self.closed = True  # until there is something to close
        self.count = check_int("slots", slots, 1, 65536)
        self._layout(slot_bytes, format, size, stride)
        if isinstance(backing, Foreign):
            self.backing, self.alignment = "foreign", alignment
        else:
            self.backing, least = check_backing(backing)
            self.alignment = max(check_int("alignment", alignment, 64, 1 << 21), least)
            if self.alignment & (self.alignment - 1):
                raise ValueError(f"alignment is {alignment}, not a power of two from 64 to 2097152")
            self.pitch = (self.slot_bytes + self.alignment - 1) // self.alignment * self.alignment
        self.memory = (pool_memory.make(self.count, 0) if self.backing == "foreign" else
                       get_memory(self.backing, self.count, self.pitch, self.alignment, bool(prefault)))
        if self.memory != NULL:
            self.pool = new frame_pool(self.count, NULL, pool_memory.destroy, self.memory)
            if self.pool == NULL:
                pool_memory.destroy(self.memory)
        if self.pool == NULL or not self.pool.ok():
            raise MemoryError("no memory for the pool's own records")
        self.describe(backing)
        self.pool.pictures = self.memory.pictures
        if self.memory.dmabufs != NULL:
            self.pool.returned = pool_memory.returned
            self.announced = True
        self.closed = False
        if self.backing in ("memfd", "udmabuf") or self.memory.dmabufs != NULL:
            _shared.add(self)
        if leaks.asked_for() if debug is None else debug:
            self.leaks = leaks.LeakWatch(self)
            self.announced = True

    def __del__(self):
        self._report_leaks("was dropped")

    def __dealloc__(self):
        if self.pool != NULL:
            self.pool.unref()

    @classmethod
    def wrap(cls, objects, slot_bytes=None, *, format=None, size=None, stride=None, alignment=None, debug=None):
        """Make a pool of memory that others have: each object is a slot, in their order.

        The objects are kept alive, and their buffers exported, until the pool is closed or dropped and its last frame
        is gone; then they are let go, on a thread of camkit's where the last frame goes on one without the GIL.

        Parameters
        ----------
        objects : iterable
            Each a contiguous buffer (bytearray, mmap, NumPy array, shared memory's `buf`, ctypes array), a DLPack
            tensor in CPU memory, or a `RawMemory`. Frames over a read-only one are read-only.
        slot_bytes : int, optional
            Bytes of each that are used. Default: what the picture needs, or all, if all have as many.
        format, size, stride, debug
            As for FramePool.
        alignment : int, optional
            Every object must begin on a multiple of this. Default: the bytes of a sample.

        Returns
        -------
        FramePool

        Raises
        ------
        TypeError
            An object shows no memory.
        ValueError
            It is not contiguous, not in CPU memory, too small or misaligned, or two overlap.
        """
        row = None if format is None else _PixelFormat.find(format)
        least = 1 if row is None else row.itemsize
        alignment = least if alignment is None else check_int("alignment", alignment, least, 1 << 21)
        if alignment & (alignment - 1):
            raise ValueError(f"alignment is {alignment}, not a power of two from {least} to 2097152")
        if slot_bytes is not None:
            slot_bytes = check_int("slot_bytes", slot_bytes, 1, LARGEST_SLOT)
        elif row is not None and not row.compressed:
            if size is None:
                raise ValueError(f"a pool of {row.name} frames needs a size")
            width, height = check_size(size, row)
            tight = row.row_bytes(width)
            slot_bytes = row.image_bytes(width, height, tight if stride is None else
                                         check_int("stride", stride, tight, LARGEST_STRIDE))
        foreign, slot_bytes = foreign_memory(objects, slot_bytes, alignment)
        return cls(len(foreign), slot_bytes, format=row, size=size, stride=stride, alignment=alignment,
                   backing=foreign, debug=debug)

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
        """Take a free slot as a frame, writable unless the memory is read-only.

        Parameters
        ----------
        like : Frame, optional
            Copy its times, sequence and colour, as a stage does that writes a new picture for an old one.

        Raises
        ------
        PoolExhausted
            Every slot is in use; `holders` tells by whom.
        ValueError
            The pool, or `like`, is closed.
        """
        cdef camkit_frame *model
        cdef camkit_frame *c = self.take()
        if c == NULL:
            self._check()
            holders = self.holders()
            raise PoolExhausted(pool_stats.exhausted(self.count, holders, self.leaks is not None), holders=holders)
        cdef Frame frame = Frame_wrap(c)
        cdef uint32_t readonly = c.flags & CAMKIT_FRAME_READ_ONLY
        c.timestamp_ns = c.dequeue_ns = now_ns()
        self.pool.set_lent_at(c.slot, c.dequeue_ns)
        c.clock = CAMKIT_CLOCK_MONOTONIC
        if like is not None:
            model = (<Frame?>like).share()
            copy_description(c, model)
            camkit_frame_release(model)
            c.flags |= readonly
        return frame

    def close(self):
        """Lend nothing any more. Frames that are out stay valid; the memory goes now, or with the last of them."""
        try:
            self._report_leaks("was closed")
        finally:
            with cython.critical_section(self):
                self.closed = True
                self.pool.close()

    def holders(self):
        """Tell who holds the slots that are in use; may be out of date when it is read.

        Returns
        -------
        tuple of SlotHolder
        """
        cdef uint32_t i, references
        cdef int64_t since, now = now_ns()
        watch = self._watch()
        held = []
        for i in range(self.count):
            references = self.pool.slots.refs(i)
            if references:
                since = self.pool.lent_at(i)
                held.append(SlotHolder(i, references, self.pool.leases(i), (now - since) / 1e9 if since else None,
                                       watch.taken(i) if watch is not None else None))
        return tuple(held)

    @property
    def free(self):
        """int: slots that can be taken; may be out of date when it is read."""
        return self.pool.slots.free_count()

    @property
    @cython.critical_section
    def fd(self):
        """int or None: the memfd of a `memfd` or `udmabuf` pool, in which slot i begins at `i * pitch`.

        The pool closes it with the memory: `os.dup` it to keep it.
        """
        self._check()
        return self.memory.memfd if self.memory.memfd >= 0 else None

    def stats(self):
        """Counts since the pool was made.

        Returns
        -------
        PoolStats
        """
        slots = &self.pool.slots
        return PoolStats(self.count, self.slot_bytes, slots.free_count(), slots.held_count(), slots.high_water(),
                         slots.acquired(), slots.released(), slots.failed(), slots.misuses())

    @cython.critical_section
    def explain(self):
        """Tell in words what memory the pool has, and why not the pages that were asked for.

        Returns
        -------
        str
        """
        self._check()
        slots = f"{self.count} slots of {self.slot_bytes} bytes"
        if self.backing == "foreign":
            return f"{slots} of wrapped memory"
        words = explain_memory(self.memory, self.backing)
        return f"{slots}, {self.pitch} apart, aligned to {self.alignment}; {words}"

    def _report_leaks(self, when):
        watch = self._watch()
        if watch is not None and not self.closed:
            holders = self.holders()
            with cython.critical_section(self):
                watch, self.leaks = self.leaks, None  # once
            if watch is not None:
                leaks.warn(self, when, self.count, holders)

    # Under a section, for another thread may take the attribute away, and with it the object.
    @cython.critical_section
    cdef object _watch(self):
        return self.leaks

    cdef camkit_frame *take(self) noexcept nogil:
        cdef camkit_frame *c = self.pool.acquire()
        if self.announced and c != NULL:
            self.announce(c)
        return c

    cdef void announce(self, camkit_frame *c) noexcept nogil:
        self.memory.announce(c.slot, True)
        if self.leaks is not None:
            with gil:
                watch = self._watch()
                if watch is not None:
                    watch.note(c.slot)
                self.pool.set_lent_at(c.slot, now_ns())

    # Say of each slot how it looks when it is lent, and take over the memory of others.
    cdef int describe(self, backing) except -1:
        cdef camkit_frame trial
        cdef Foreign foreign = backing if isinstance(backing, Foreign) else None
        cdef uint32_t i, flags, kind = CAMKIT_MEMORY_HEAP
        cdef uint8_t *data
        if foreign is not None:
            kind = CAMKIT_MEMORY_FOREIGN
            if foreign.give_up == NULL or foreign.count < self.count or foreign.slot_bytes < self.slot_bytes:
                raise ValueError("this wrapped memory is too small, or another pool's")
        elif self.memory.dmabufs != NULL:
            kind = CAMKIT_MEMORY_DMABUF
        elif self.backing == "memfd":
            kind = CAMKIT_MEMORY_MEMFD
        memset(&trial, 0, sizeof(trial))
        for i in range(self.count):
            data = self.memory.data + i * self.pitch if foreign is None else foreign.data[i]
            flags = CAMKIT_FRAME_READ_ONLY if foreign is not None and foreign.readonly[i] else 0
            if self.format is None:
                trial.format, trial.plane_count = RAW, 1
                trial.planes[0].data, trial.planes[0].size = data, self.slot_bytes
                trial.bytes_used = self.slot_bytes
            else:
                camkit_frame_describe(&trial, (<PixelFormat>self.format).id, self.width, self.height, data,
                                      self.slot_bytes, self.stride)
            self.memory.describe(i, trial, flags, kind)
        if foreign is not None:
            self.memory.give_up, self.memory.owner = foreign.give_up, foreign.owner
            foreign.give_up = NULL
        return 0

    cdef int _check(self) except -1:
        if self.closed:
            raise ValueError("the pool is closed")
        return 0

    cdef int _layout(self, slot_bytes, format, size, stride) except -1:
        layout = slot_layout(slot_bytes, format, size, stride)
        self.slot_bytes, self.format, self.width, self.height, self.stride = layout
        # Tells a stride that no plane layout can have before memory is looked for.
        cdef camkit_frame trial
        if self.format is not None and camkit_frame_describe(
                &trial, (<PixelFormat>self.format).id, self.width, self.height, NULL, self.slot_bytes, self.stride):
            raise ValueError(f"{self.format.name} {self.width}x{self.height} cannot have a stride of {self.stride} "
                             "bytes")
        return 0


cdef FramePool FramePool_over(uint8_t **data, uint32_t count, size_t slot_bytes, bint readonly, give_up_method give_up,
                              void *owner, dict keywords):
    foreign = native_memory(data, count, slot_bytes, readonly, give_up, owner)
    return FramePool(count, slot_bytes, backing=foreign, **keywords)
