"""The memory of a V4L2 stream: the driver's own mapped here, or ours lent to the driver."""

from libc.errno cimport EINVAL, ENODEV, ENOMEM, errno
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset
from posix.mman cimport MAP_FAILED, MAP_SHARED, PROT_READ, mmap
from posix.unistd cimport close as c_close

from camkit.camera_capture._v4l2.abi cimport V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE, O_CLOEXEC, O_RDWR, c_open
from camkit.camera_capture._v4l2.buffers cimport (
    MOST_BUFFERS,
    MOST_PLANES,
    allocate_dma_heap,
    allocate_memfd,
    describe_buffer,
    driver_stream,
    free_buffer,
    request_buffers,
    shared_memory,
)
from camkit.camera_capture._v4l2.buffers_abi cimport *
from camkit.camera_capture._v4l2.device cimport Device, failure, ioctl_errno
from camkit.memory_manager._frame cimport Frame
from camkit.memory_manager._later cimport keep_object

import os

from camkit.camera_capture._v4l2.io import WayRefused
from camkit.camera_capture.lender import lent_frames
from camkit.errors import CameraError
from camkit.memory_manager.dma_devices import UDMABUF

cdef extern from "camkit/read_speed.hpp" namespace "camkit" nogil:
    int64_t read_ns(const uint8_t *data, size_t size) noexcept

cdef enum:
    SAMPLE = 1 << 18  # bytes: small enough for a cache, large enough for a clock


cdef int get_buffers(driver_stream *s, Device device, way, uint32_t n, uint32_t *capabilities) except -1:
    cdef uint32_t got = n
    s.memory = way.memory
    s.planes = device.planes()
    # Memory of somebody else's dma-bufs may have to be made coherent; the driver does that for its own.
    s.sync = way.memory == V4L2_MEMORY_DMABUF
    cdef int error = request_buffers(s.fd, s.kind, s.memory, &got, capabilities)
    what = f"start: get {n} buffers of {device.image_bytes()} bytes"
    if error == ENOMEM or (error == EINVAL and not capabilities[0]):
        raise refusal(device.path, what, error)  # memory of another kind may be there, or known to an old driver
    if error:
        raise failure(device.path, what, error)
    if got < 2:
        raise CameraError(ENOMEM, f"cannot start: the driver gave {got} of {n} buffers, 2 are the least that can "
                          "stream", device.path)
    _fill(s, device, way, 0, min(got, <uint32_t>MOST_BUFFERS))
    return 0


cdef int get_more(driver_stream *s, Device device, way, uint32_t n) except -1:
    cdef v4l2_create_buffers wish
    memset(&wish, 0, sizeof(wish))
    wish.count = n
    wish.memory = s.memory
    wish.format = device.format
    device.control(VIDIOC_CREATE_BUFS, &wish, f"get {n} more buffers of {device.image_bytes()} bytes")
    if wish.index + wish.count > MOST_BUFFERS:
        raise CameraError(ENOMEM, f"cannot get {n} more buffers: {MOST_BUFFERS} are the most", device.path)
    try:
        _fill(s, device, way, wish.index, wish.index + wish.count)
    except CameraError as error:
        words = error.strerror.removeprefix("cannot start: ").removeprefix("cannot ")
        kind = CameraError if isinstance(error, WayRefused) else type(error)
        raise kind(error.errno, f"cannot grow the ring by {n}: {words}", device.path) from None
    return 0


cdef int _fill(driver_stream *s, Device device, way, uint32_t first, uint32_t end) except -1:
    cdef int allocator = -1
    frames = lent_frames(way.lender, end - first, _slot_bytes(s, device), device.path) if way.lender is not None else ()
    if way.allocator:
        allocator = c_open(os.fsencode(way.allocator), O_RDWR | O_CLOEXEC)
        if allocator < 0:
            raise refusal(device.path, f"start: open {way.allocator}", errno)
    try:
        for i in range(first, end):
            try:
                if way.lender is not None:
                    _borrow(s, device, i, frames[i - first])
                elif way.ours:
                    _allocate(s, device, i, allocator, way.allocator == UDMABUF)
                else:
                    _map(s, device, i)
                    if way.exported:
                        _export(s, device, i)
            except BaseException:
                free_buffer(&s.buffers[i])
                raise
            s.count.store(i + 1)
    finally:
        if allocator >= 0:
            c_close(allocator)
    return 0


