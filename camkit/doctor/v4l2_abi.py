"""The structures and numbers of V4L2 that the doctor needs to ask a driver itself, without camkit in between."""

from __future__ import annotations

import ctypes
from ctypes import Structure, Union, c_int32, c_long, c_uint8, c_uint32, c_ulong, c_void_p

CAPTURE, CAPTURE_MPLANE = 1, 9
MMAP, USERPTR, DMABUF = 1, 2, 4
FIELD_NONE = 1
MOST_PLANES = 8
CAP_VIDEO_CAPTURE, CAP_VIDEO_CAPTURE_MPLANE, CAP_STREAMING = 0x1, 0x1000, 0x04000000
CAP_DEVICE_CAPS, CAP_EXT_PIX_FORMAT = 0x80000000, 0x00200000
CAP_TIMEPERFRAME = 0x1000
# What REQBUFS says a queue can do.
BUF_CAPS = {"mmap": 1, "userptr": 2, "dmabuf": 4, "requests": 8, "orphaned_buffers": 16, "cache_hints": 64}
FLAG_ERROR = 0x40
CLOCKS = {0x0000: "unknown", 0x2000: "monotonic", 0x4000: "copy"}
CLOCK_MASK, STAMP_MASK, STAMP_START = 0xE000, 0x70000, 0x10000


class Capability(Structure):
    """struct v4l2_capability."""

    _fields_ = [
        ("driver", c_uint8 * 16),
        ("card", c_uint8 * 32),
        ("bus_info", c_uint8 * 32),
        ("version", c_uint32),
        ("capabilities", c_uint32),
        ("device_caps", c_uint32),
        ("reserved", c_uint32 * 3),
    ]


class PixFormat(Structure):
    """struct v4l2_pix_format."""

    _fields_ = [
        *((name, c_uint32) for name in ("width", "height", "pixelformat", "field", "bytesperline", "sizeimage")),
        *((name, c_uint32) for name in ("colorspace", "priv", "flags", "ycbcr", "quantization", "xfer")),
    ]


class PlaneFormat(Structure):
    """struct v4l2_plane_pix_format."""

    _pack_ = 1
    _layout_ = "ms"
    _fields_ = [("sizeimage", c_uint32), ("bytesperline", c_uint32), ("reserved", c_uint8 * 12)]


class PixFormatMplane(Structure):
    """struct v4l2_pix_format_mplane."""

    _pack_ = 1
    _layout_ = "ms"
    _fields_ = [
        *((name, c_uint32) for name in ("width", "height", "pixelformat", "field", "colorspace")),
        ("plane_fmt", PlaneFormat * MOST_PLANES),
        *((name, c_uint8) for name in ("num_planes", "flags", "ycbcr", "quantization", "xfer")),
        ("reserved", c_uint8 * 7),
    ]


class FormatUnion(Union):
    """The union of struct v4l2_format; pointers that it may hold decide how it is aligned."""

    _fields_ = [("pix", PixFormat), ("pix_mp", PixFormatMplane), ("raw", c_uint8 * 200), ("align", c_void_p)]


class Format(Structure):
    """struct v4l2_format."""

    _fields_ = [("type", c_uint32), ("fmt", FormatUnion)]


class StreamParm(Structure):
    """struct v4l2_streamparm of a capture queue."""

    _fields_ = [
        ("type", c_uint32),
        ("capability", c_uint32),
        ("capturemode", c_uint32),
        ("numerator", c_uint32),
        ("denominator", c_uint32),
        ("rest", c_uint8 * 184),
    ]


class RequestBuffers(Structure):
    """struct v4l2_requestbuffers."""

    _fields_ = [
        *((name, c_uint32) for name in ("count", "type", "memory", "capabilities")),
        ("flags", c_uint8),
        ("reserved", c_uint8 * 3),
    ]


class PlaneMemory(Union):
    """The union of struct v4l2_plane."""

    _fields_ = [("offset", c_uint32), ("userptr", c_ulong), ("fd", c_int32)]


class Plane(Structure):
    """struct v4l2_plane."""

    _fields_ = [
        ("bytesused", c_uint32),
        ("length", c_uint32),
        ("m", PlaneMemory),
        ("data_offset", c_uint32),
        ("reserved", c_uint32 * 11),
    ]


class BufferMemory(Union):
    """The union of struct v4l2_buffer."""

    _fields_ = [("offset", c_uint32), ("userptr", c_ulong), ("planes", ctypes.POINTER(Plane)), ("fd", c_int32)]


class Buffer(Structure):
    """struct v4l2_buffer."""

    _fields_ = [
        *((name, c_uint32) for name in ("index", "type", "bytesused", "flags", "field")),
        ("seconds", c_long),
        ("microseconds", c_long),
        ("timecode", c_uint32 * 4),
        ("sequence", c_uint32),
        ("memory", c_uint32),
        ("m", BufferMemory),
        ("length", c_uint32),
        ("reserved", c_uint32),
        ("request_fd", c_int32),
    ]


class ExportBuffer(Structure):
    """struct v4l2_exportbuffer."""

    _fields_ = [
        *((name, c_uint32) for name in ("type", "index", "plane", "flags")),
        ("fd", c_int32),
        ("reserved", c_uint32 * 11),
    ]


def _request(direction: int, number: int, kind: type[Structure] | type[c_int32]) -> int:
    return direction << 30 | ctypes.sizeof(kind) << 16 | ord("V") << 8 | number


QUERYCAP = _request(2, 0, Capability)
G_FMT, S_FMT, TRY_FMT = (_request(3, number, Format) for number in (4, 5, 64))
REQBUFS = _request(3, 8, RequestBuffers)
QUERYBUF, QBUF, DQBUF = (_request(3, number, Buffer) for number in (9, 15, 17))
EXPBUF = _request(3, 16, ExportBuffer)
STREAMON, STREAMOFF = (_request(1, number, c_int32) for number in (18, 19))
G_PARM, S_PARM = (_request(3, number, StreamParm) for number in (21, 22))
