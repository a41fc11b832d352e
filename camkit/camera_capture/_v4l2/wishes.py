"""Wishes: what the caller of `open` asked of a V4L2 camera beside its format, checked."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from camkit.camera_capture.info import check_choice
from camkit.camera_capture.selection import Rect, check_rect
from camkit.camera_capture.timings import Timings, check_timings
from camkit.memory_manager._checks import shown

PRIORITIES = {"background": 1, "interactive": 2, "record": 3}
ANGLES = (0, 90, 180, 270)
ON_CHANGE = ("renegotiate", "raise")
ON_NO_SIGNAL = ("wait", "raise")
OPTIONS = (  # of `open`
    "input",
    "standard",
    "timings",
    "crop",
    "compose",
    "rotate",
    "hflip",
    "vflip",
    "priority",
    "on_change",
    "on_no_signal",
)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What was asked; None leaves it to the camera.

    Attributes
    ----------
    input : str, int or None
        Input, by name, by the beginning of its name, or by number.
    standard : str or None
        Analogue standard, by the driver's name or ``"auto"``. Default: what the signal has if that can be told.
    timings : str, Timings or None
        Digital timings, by name, or ``"auto"``. Default: what the signal has, if there is one.
    crop, compose : Rect or None
        What part of the picture is taken, and where in the frame it is put. Without `compose` it fills the frame;
        without a `size`, a frame has the size of the crop.
    rotate : int or None
        Degrees clockwise.
    hflip, vflip : bool or None
        Mirrored left to right, or top to bottom.
    priority : str or None
        ``"background"``, ``"interactive"`` or ``"record"``; who has a lower one cannot change the device.
    on_change : str
        ``"renegotiate"``: when another signal comes in, the stream goes on with it, its first frame marked by
        `Frame.discontinuity`; ``"raise"``: SourceChanged.
    on_no_signal : str
        ``"wait"``: frames without a signal count as corrupt until it is back; ``"raise"``: NoSignal.
    """

    input: str | int | None = None
    standard: str | None = None
    timings: str | Timings | None = None
    crop: Rect | None = None
    compose: Rect | None = None
    rotate: int | None = None
    hflip: bool | None = None
    vflip: bool | None = None
    priority: str | None = None
    on_change: str = "renegotiate"
    on_no_signal: str = "wait"

    @classmethod
    def make(cls, options: Mapping[str, Any]) -> Wishes:
        """Check the options of a request.

        Raises
        ------
        TypeError, ValueError
            One is of a wrong type, or cannot be.
        """
        given = {name: value for name, value in options.items() if name in OPTIONS}
        for name in ("crop", "compose"):
            if name in given:
                given[name] = check_rect(name, given[name])
        for name in ("hflip", "vflip"):
            if not isinstance(given.get(name, False), bool):
                raise TypeError(f"{name} is {shown(given[name])}, not True or False")
        if "rotate" in given:
            given["rotate"] = check_angle(given["rotate"])
        if "timings" in given:
            given["timings"] = check_timings(given["timings"])
        if not isinstance(given.get("standard", ""), str):
            raise TypeError(f"standard is {shown(given['standard'])}, not a name such as 'PAL'")
        if isinstance(given.get("input"), bool) or not isinstance(given.get("input", 0), (int, str)):
            raise TypeError(f"input is {shown(given['input'])}, not a name or a number")
        for name, choices in (
            ("priority", tuple(PRIORITIES)),
            ("on_change", ON_CHANGE),
            ("on_no_signal", ON_NO_SIGNAL),
        ):
            if name in given:
                check_choice(name, given[name], choices)
        return cls(**given)


def check_angle(value: Any) -> int:
    """Return `value` if it is an angle that pictures can be turned by, else raise TypeError or ValueError."""
    try:
        angle = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        angle = None
    if angle in ANGLES:
        return angle
    wrong = TypeError if angle is None else ValueError
    raise wrong(f"rotate is {shown(value)}, not one of {', '.join(map(str, ANGLES))}")
