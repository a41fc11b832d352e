"""Frame: a lease on one slot of a pool, and every way to look at its pixels."""

cimport cython
cimport numpy as cnp
from cpython.buffer cimport PyBUF_FORMAT, PyBUF_ND, PyBUF_STRIDES, PyBUF_WRITABLE
from libc.stdint cimport uint32_t
from libc.string cimport memcpy

from camkit.memory_manager._abi cimport (
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
from camkit.memory_manager._description cimport Description, name_of

from camkit.errors import FormatNotSupported
from camkit.memory_manager._description import MEMORIES

cnp.import_array()


# Never to be pickled, which copy.copy() does too: a copy would end an export that it has not begun.
@cython.no_gc
@cython.auto_pickle(False)
cdef class Lease:
    """Keep a frame, for as long as a view of it lives."""

    def __dealloc__(self):
        if self.frame is not None:
            self.frame.unexport()


@cython.no_gc
cdef class Frame(Description):
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
    def closed(self):
        """bool: the frame was closed."""
        return self.c == NULL

    cdef void give_back(self) noexcept:
        cdef camkit_frame *c = self.c
        if c != NULL:
            self.c = NULL
            count_lease(c, -1)
            camkit_frame_release(c)

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


cdef Frame Frame_wrap(camkit_frame *c):
    cdef Frame frame = Frame.__new__(Frame)
    frame.c = c
    count_lease(c, 1)
    return frame
