"""Memory of the caller's for a camera to fill: `memory=` of `camkit.open`."""

from __future__ import annotations

import errno
from collections.abc import Callable

from camkit.errors import CameraError, PoolExhausted
from camkit.memory_manager import Frame, FramePool
from camkit.memory_manager._checks import shown

Lender = FramePool | Callable[[int, int], FramePool]


def check_lender(memory: object) -> Lender:
    """Return `memory` if it is a FramePool or makes one, else raise TypeError."""
    if isinstance(memory, FramePool) or callable(memory):
        return memory
    raise TypeError(f"memory is {shown(memory)}, neither a FramePool nor what makes one of (slots, slot_bytes)")


def lent_pool(lender: Lender, count: int, nbytes: int, path: str) -> FramePool:
    """Return the pool that is lent, or have one made; arguments and errors as of `lent_frames`."""
    pool = lender if isinstance(lender, FramePool) else lender(count, nbytes)
    if not isinstance(pool, FramePool):
        raise TypeError(f"memory made {shown(pool)}, not a FramePool")
    lent_frames(pool, count, nbytes, path)  # given back at once: there are as many as are needed
    return pool


def lent_frames(lender: Lender, count: int, nbytes: int, path: str) -> list[Frame]:
    """Take frames out of a pool, for a stream to keep as long as the driver, or a frame of it, may use their memory.

    Parameters
    ----------
    lender : FramePool or callable
    count : int
    nbytes : int
        That each must have.
    path : str
        Device, for the message.

    Raises
    ------
    CameraError
        The pool has too few free slots, or they are too small or read-only.
    """
    pool = lender if isinstance(lender, FramePool) else lender(count, nbytes)
    what = f"cannot start: the camera needs {count} slots of {nbytes} bytes of the pool that was given as memory"
    if not isinstance(pool, FramePool):
        raise TypeError(f"memory made {shown(pool)}, not a FramePool")
    if pool.slot_bytes < nbytes:
        raise CameraError(errno.EMSGSIZE, f"{what}, and they have {pool.slot_bytes}", path)
    frames: list[Frame] = []
    try:
        while len(frames) < count:
            frames.append(pool.acquire())
    except (PoolExhausted, ValueError) as error:
        raise CameraError(errno.ENOBUFS, f"{what}, and {len(frames)} are free: {error}", path) from None
    if any(frame.readonly for frame in frames):
        raise CameraError(errno.EROFS, f"{what}, and they are read-only", path)
    return frames