cdef int _map(driver_stream *s, Device device, uint32_t i) except -1:
    cdef v4l2_buffer b
    cdef v4l2_plane planes[MOST_PLANES]
    cdef bint mplane = s.kind == V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE
    cdef shared_memory *to
    cdef size_t size
    cdef void *memory
    describe_buffer(s, &b, planes, i)
    device.control(VIDIOC_QUERYBUF, &b, f"start: ask for buffer {i}")
    for plane in range(s.planes):
        to = &s.buffers[i].planes[plane]
        size = planes[plane].length if mplane else b.length
        memory = mmap(NULL, size, PROT_READ, MAP_SHARED, s.fd, planes[plane].m.mem_offset if mplane else b.m.offset)
        if memory == MAP_FAILED:
            raise failure(device.path, f"start: map buffer {i} of {size} bytes", errno)
        to.data, to.size = <uint8_t *>memory, size
    return 0


cdef int _export(driver_stream *s, Device device, uint32_t i) except -1:
    cdef v4l2_exportbuffer wish
    for plane in range(s.planes):
        memset(&wish, 0, sizeof(wish))
        wish.type, wish.index, wish.plane, wish.flags = s.kind, i, plane, O_RDWR | O_CLOEXEC
        error = ioctl_errno(s.fd, VIDIOC_EXPBUF, &wish)
        if error:
            raise refusal(device.path, f"start: export buffer {i} as a dma-buf", error)
        s.buffers[i].planes[plane].dmabuf = wish.fd
    return 0


cdef int _allocate(driver_stream *s, Device device, uint32_t i, int allocator, bint udmabuf) except -1:
    cdef shared_memory *to
    cdef size_t size
    cdef int error
    for plane in range(s.planes):
        to = &s.buffers[i].planes[plane]
        size = device.plane_bytes(plane)
        if allocator < 0 or udmabuf:
            error = allocate_memfd(to[0], size, allocator)
        else:
            error = allocate_dma_heap(to[0], size, allocator)
        if error:
            raise refusal(device.path, f"start: allocate buffer {i} of {size} bytes", error)
    return 0


cdef size_t spaced(size_t size) noexcept:
    return (size + 63) // 64 * 64  # planes do not share a line of the cache


cdef size_t _slot_bytes(driver_stream *s, Device device) except 0:
    cdef size_t total = 0
    for plane in range(s.planes):
        total += spaced(device.plane_bytes(plane))
    return total


cdef int _borrow(driver_stream *s, Device device, uint32_t i, Frame frame) except -1:
    cdef uint8_t *at = frame.get().planes[0].data
    cdef shared_memory *to
    s.buffers[i].lender = keep_object(frame)
    for plane in range(s.planes):
        to = &s.buffers[i].planes[plane]
        to.data, to.size = at, device.plane_bytes(plane)
        at += spaced(to.size)
    return 0


cdef object refusal(str path, str what, int error):
    told = failure(path, what, error)
    return told if error == ENODEV else WayRefused(error, told.strerror, path)


cdef double slowness(driver_stream *s) noexcept nogil:
    cdef shared_memory *m = &s.buffers[0].planes[0]
    cdef size_t size = min(m.size, <size_t>SAMPLE)
    cdef uint8_t *ours = <uint8_t *>malloc(size)
    if ours == NULL:
        return 1
    memset(ours, 1, size)  # or all of it would be one page of zeros
    cdef int64_t theirs = read_ns(m.data, size), own = read_ns(ours, size)
    cdef int _turn
    # Where others want the CPU too, its pauses look like slow memory; but not each time.
    for _turn in range(5):
        if theirs < 2 * own:
            break
        theirs = min(theirs, read_ns(m.data, size))
        own = min(own, read_ns(ours, size))
    free(ours)
    return theirs / <double>own
