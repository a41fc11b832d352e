"""Damage: what is wrong with a recording, where, and what it costs."""

from __future__ import annotations


class ChunkDamaged(Exception):
    """A chunk is not what its CRC, or its own structure, says."""


class Damage:
    """Where a recording is not what was written, and what that costs.

    Attributes
    ----------
    what : str
        What is wrong.
    offset, size : int
        Byte at which it begins, and bytes of the file.
    lost : int
        Bytes that cannot be read because of it.
    last_good : int or None
        Number of the last frame before it.
    """

    def __init__(self, what: str, offset: int, lost: int, size: int, last_good: int | None) -> None:
        self.what, self.offset, self.lost, self.size, self.last_good = what, offset, lost, size, last_good

    def __str__(self) -> str:
        last = "no frame before it is whole" if self.last_good is None else f"frame {self.last_good} is the last before"
        return f"{self.what} at byte {self.offset} of {self.size}; {last}, {self.lost} bytes are lost"
