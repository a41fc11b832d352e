"""The structs of include/camkit/frame.h for ctypes, and by way of it for NumPy and Numba."""

from __future__ import annotations

import ctypes as c

ABI_VERSION = 3  # of frame.h; a test compares every offset with the compiler's
MAX_PLANES = 4
MAX_STAGES = 16
MAX_COMPANIONS = 7


class CPlane(c.Structure):
    """camkit_plane: where one plane of a picture lies."""

    _fields_ = [
        ("data", c.c_void_p),
        ("size", c.c_size_t),
        ("stride", c.c_uint32),
        ("rows", c.c_uint32),
        ("offset", c.c_uint32),
        ("dmabuf_fd", c.c_int32),
    ]


class CColour(c.Structure):
    """camkit_colour: numbers of ISO/IEC 23091-2."""

    _fields_ = [(name, c.c_uint8) for name in ("primaries", "transfer", "matrix", "range")]


class CDriverPlane(c.Structure):
    """camkit_driver_plane."""

    _fields_ = [(name, c.c_uint32) for name in ("bytes_used", "length", "data_offset")]


class CDriverBuffer(c.Structure):
    """camkit_driver_buffer: what the driver said of its buffer."""

    _fields_ = [
        *((name, c.c_uint32) for name in ("index", "type", "bytes_used", "flags")),
        *((name, c.c_uint32) for name in ("field", "sequence", "memory", "length")),
        ("timecode_type", c.c_uint32),
        ("timecode_flags", c.c_uint32),
        ("timecode", c.c_uint8 * 8),
        ("plane_count", c.c_uint32),
        ("planes", CDriverPlane * MAX_PLANES),
    ]


class CFrame(c.Structure):
    """camkit_frame, as C functions get it: ``ctypes.POINTER(CFrame)`` is the type of their arguments.

    Fields and their meaning are those of ``frame.h``. Owns nothing; valid for as long as the frame is held.
    """

    _fields_ = [
        ("ops", c.c_void_p),
        ("pool", c.c_void_p),
        ("planes", CPlane * MAX_PLANES),
        *((name, c.c_uint32) for name in ("plane_count", "format", "width", "height")),
        ("bytes_used", c.c_size_t),
        ("colour", CColour),
        *((name, c.c_uint32) for name in ("flags", "memory", "slot")),
        ("clock", c.c_uint8),
        ("stamp", c.c_uint8),
        *((name, c.c_int64) for name in ("timestamp_ns", "dequeue_ns", "hardware_ns")),
        *((name, c.c_uint64) for name in ("sequence", "gap", "generation")),
        ("stage_count", c.c_uint32),
        ("stage_ns", c.c_int64 * MAX_STAGES),
        ("driver", CDriverBuffer),
        ("companions", c.c_void_p * MAX_COMPANIONS),
        ("companion_count", c.c_uint32),
    ]
