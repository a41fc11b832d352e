"""DmabufPlane: a plane of a frame as other devices can be given it."""

from __future__ import annotations

from typing import NamedTuple


class DmabufPlane(NamedTuple):
    """One plane as part of a dma-buf, in the terms of EGL's and DRM's imports; its modifier is linear.

    Attributes
    ----------
    fd : int
        The dma-buf's file descriptor. It belongs to the frame's pool, which closes it after the pool's last frame:
        `os.dup` it to keep the memory. Planes may share one.
    offset : int
        Bytes from the dma-buf's beginning to the plane.
    stride : int
        Bytes from one row to the next, 0 in a compressed format.
    """

    fd: int
    offset: int
    stride: int
