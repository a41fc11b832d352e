"""RawMemory: memory that is known by its address only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class RawMemory:
    """Memory at an address, for `FramePool.wrap`. Nothing can check that it is there.

    Attributes
    ----------
    address : int
        Where it begins.
    nbytes : int
        How long it is.
    owner : object
        Whatever keeps it valid; the pool holds it until the last frame has gone.
    readonly : bool
        Frames over it cannot be written.
    """

    address: int
    nbytes: int
    owner: Any = None
    readonly: bool = False
