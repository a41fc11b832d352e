"""What a stream hands over, and a recording of it without the pictures."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, NamedTuple

from camkit.doctor.mode import Mode

Bytes = Any  # memoryview or NumPy array of bytes


@dataclass
class Sample:
    """A filled buffer, as its driver described it.

    Attributes
    ----------
    index : int
        Which buffer.
    sequence : int
        The driver's number.
    timestamp_ns : int
        The driver's time.
    dequeue_ns : int
        When we had it, on the monotonic clock.
    waited_ns : int
        How long we waited for it; next to nothing: it lay there before we asked.
    clock, stamp : str
        As of `camkit.Frame`.
    error : bool
        The driver says that it is damaged.
    nbytes, length : int
        Bytes filled, and bytes of room.
    data : list of bytes-like
        The memory itself, the bytes filled in each plane; empty in a recording.
    token : object
        What the stream needs to take the buffer back.
    checksum : int
        `fingerprint()` when it came; 0: not taken.
    damage : str
        What is wrong with its bytes; empty: nothing.
    held : bool
        The driver handed the buffer over while we still held it.
    """

    index: int
    sequence: int
    timestamp_ns: int
    dequeue_ns: int
    waited_ns: int
    clock: str
    stamp: str
    error: bool
    nbytes: int
    length: int
    data: list[Bytes] = field(default_factory=list, repr=False)
    token: Any = field(default=None, repr=False)
    checksum: int = 0
    damage: str = ""
    held: bool = False

    def fingerprint(self) -> int:
        """Return a checksum of all its bytes as they are now."""
        value = 0
        for part in self.data:
            value = zlib.crc32(part, value)
        return value


class Step(NamedTuple):
    """From one frame to the next."""

    frames: int  # by the driver's numbers; 1: none was lost
    interval_ns: int  # by the driver's times


class Recording(NamedTuple):
    """Frames in the order they came, without their pictures.

    Attributes
    ----------
    mode : Mode
    samples : list of Sample
    seconds : float
        How long it was watched.
    silences : int
        How often no frame came within the time allowed.
    """

    mode: Mode
    samples: list[Sample]
    seconds: float
    silences: int = 0

    def steps(self) -> list[Step]:
        """Return the steps between frames; numbers are 32 bits wide and wrap."""
        pairs = zip(self.samples, self.samples[1:], strict=False)
        return [Step(signed32(b.sequence - a.sequence), b.timestamp_ns - a.timestamp_ns) for a, b in pairs]

    def interval_ns(self) -> float | None:
        """Return the usual time between two frames; None where too few came."""
        usual = [step.interval_ns / step.frames for step in self.steps() if step.frames > 0 and step.interval_ns > 0]
        return median(usual) if usual else None


def signed32(step: int) -> int:
    """Return the distance of two 32-bit counters."""
    return (step + (1 << 31)) % (1 << 32) - (1 << 31)


def quantile(values: Sequence[float], part: float) -> float:
    """Return the smallest value that `part` of all are not above."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(part * len(ordered) + 0.4999) - 1))]
