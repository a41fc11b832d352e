# Metadata nodes, of <linux/videodev2.h> and <linux/uvcvideo.h>: declarations only, no class of ours.
from libc.stdint cimport int64_t, uint32_t, uint64_t


cdef extern from "<linux/videodev2.h>" nogil:
    cdef uint32_t V4L2_BUF_TYPE_META_CAPTURE, V4L2_META_FMT_UVC
    cdef struct v4l2_meta_format:
        uint32_t dataformat, buffersize
    cdef union meta_format_fmt "decltype(v4l2_format::fmt)":
        v4l2_meta_format meta
    cdef struct meta_format "v4l2_format":
        uint32_t type
        meta_format_fmt fmt


cdef extern from "camkit/device_clock.hpp" namespace "camkit" nogil:
    cdef cppclass device_clock:
        device_clock(uint32_t declared_hz) noexcept
        void declare(uint32_t hz) noexcept
        void restart() noexcept
        void observe(uint32_t device, int64_t host_ns) noexcept
        int64_t to_host(uint32_t device) noexcept
        bint ready() noexcept
        double rate() noexcept
        uint32_t hertz() noexcept
        int64_t spread_ns() noexcept
        uint64_t jumps() noexcept
