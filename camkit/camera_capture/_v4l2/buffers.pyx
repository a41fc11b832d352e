"""The buffers of a V4L2 stream: asked for, queued, given back, unmapped. All of it without the GIL."""

from libc.errno cimport ENODEV
from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset
from posix.unistd cimport read as c_read, write as c_write

from camkit.camera_capture._v4l2.abi cimport F_SETFL, O_NONBLOCK, O_RDWR, V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE, c_fcntl
from camkit.camera_capture._v4l2.buffers_abi cimport *
from camkit.camera_capture._v4l2.device cimport ioctl_errno
from camkit.memory_manager._later cimport drop_object

import os

cdef int forks = 0  # of this process since the module was loaded


def _forked():
    global forks
    forks += 1


os.register_at_fork(after_in_child=_forked)


cdef driver_stream *new_stream(int fd, int bell, uint32_t kind) noexcept nogil:
    cdef driver_stream *s = <driver_stream *>calloc(1, sizeof(driver_stream))
    cdef uint32_t i, plane
    if s != NULL:
        s.fd, s.bell, s.kind, s.forks, s.planes = fd, bell, kind, forks, 1
        for i in range(<uint32_t>MOST_BUFFERS):
            for plane in range(<uint32_t>MOST_PLANES):
                s.buffers[i].planes[plane].dmabuf = -1
    return s


cdef bint inherited(driver_stream *s) noexcept nogil:
    return s.forks != forks


cdef void recycle(void *context, uint32_t slot) noexcept nogil:
    cdef driver_stream *s = <driver_stream *>context
    if inherited(s):
        return  # the parent has the same frame and gives it back
    cdef int error = sync_buffer(s, slot, False)
    if not error:
        error = queue_buffer(s, slot)
    # The reader learns of an unplugging by itself.
    if error and error != ENODEV:
        s.unqueued_errno.store(error)
        s.unqueued.fetch_or(<uint64_t>1 << slot)
        ring(s.bell, 1)
    elif s.dry.load():
        ring(s.bell, 1)


cdef void destroy(void *context) noexcept nogil:
    cdef driver_stream *s = <driver_stream *>context
    cdef uint32_t i
    for i in range(<uint32_t>MOST_BUFFERS):
        free_buffer(&s.buffers[i])
    free(s)


cdef void free_buffer(driver_buffer *b) noexcept nogil:
    cdef uint32_t plane
    for plane in range(<uint32_t>MOST_PLANES):
        if b.lender != NULL:
            b.planes[plane].data = NULL
        free_shared(b.planes[plane])
    if b.lender != NULL:
        drop_object(b.lender)
        b.lender = NULL


cdef int queue_buffer(driver_stream *s, uint32_t i) noexcept nogil:
    cdef v4l2_buffer b
    cdef v4l2_plane planes[MOST_PLANES]
    describe_buffer(s, &b, planes, i)
    s.queued.fetch_add(1)  # before the driver can hand it over again
    cdef int error = ioctl_errno(s.fd, VIDIOC_QBUF, &b)
    if error:
        s.queued.fetch_sub(1)
    return error


cdef uint32_t abandon_ready(driver_stream *s, uint32_t last) noexcept nogil:
    cdef v4l2_buffer b
    cdef v4l2_plane planes[MOST_PLANES]
    cdef uint32_t newest = last
    if s != NULL:
        c_fcntl(s.fd, F_SETFL, O_RDWR | O_NONBLOCK)
    for _ in range(s.count.load() if s != NULL else 0):
        describe_buffer(s, &b, planes, 0)
        if ioctl_errno(s.fd, VIDIOC_DQBUF, &b):
            break
        newest = b.sequence
    # A driver that does not count steps by 0 or backwards.
    return newest - last if newest - last < <uint32_t>1 << 31 else 0


cdef void describe_buffer(driver_stream *s, v4l2_buffer *b, v4l2_plane *planes, uint32_t i) noexcept nogil:
    cdef uint32_t plane
    cdef shared_memory *memory = s.buffers[i].planes
    memset(b, 0, sizeof(b[0]))
    b.index = i
    b.type = s.kind
    b.memory = s.memory
    if s.kind == V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE:
        memset(planes, 0, MOST_PLANES * sizeof(planes[0]))
        b.m.planes = planes
        b.length = s.planes
        if s.memory != V4L2_MEMORY_MMAP:
            for plane in range(s.planes):
                planes[plane].length = memory[plane].size
                if s.memory == V4L2_MEMORY_USERPTR:
                    planes[plane].m.userptr = <unsigned long>memory[plane].data
                else:
                    planes[plane].m.fd = memory[plane].dmabuf
    elif s.memory == V4L2_MEMORY_USERPTR:
        b.m.userptr, b.length = <unsigned long>memory[0].data, memory[0].size
    elif s.memory == V4L2_MEMORY_DMABUF:
        b.m.fd, b.length = memory[0].dmabuf, memory[0].size


cdef int sync_buffer(driver_stream *s, uint32_t i, bint begin) noexcept nogil:
    cdef driver_buffer *b = &s.buffers[i]
    cdef uint32_t plane
    cdef int failed, error = 0
    for plane in range(s.planes if s.sync else 0):
        if begin or b.announced[plane]:  # the kernel refuses to end what it refused to begin
            failed = sync_dmabuf(b.planes[plane].dmabuf, begin)
            b.announced[plane] = begin and not failed
            error = failed or error
    return error


cdef int request_buffers(int fd, uint32_t kind, uint32_t memory, uint32_t *n, uint32_t *capabilities) noexcept nogil:
    cdef v4l2_requestbuffers r
    memset(&r, 0, sizeof(r))
    r.count = n[0]
    r.type = kind
    r.memory = memory
    cdef int error = ioctl_errno(fd, VIDIOC_REQBUFS, &r)
    n[0] = r.count
    if capabilities != NULL and not error:
        capabilities[0] = r.capabilities
    return error


cdef void ring(int bell, uint64_t what) noexcept nogil:
    c_write(bell, &what, sizeof(what))


cdef uint64_t drain(int bell) noexcept nogil:
    cdef uint64_t count = 0
    c_read(bell, &count, sizeof(count))
    return count
