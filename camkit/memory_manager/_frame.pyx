"""Frame: a lease on one slot of a pool, and every way to look at its pixels."""

cimport cython
cimport numpy as cnp
from cpython.buffer cimport PyBUF_FORMAT, PyBUF_ND, PyBUF_STRIDES, PyBUF_WRITABLE
from libc.stdint cimport uint32_t
from libc.string cimport memcpy

from camkit.memory_manager._abi cimport (
    CAMKIT_CLOCK_MONOTONIC,
    CAMKIT_FRAME_COPY,
    CAMKIT_FRAME_CORRUPT,
    CAMKIT_FRAME_DISCONTINUITY,
    CAMKIT_FRAME_KEYFRAME,
    CAMKIT_FRAME_READ_ONLY,
    camkit_format,
    camkit_format_row,
    camkit_frame,
    camkit_frame_release,
    camkit_frame_retain,
    camkit_plane,
    camkit_plane_rows,
    camkit_row_bytes,
    copy_description,
    copy_pixels,
    count_lease,
)
from camkit.memory_manager._clock_map cimport shared_map
from camkit.memory_manager._format cimport PixelFormat_of

from collections import namedtuple

from camkit.errors import ClockUnknown, FormatNotSupported
from camkit.memory_manager.dmabuf import DmabufPlane
from camkit.memory_manager.driver_buffer import DriverBuffer, DriverPlane, DriverTimecode

cnp.import_array()

Colour = namedtuple("Colour", "primaries transfer matrix range")
Colour.__doc__ = "Colour of a frame by name: primaries, transfer, matrix, range; `unknown` where the source is silent."

PRIMARIES = {1: "bt709", 2: "unknown", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 9: "bt2020", 12: "dci-p3"}
TRANSFERS = {1: "bt709", 2: "unknown", 7: "smpte240m", 8: "linear", 13: "srgb", 16: "pq"}
MATRICES = {0: "rgb", 1: "bt709", 2: "unknown", 6: "bt601", 7: "smpte240m", 9: "bt2020"}
RANGES = {0: "unknown", 1: "limited", 2: "full"}
CLOCKS = ("unknown", "monotonic", "copy")
STAMPS = ("unknown", "start_of_exposure", "end_of_frame")
MEMORIES = ("heap", "mmap", "userptr", "dmabuf", "memfd", "foreign")


# Never to be pickled, which copy.copy() does too: a copy would end an export that it has not begun.
@cython.no_gc
@cython.auto_pickle(False)
cdef class Lease:
    """Keep a frame, for as long as a view of it lives."""

    def __dealloc__(self):
        if self.frame is not None:
            self.frame.unexport()


