"""Timings: what a digital video signal, such as HDMI, consists of, and its short name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from camkit.memory_manager._checks import shown

CAN_REDUCE_FPS, REDUCED_FPS = 2, 4  # V4L2_DV_FL_*: may be, and is, 1000/1001 of its rate
CLOCK_TOLERANCE = 250_000  # Hz by which receivers measure a pixel clock wrongly
NAME = re.compile(r"(\d+)x(\d+)([pi])(\d+(?:\.\d+)?)", re.ASCII | re.IGNORECASE)

Porches = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class TimingsRange:
    """What timings an input can take at all: pixels, lines, and pixels a second."""

    min_width: int
    max_width: int
    min_height: int
    max_height: int
    min_pixelclock: int
    max_pixelclock: int


@dataclass(frozen=True, slots=True)
class Timings:
    """The timings of a digital video signal; as text, `1920x1080p60` or, interlaced, `1920x1080i50` (fields a second).

    Attributes
    ----------
    width, height : int
        Of the picture, in pixels.
    interlaced : bool
    pixelclock : int
        Pixels a second, blanking included.
    polarities : int
        Of the sync pulses: 1 vertical positive, 2 horizontal positive.
    horizontal, vertical, vertical_second : (int, int, int)
        Front porch, sync and back porch in pixels, in lines, and in lines of the second field.
    standards, flags : int
        Bits V4L2_DV_BT_STD_* and V4L2_DV_FL_*.
    aspect : (int, int)
        Of the picture; (0, 0): not told.
    vic, hdmi_vic : int
        Numbers that CEA-861 and HDMI give the mode; 0: none.
    """

    width: int
    height: int
    interlaced: bool
    pixelclock: int
    polarities: int = 0
    horizontal: Porches = (0, 0, 0)
    vertical: Porches = (0, 0, 0)
    vertical_second: Porches = (0, 0, 0)
    standards: int = 0
    flags: int = 0
    aspect: tuple[int, int] = (0, 0)
    vic: int = 0
    hdmi_vic: int = 0

    def __str__(self) -> str:
        rate = self.fps * 2 if self.interlaced else self.fps
        return f"{self.width}x{self.height}{'i' if self.interlaced else 'p'}{round(rate, 2):g}"

    @property
    def fps(self) -> float:
        """float: frames a second; 0 if the clock is not known."""
        lines = self.height + sum(self.vertical) + (sum(self.vertical_second) if self.interlaced else 0)
        total = (self.width + sum(self.horizontal)) * lines
        rate = self.pixelclock / total if total else 0.0
        return rate * 1000 / 1001 if self.flags & REDUCED_FPS else rate

    def same(self, other: Timings) -> bool:
        """Tell whether a receiver that is set to the one shows the other; a thousandth of the rate is no matter."""
        return (
            (self.width, self.height, self.interlaced) == (other.width, other.height, other.interlaced)
            and abs(self.pixelclock - other.pixelclock) <= CLOCK_TOLERANCE
            and (self.horizontal, self.vertical) == (other.horizontal, other.vertical)
        )

    def as_dict(self) -> dict[str, Any]:
        """Return what JSON can hold of it: `name`, `width`, `height`, `interlaced`, `fps` and `pixelclock`."""
        return {
            "name": str(self),
            "width": self.width,
            "height": self.height,
            "interlaced": self.interlaced,
            "fps": round(self.fps, 3),
            "pixelclock": self.pixelclock,
        }


def check_timings(wish: object) -> Timings | str:
    """Return what the caller of `open` asked for: Timings, `auto`, or a name as `str(timings)` writes it.

    Raises
    ------
    TypeError, ValueError
        It is none of them.
    """
    if isinstance(wish, Timings):
        return wish
    if not isinstance(wish, str):
        raise TypeError(f"timings is {shown(wish)}, not 'auto', a name such as '1920x1080p60', or Timings")
    if wish != "auto" and not NAME.fullmatch(wish):
        raise ValueError(f"timings is {shown(wish)}, not 'auto' or a name such as '1920x1080p60' or '1920x1080i50'")
    return wish


def nearest_timings(name: str, offered: Iterable[Timings]) -> list[Timings]:
    """Sort what is offered by how near it is to `name`, the nearest first; rates may be the reduced ones."""
    width, height, scan, rate = NAME.fullmatch(name).groups()  # type: ignore[union-attr]
    interlaced = scan.lower() == "i"
    frames = float(rate) / 2 if interlaced else float(rate)

    def distance(timings: Timings) -> tuple[bool, int, float]:
        apart = abs(timings.width - int(width)) + abs(timings.height - int(height))
        return timings.interlaced != interlaced, apart, abs(timings.fps - frames)

    known = list(offered)
    reduced = [
        replace(timings, flags=timings.flags | REDUCED_FPS) for timings in known if timings.flags & CAN_REDUCE_FPS
    ]
    return sorted([*known, *reduced], key=distance)


def is_named(name: str, timings: Timings) -> bool:
    """Tell whether timings are what `name` means; a whole rate stands for those that round to it, as 60 for 59.95."""
    width, height, scan, rate = NAME.fullmatch(name).groups()  # type: ignore[union-attr]
    if (timings.width, timings.height, timings.interlaced) != (int(width), int(height), scan.lower() == "i"):
        return False
    told = timings.fps * 2 if timings.interlaced else timings.fps
    return abs(told - float(rate)) < (0.01 if "." in rate else 0.5)
