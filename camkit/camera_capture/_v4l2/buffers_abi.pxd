# Streams and their buffers, of V4L2's <linux/videodev2.h>, and what waits for them: declarations only, no class.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

from camkit.camera_capture._v4l2.abi cimport v4l2_format


cdef extern from "<poll.h>" nogil:
    cdef struct pollfd:
        int fd
        short events, revents
    int c_poll "poll"(pollfd *fds, unsigned long n, int timeout_ms)
    cdef short POLLIN, POLLPRI, POLLERR, POLLHUP


cdef extern from "<sys/eventfd.h>" nogil:
    int c_eventfd "eventfd"(unsigned int initial, int flags)
    cdef int EFD_NONBLOCK, EFD_CLOEXEC


cdef extern from "<linux/videodev2.h>" nogil:
    cdef unsigned long VIDIOC_REQBUFS, VIDIOC_CREATE_BUFS, VIDIOC_QUERYBUF, VIDIOC_QBUF, VIDIOC_DQBUF, VIDIOC_EXPBUF
    cdef unsigned long VIDIOC_STREAMON, VIDIOC_STREAMOFF
    cdef uint32_t V4L2_MEMORY_MMAP, V4L2_MEMORY_USERPTR, V4L2_MEMORY_DMABUF
    cdef uint32_t V4L2_BUF_CAP_SUPPORTS_MMAP, V4L2_BUF_CAP_SUPPORTS_USERPTR, V4L2_BUF_CAP_SUPPORTS_DMABUF
    cdef uint32_t V4L2_BUF_CAP_SUPPORTS_ORPHANED_BUFS
    cdef uint32_t V4L2_BUF_FLAG_ERROR, V4L2_BUF_FLAG_KEYFRAME, V4L2_BUF_FLAG_LAST, V4L2_BUF_FLAG_TIMECODE
    cdef uint32_t V4L2_BUF_FLAG_TIMESTAMP_MASK, V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC, V4L2_BUF_FLAG_TIMESTAMP_COPY
    cdef uint32_t V4L2_BUF_FLAG_TSTAMP_SRC_MASK, V4L2_BUF_FLAG_TSTAMP_SRC_SOE

    cdef struct v4l2_requestbuffers:
        uint32_t count, type, memory, capabilities
    cdef union v4l2_plane_m "decltype(v4l2_plane::m)":
        uint32_t mem_offset
        unsigned long userptr
        int32_t fd
    cdef struct v4l2_plane:
        uint32_t bytesused, length, data_offset
        v4l2_plane_m m
    cdef union v4l2_buffer_m "decltype(v4l2_buffer::m)":
        uint32_t offset
        unsigned long userptr
        v4l2_plane *planes
        int32_t fd
    cdef struct c_timeval "timeval":
        int64_t tv_sec, tv_usec
    cdef struct v4l2_timecode:
        uint32_t type, flags
        uint8_t frames, seconds, minutes, hours
    cdef struct v4l2_buffer:
        uint32_t index, type, bytesused, flags, field, sequence, memory, length
        c_timeval timestamp
        v4l2_timecode timecode
        v4l2_buffer_m m
    cdef struct v4l2_exportbuffer:
        uint32_t type, index, plane, flags
        int32_t fd
    cdef struct v4l2_create_buffers:
        uint32_t index, count, memory, capabilities
        v4l2_format format