@cython.no_gc
cdef class Frame:
    """A lease on a picture in a pool's slot, or in a camera's own buffer.

    The pixels are never copied: `array`, `planes`, the buffer protocol and DLPack show the slot itself. Any such view
    keeps the slot, so it can neither dangle nor be overwritten. The slot goes back when the frame and all views are
    gone, or at `close()`, which raises BufferError while a NumPy view or a buffer lives; a DLPack tensor has a lease of
    its own, which `close()` leaves alone. Views of a driver's buffer are read-only.

    Frames come from cameras, pools and pipelines, never from this class. Reading is safe from any thread.
    """

    def __init__(self):
        raise TypeError("frames come from a camera, a pool or a pipeline, they cannot be made by hand")

    def __dealloc__(self):
        self.give_back()

    def __enter__(self):
        self.get()
        return self

    def __exit__(self, *args):
        self.close()

    @cython.critical_section
    def __repr__(self):
        cdef camkit_frame *c = self.c
        if c == NULL:
            return "<Frame closed>"
        return f"<Frame {c.sequence} {name_of(c.format)} {c.width}x{c.height} {MEMORIES[c.memory]}>"

    @cython.critical_section
    def __getbuffer__(self, Py_buffer *view, int flags):
        cdef camkit_frame *c = self.get()
        if c.plane_count != 1:
            raise BufferError(f"{name_of(c.format)} has {c.plane_count} planes and no single buffer: use frame.planes")
        if flags & PyBUF_WRITABLE and c.flags & CAMKIT_FRAME_READ_ONLY:
            raise BufferError("the frame is read-only, for its memory is a driver's or was wrapped as such; use "
                              "frame.copy()")
        cdef int itemsize, ndim = self._shape(0, self.shape, self.strides, &itemsize)
        if not flags & PyBUF_STRIDES == PyBUF_STRIDES and not self._contiguous(ndim, itemsize):
            raise BufferError(f"rows are {c.planes[0].stride} bytes apart with padding: ask for a strided buffer")
        view.buf = c.planes[0].data
        view.len = itemsize
        for i in range(ndim):
            view.len *= self.shape[i]
        view.itemsize = itemsize
        view.readonly = c.flags & CAMKIT_FRAME_READ_ONLY != 0
        view.ndim = ndim
        view.format = NULL
        if flags & PyBUF_FORMAT:
            view.format = b"H" if itemsize == 2 else b"B"
        view.shape = view.strides = NULL
        if flags & PyBUF_ND:
            view.shape = self.shape
        if flags & PyBUF_STRIDES == PyBUF_STRIDES:
            view.strides = self.strides
        view.suboffsets = NULL
        view.internal = NULL
        view.obj = self
        self.exports += 1

    def __releasebuffer__(self, Py_buffer *view):
        self.unexport()

    def __dlpack__(self, *, stream=None, max_version=None, dl_device=None, copy=None):
        """Export the pixels as a DLPack tensor; called by `np.from_dlpack`, `torch.from_dlpack` and their like.

        The tensor holds the slot by itself: it stays valid after `close()`, and the slot comes back when it goes.

        Raises
        ------
        BufferError
            Several planes; another device than the CPU; or read-only memory and a consumer before DLPack 1.0.
        """
        from camkit.memory_manager._dlpack import dlpack
        return dlpack(self, stream, max_version, dl_device, copy)

    def __dlpack_device__(self):
        """Tell where the pixels lie: (1, 0), the CPU."""
        return 1, 0

    @cython.critical_section
    def close(self):
        """Give the slot back now. Closing twice is harmless.

        Raises
        ------
        BufferError
            A view of the pixels is alive; the frame stays open.
        """
        if self.c == NULL:
            return
        if self.exports:
            raise BufferError(f"cannot close frame {self.c.sequence}: {self.exports} view(s) of its pixels are alive; "
                              "delete them first, or let the frame close itself when they go")
        self.give_back()

    def copy(self):
        """Copy the picture into memory of its own.

        Returns
        -------
        Frame
            Same format, size, times and flags; writable; rows without padding.
        """
        from camkit.memory_manager._pool import FramePool
        cdef camkit_frame *c = self.share()  # making a pool takes long enough for another thread to close the frame
        cdef const camkit_format *row = camkit_format_row(c.format)
        cdef Frame to
        try:
            compressed = row == NULL or row.planes[0].hsub == 0
            pool = FramePool(1, max(<Py_ssize_t>c.planes[0].size, 1) if compressed else None, format=name_of(c.format),
                             size=(c.width, c.height) if row != NULL else None, debug=False)
            to = pool.acquire()
            copy_description(to.c, c)
            if row == NULL:
                memcpy(to.c.planes[0].data, c.planes[0].data, min(c.bytes_used, c.planes[0].size))
            elif copy_pixels(to.c, c) < 0:
                raise ValueError("the frame says more bytes than its memory has")
            return to
        finally:
            camkit_frame_release(c)

    def time(self, clock="realtime", of="timestamp"):
        """Tell a moment of the frame on a system clock.

        Parameters
        ----------
        clock : {"realtime", "boottime", "tai", "monotonic_raw", "monotonic"}
            Clock to tell it on; `realtime` counts from 1970.
        of : {"timestamp", "hardware", "dequeue"}
            Which moment: `timestamp_ns`, `hardware_ns` or `dequeue_ns`.

        Returns
        -------
        int
            Nanoseconds. `camkit.clock_map("monotonic", clock).error_at(...)` bounds its error, which is the size of the
            step for a frame under way while the clock was set.

        Raises
        ------
        ClockUnknown
            The frame's own clock is not known (see `clock`), or it has no such time.
        ValueError
            There is no such clock or moment.
        """
        cdef camkit_frame *c
        with cython.critical_section(self):
            c = self.get()
            number, own = c.sequence, c.clock
            times = {"timestamp": c.timestamp_ns, "hardware": c.hardware_ns, "dequeue": c.dequeue_ns}
        if of not in times:
            raise ValueError(f"of is {of!r}, not one of {', '.join(times)}")
        if of == "timestamp" and own != CAMKIT_CLOCK_MONOTONIC:
            raise ClockUnknown(f"cannot tell the time of frame {number} on {clock}: its timestamp is on a clock "
                               f"that is {CLOCKS[own]!r}; of=\"dequeue\" tells when it was taken from the source")
        if not times[of]:
            raise ClockUnknown(f"cannot tell the {of} time of frame {number} on {clock}: it has none")
        return times[of] if clock == "monotonic" else shared_map("monotonic", clock).convert(times[of])

    @property
    @cython.critical_section
    def array(self):
        """numpy.ndarray: the pixels, shaped and strided, without a copy.

        (H, W, 3) uint8 for RGB24, (H, W, 2) for YUYV, (H, W) for GREY, uint16 for Y16, the bytes used for MJPG.

        Raises
        ------
        FormatNotSupported
            The format has several planes: use `planes`.
        """
        cdef camkit_frame *c = self.get()
        if c.plane_count != 1:
            raise FormatNotSupported(f"{name_of(c.format)} has {c.plane_count} planes and no single array: use "
                                     "frame.planes")
        return self._view(0)

    @property
    @cython.critical_section
    def planes(self):
        """tuple of numpy.ndarray: every plane, without a copy; for NV12 (H, W) and (H/2, W/2, 2)."""
        return tuple([self._view(i) for i in range(self.get().plane_count)])

    @property
    @cython.critical_section
    def strides(self):
        """tuple of int: bytes from one row to the next, for every plane; 0 in a compressed format."""
        return tuple([self.c.planes[i].stride for i in range(self.get().plane_count)])

    @property
    @cython.critical_section
    def format(self):
        """str: V4L2 name of the pixel format, None for plain bytes."""
        return name_of(self.get().format)

    @property
    @cython.critical_section
    def pixel_format(self):
        """PixelFormat: the row of the format table, None for plain bytes."""
        return PixelFormat_of(self.c.format) if camkit_format_row(self.get().format) != NULL else None

    @property
    @cython.critical_section
    def width(self):
        """int: pixels."""
        return self.get().width

    @property
    @cython.critical_section
    def height(self):
        """int: pixels."""
        return self.get().height

    @property
    @cython.critical_section
    def size(self):
        """(int, int): width and height in pixels."""
        return self.get().width, self.c.height

    @property
    @cython.critical_section
    def nbytes(self):
        """int: bytes that the source wrote, all planes together."""
        return self.get().bytes_used

    @property
    def colour(self):
        """Colour: primaries, transfer, matrix and range."""
        with cython.critical_section(self):
            c = self.get().colour
        return Colour(PRIMARIES.get(c.primaries, "unknown"), TRANSFERS.get(c.transfer, "unknown"),
                      MATRICES.get(c.matrix, "unknown"), RANGES.get(c.range, "unknown"))

    @property
    @cython.critical_section
    def timestamp_ns(self):
        """int: the source's time of the frame in nanoseconds, on `clock`, at the moment that `stamp` names."""
        return self.get().timestamp_ns

    @property
    @cython.critical_section
    def clock(self):
        """str: clock of `timestamp_ns`: `monotonic` (as time.monotonic_ns), `copy` or `unknown`."""
        return CLOCKS[self.get().clock]

    @property
    @cython.critical_section
    def stamp(self):
        """str: what `timestamp_ns` marks: `start_of_exposure`, `end_of_frame` or `unknown`."""
        return STAMPS[self.get().stamp]

    @property
    @cython.critical_section
    def dequeue_ns(self):
        """int: when camkit took the frame from the source, monotonic nanoseconds."""
        return self.get().dequeue_ns

    @property
    @cython.critical_section
    def hardware_ns(self):
        """int or None: when the camera's own clock says that it was exposed, in monotonic nanoseconds."""
        return self.get().hardware_ns or None

    @property
    @cython.critical_section
    def driver(self):
        """DriverBuffer or None: what the driver said of its buffer; None where no driver filled the frame."""
        d = &self.get().driver
        if not d.type:
            return None
        t = d.timecode
        timecode = DriverTimecode(d.timecode_type, d.timecode_flags, t[0], t[1], t[2], t[3], bytes(t[4:8]))
        return DriverBuffer(
            d.index, d.type, d.bytes_used, d.flags, d.field, d.sequence, d.memory, d.length,
            timecode if d.timecode_type else None,
            tuple([DriverPlane(d.planes[i].bytes_used, d.planes[i].length, d.planes[i].data_offset)
                   for i in range(d.plane_count)]))

    @property
    @cython.critical_section
    def companions(self):
        """tuple of Frame: the frames of other cameras that a `Match` found to belong to this one, in its inputs' order.

        Each is a lease of its own; empty where nothing was matched.
        """
        found = []
        for i in range(self.get().companion_count):
            camkit_frame_retain(self.c.companions[i])
            found.append(Frame_wrap(self.c.companions[i]))
        return tuple(found)

    @property
    @cython.critical_section
    def stage_ns(self):
        """tuple of int: when each pipeline stage was done with the frame, monotonic nanoseconds.

        Of the stages in front of a Tee: behind it several threads have the frame, and none writes into it.
        """
        return tuple([self.c.stage_ns[i] for i in range(self.get().stage_count)])

    @property
    @cython.critical_section
    def sequence(self):
        """int: the source's number of the frame; it counts lost frames too."""
        return self.get().sequence

    @property
    @cython.critical_section
    def gap(self):
        """int: frames that the source lost just before this one."""
        return self.get().gap

    @property
    @cython.critical_section
    def generation(self):
        """int: number of the stream it belongs to; a restarted camera has another."""
        return self.get().generation

    @property
    @cython.critical_section
    def slot(self):
        """int: index of its buffer in the pool."""
        return self.get().slot

    @property
    @cython.critical_section
    def memory(self):
        """str: where the pixels lie.

        `heap` (ours), `mmap` (the driver's own buffer), `userptr` (ours, filled by the driver), `dmabuf` (a dma-buf
        that the driver filled, or of a pool of them), `memfd` (a pool's that can be shared) or `foreign` (wrapped).
        """
        return MEMORIES[self.get().memory]

    @property
    @cython.critical_section
    def dmabufs(self):
        """tuple of DmabufPlane or None: the planes as dma-bufs, for GPUs and other devices; None if they are none.

        With `Frame.memory` "dmabuf" the CPU's access is announced to the exporter while the frame is out; else the
        driver sees to that.
        """
        cdef camkit_frame *c = self.get()
        if not c.plane_count or c.planes[0].dmabuf_fd < 0:
            return None
        return tuple([DmabufPlane(c.planes[i].dmabuf_fd, c.planes[i].offset, c.planes[i].stride)
                      for i in range(c.plane_count)])

    @property
    @cython.critical_section
    def corrupt(self):
        """bool: the driver marked the frame as damaged, or it is shorter than its picture."""
        return self.get().flags & CAMKIT_FRAME_CORRUPT != 0

    @property
    @cython.critical_section
    def keyframe(self):
        """bool: the frame can be decoded without others."""
        return self.get().flags & CAMKIT_FRAME_KEYFRAME != 0

    @property
    @cython.critical_section
    def discontinuity(self):
        """bool: the first frame after the source began anew by itself, perhaps in another format."""
        return self.get().flags & CAMKIT_FRAME_DISCONTINUITY != 0

    @property
    @cython.critical_section
    def copied(self):
        """bool: a copy, handed out because the camera's own buffers had run short."""
        return self.get().flags & CAMKIT_FRAME_COPY != 0

    @property
    @cython.critical_section
    def readonly(self):
        """bool: views cannot be written."""
        return self.get().flags & CAMKIT_FRAME_READ_ONLY != 0

    @property
    def closed(self):
        """bool: the frame was closed."""
        return self.c == NULL

    cdef void give_back(self) noexcept:
        cdef camkit_frame *c = self.c
        if c != NULL:
            self.c = NULL
            count_lease(c, -1)
            camkit_frame_release(c)

    cdef camkit_frame *get(self) except NULL:
        if self.c == NULL:
            raise ValueError("the frame is closed")
        return self.c

    @cython.critical_section
    cdef camkit_frame *share(self) except NULL:
        cdef camkit_frame *c = self.get()
        camkit_frame_retain(c)
        return c

    @cython.critical_section
    cdef void unexport(self) noexcept:
        self.exports -= 1

    cdef int _shape(self, uint32_t plane, Py_ssize_t *shape, Py_ssize_t *strides, int *itemsize) except -1:
        cdef camkit_frame *c = self.get()
        cdef camkit_plane *p = &c.planes[plane]
        cdef const camkit_format *row = camkit_format_row(c.format)
        itemsize[0] = 1
        if row == NULL or row.planes[plane].hsub == 0:
            shape[0] = min(c.bytes_used, p.size)
            strides[0] = 1
            return 1
        cdef int channels = row.planes[plane].channels
        itemsize[0] = row.itemsize
        shape[0] = camkit_plane_rows(row, plane, c.height)
        shape[1] = camkit_row_bytes(row, plane, c.width) // (channels * row.itemsize)
        shape[2] = channels
        strides[0] = p.stride
        strides[1] = channels * row.itemsize
        strides[2] = row.itemsize
        if shape[0] and strides[0] * (shape[0] - 1) + shape[1] * strides[1] > <Py_ssize_t>p.size:
            raise ValueError(f"plane {plane} of {name_of(c.format)} {c.width}x{c.height} with stride {p.stride} does "
                             f"not fit into its {p.size} bytes")
        return 2 if channels == 1 else 3

    cdef bint _contiguous(self, int ndim, int itemsize):
        return ndim == 1 or self.strides[0] == self.shape[1] * self.strides[1]

    # Whoever calls this holds the frame's critical section.
    cdef object _view(self, uint32_t plane):
        cdef Py_ssize_t shape[3]
        cdef Py_ssize_t strides[3]
        cdef int itemsize, ndim = self._shape(plane, shape, strides, &itemsize)
        cdef bint readonly = self.c.flags & CAMKIT_FRAME_READ_ONLY != 0
        cdef Lease lease = Lease.__new__(Lease)
        lease.frame = self
        self.exports += 1  # before anything that could let another thread close the frame
        array = cnp.PyArray_New(
            cnp.ndarray, ndim, <cnp.npy_intp *>shape, cnp.NPY_UINT16 if itemsize == 2 else cnp.NPY_UINT8,
            <cnp.npy_intp *>strides, self.c.planes[plane].data, itemsize,
            cnp.NPY_ARRAY_ALIGNED | (0 if readonly else cnp.NPY_ARRAY_WRITEABLE), None)
        cnp.set_array_base(array, lease)
        return array


cdef object name_of(uint32_t format):
    row = camkit_format_row(format)
    return row.name.decode() if row != NULL else None


cdef Frame Frame_wrap(camkit_frame *c):
    cdef Frame frame = Frame.__new__(Frame)
    frame.c = c
    count_lease(c, 1)
    return frame
