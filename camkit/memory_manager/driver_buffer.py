"""DriverBuffer: what the driver itself said of the buffer behind a frame."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DriverPlane:
    """One memory plane of a buffer, as the multi-planar API tells it; all in bytes."""

    bytes_used: int
    length: int
    data_offset: int


@dataclass(frozen=True, slots=True)
class DriverTimecode:
    """SMPTE timecode of a frame, in the numbers of V4L2."""

    type: int
    flags: int
    frames: int
    seconds: int
    minutes: int
    hours: int
    user_bits: bytes


@dataclass(frozen=True, slots=True)
class DriverBuffer:
    """The fields of V4L2's `struct v4l2_buffer` as the driver filled them in, in the numbers of V4L2.

    Its timestamp is `Frame.timestamp_ns`, of the resolution that the driver has: microseconds.

    Attributes
    ----------
    index, type, memory : int
        Which buffer of the stream, of what kind, and V4L2_MEMORY_*.
    bytes_used, length : int
        Bytes; in the multi-planar API those of `planes` count.
    flags : int
        V4L2_BUF_FLAG_*.
    field : int
        V4L2_FIELD_*.
    sequence : int
        The driver's own 32-bit number, which may wrap and begin anew.
    timecode : DriverTimecode or None
        None where `flags` do not say that there is one.
    planes : tuple of DriverPlane
        Empty in the single-planar API.
    """

    index: int
    type: int
    bytes_used: int
    flags: int
    field: int
    sequence: int
    memory: int
    length: int
    timecode: DriverTimecode | None
    planes: tuple[DriverPlane, ...]
