"""What a camera offers, what it was set to, and how that lies in memory."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from camkit.camera_capture.info import FrameSize, Size
from camkit.camera_capture.info import mode as mode_text


@dataclass(frozen=True)
class Mode:
    """A format, a size and a rate to try.

    Attributes
    ----------
    code : int
        V4L2 fourcc.
    fourcc : str
        The same as text.
    name : str or None
        camkit's name of the format; None: it has none.
    width, height : int
        Pixels.
    fps : Fraction or None
        Frames per second; None: whatever the camera is set to.
    """

    code: int
    fourcc: str
    name: str | None
    width: int
    height: int
    fps: Fraction | None = None

    def __str__(self) -> str:
        return mode_text(self.fourcc, (self.width, self.height), None if self.fps is None else float(self.fps))


class Layout(NamedTuple):
    """The driver's answer to a format: what it made of it, and for each memory plane (stride, bytes)."""

    code: int
    width: int
    height: int
    planes: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Offer:
    """A format that a camera lists, with its sizes.

    Attributes
    ----------
    code, fourcc, name
        As of `Mode`.
    compressed : bool
    sizes : tuple of (FrameSize, tuple of Fraction)
        Sizes with their rates, highest first; no rates: any, or the driver does not tell.
    """

    code: int
    fourcc: str
    name: str | None
    compressed: bool
    sizes: tuple[tuple[FrameSize, tuple[Fraction, ...]], ...]

    def modes(self) -> list[Mode]:
        """Return a mode for each size, at its highest rate; of a range the ends and a size between them."""
        found = []
        for size, rates in self.sizes:
            for width, height in picked(size):
                found.append(Mode(self.code, self.fourcc, self.name, width, height, rates[0] if rates else None))
        return found


def picked(size: FrameSize) -> list[Size]:
    """Return sizes to try: the size itself, or three of a range."""
    if size.minimum is None:
        return [(size.width, size.height)]
    low, high, step = size.minimum, (size.width, size.height), size.step
    half = tuple(least + (most - least) // 2 // by * by for least, most, by in zip(low, high, step, strict=True))
    return list(dict.fromkeys([low, (half[0], half[1]), high]))
