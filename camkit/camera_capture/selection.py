"""Rect and Selection: what part of the picture a camera takes, and where in the frame it puts it."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Any, NamedTuple

from camkit.memory_manager._checks import shown

TARGETS = {"crop": 0x0000, "compose": 0x0100}  # V4L2_SEL_TGT_*; beside each:
DEFAULT, BOUNDS = 1, 2


class Rect(NamedTuple):
    """A rectangle in pixels; as text, `640x480+100+50`: its size, and its place from the left and the top."""

    x: int
    y: int
    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}{self.x:+d}{self.y:+d}"

    @property
    def size(self) -> tuple[int, int]:
        """(int, int): width and height."""
        return self.width, self.height


@dataclass(frozen=True, slots=True)
class Selection:
    """A rectangle that a camera can be set to.

    Attributes
    ----------
    rect : Rect
        What it is now.
    default : Rect or None
        What it is out of the box, the whole active picture; None: the driver does not tell.
    bounds : Rect or None
        Where it can lie.
    """

    rect: Rect
    default: Rect | None
    bounds: Rect | None

    def as_dict(self) -> dict[str, Any]:
        """Return it as what JSON can hold: a rectangle is [x, y, width, height] or null."""
        return {
            key: None if rect is None else list(rect)
            for key, rect in (("rect", self.rect), ("default", self.default), ("bounds", self.bounds))
        }


def check_rect(name: str, value: object) -> Rect:
    """Return `value` as a Rect, or raise TypeError or ValueError naming it."""
    try:
        numbers = tuple(operator.index(number) for number in value)  # type: ignore[attr-defined]
    except TypeError:
        numbers = ()
    if len(numbers) != 4 or any(isinstance(number, bool) for number in value):  # type: ignore[attr-defined]
        raise TypeError(f"{name} is {shown(value)}, not four whole numbers (x, y, width, height)")
    rect = Rect(*numbers)
    if not all(-(1 << 24) <= number <= 1 << 24 for number in rect) or rect.width < 1 or rect.height < 1:
        raise ValueError(f"{name} is {shown(value)}; its size must be 1x1 at least, and all of it below 2**24")
    return rect
