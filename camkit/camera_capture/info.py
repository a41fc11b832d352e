"""What a camera is, what it offers, what was asked of it and what it gave: plain immutable records."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from camkit.errors import FormatNotSupported
from camkit.memory_manager._checks import check_int, check_size, shown
from camkit.memory_manager._format import PixelFormat

Size = tuple[int, int]
Exhausted = Literal["copy", "drop", "block", "raise"]
Match = Literal["exact", "nearest"]
Corrupt = Literal["drop", "deliver"]

EXHAUSTED = ("copy", "drop", "block", "raise")
MATCH = ("exact", "nearest")
CORRUPT = ("drop", "deliver")
FEWEST_BUFFERS, MOST_BUFFERS = 2, 32
# Drivers give rates as fractions: 29.97 asked is 30000/1001 got. 30 and 29.97 are 0.1 % apart and do differ.
SAME_RATE = 5e-4


@dataclass(frozen=True, slots=True)
class FrameSize:
    """A size that a camera offers in one format, or a range of sizes.

    Attributes
    ----------
    width, height : int
        Pixels; the largest when it is a range.
    fps : tuple of float
        Rates offered, highest first. Empty: any, or the camera does not tell.
    minimum : (int, int) or None
        The smallest size of a range, None when it is one size.
    step : (int, int)
        Pixels between the widths and heights of a range.
    """

    width: int
    height: int
    fps: tuple[float, ...] = ()
    minimum: Size | None = None
    step: Size = (1, 1)


@dataclass(frozen=True, slots=True)
class FormatInfo:
    """A pixel format that a camera offers.

    Attributes
    ----------
    fourcc : str
        V4L2 fourcc.
    name : str or None
        camkit's name; None when camkit cannot take this format.
    description : str
        The driver's own words.
    compressed : bool
    sizes : tuple of FrameSize
    """

    fourcc: str
    name: str | None
    description: str
    compressed: bool
    sizes: tuple[FrameSize, ...]


@dataclass(frozen=True, slots=True)
class CameraInfo:
    """A camera of this machine.

    Attributes
    ----------
    kind : str
        Backend: `v4l2` or `synthetic`.
    name : str
        For people.
    path : str or None
        Device file.
    index : int or None
        The N of `/dev/videoN`.
    driver, bus : str
        Kernel driver, and where the camera is plugged in.
    id : str
        Stays the same over reboots and replugging, as far as the hardware allows.
    problem : str
        Why it cannot be asked what it is, such as a missing permission; empty when all is well.
    """

    kind: str
    name: str
    path: str | None
    index: int | None
    driver: str
    bus: str
    id: str
    problem: str = ""

    def __str__(self) -> str:
        return self.path or self.id


@dataclass(frozen=True, slots=True)
class Request:
    """What the caller of `open` asked for; None leaves the choice to the camera."""

    format: PixelFormat | None = None
    fourcc: int | None = None  # the format by the name that it has with its planes in separate memories
    size: Size | None = None
    fps: float | None = None
    match: Match = "exact"
    buffers: int = 4
    on_exhausted: Exhausted = "copy"
    corrupt: Corrupt = "drop"
    timeout: float | None = 5.0
    reconnect: float = 0.0  # seconds to wait for a camera that was unplugged; inf: as long as it takes
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __str__(self) -> str:
        return mode(None if self.format is None else self.format.name, self.size, self.fps) or "any format"

    @classmethod
    def make(
        cls,
        *,
        format: PixelFormat | str | int | None = None,
        size: Size | None = None,
        fps: float | None = None,
        match: Match = "exact",
        buffers: int = 4,
        on_exhausted: Exhausted = "copy",
        corrupt: Corrupt = "drop",
        timeout: float | None = 5.0,
        reconnect: bool | float = False,
        options: Mapping[str, Any] | None = None,
    ) -> Request:
        """Check what a caller asked for.

        Raises
        ------
        TypeError, ValueError
            An argument of a wrong type or out of range; the message names it and what is possible.
        FormatNotSupported
            camkit has no such format.
        """
        found = None if format is None else PixelFormat.find(format)
        return cls(
            format=found,
            fourcc=None if found is None or format is None else found.separate(format),
            size=None if size is None else check_size(size),
            fps=None if fps is None else check_positive("fps", fps),
            match=check_choice("match", match, MATCH),
            buffers=check_int("buffers", buffers, FEWEST_BUFFERS, MOST_BUFFERS),
            on_exhausted=check_choice("on_exhausted", on_exhausted, EXHAUSTED),
            corrupt=check_choice("corrupt", corrupt, CORRUPT),
            timeout=None if timeout is None else check_positive("timeout", timeout),
            reconnect=(math.inf if reconnect else 0.0)
            if isinstance(reconnect, bool)
            else check_positive("reconnect", reconnect),
            options={name: value for name, value in (options or {}).items() if value is not None},
        )

    def differences(self, format: str, size: Size, fps: float | None) -> dict[str, tuple[Any, Any]]:
        """Compare with what a camera gives.

        Returns
        -------
        dict
            {"format", "size" or "fps": (asked, got)} of what was asked for and is not the same.
        """
        found: dict[str, tuple[Any, Any]] = {}
        if self.format is not None and self.format.name != format:
            found["format"] = (self.format.name, format)
        if self.size is not None and self.size != size:
            found["size"] = (self.size, size)
        if self.fps is not None and (fps is None or abs(fps - self.fps) > SAME_RATE * self.fps):
            found["fps"] = (self.fps, fps)
        return found

    def settle(self, camera: object, format: str, size: Size, fps: float | None) -> dict[str, tuple[Any, Any]]:
        """Return the differences, or refuse them when the caller wants an exact match.

        Parameters
        ----------
        camera : object
            What was to be opened, for the message.
        format, size, fps
            The nearest that the camera can give.

        Raises
        ------
        FormatNotSupported
            They differ and `match` is "exact".
        """
        found = self.differences(format, size, fps)
        if found and self.match == "exact":
            raise FormatNotSupported(
                f"cannot open {str(camera)!r}: {self} is not offered; nearest is {mode(format, size, fps)}; "
                'match="nearest" takes it'
            )
        return found


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """What a camera delivers.

    Attributes
    ----------
    format, fourcc : str
        camkit's name of the pixel format, and its V4L2 fourcc.
    width, height : int
        Pixels.
    stride : int
        Bytes from one row of plane 0 to the next; 0 in a compressed format.
    fps : float or None
        Rate that the camera is set to, None when it does not tell.
    memory : str
        Where the frames lie: as of `Frame.memory`.
    buffers : int
        Buffers that camera and caller share.
    primaries, transfer, matrix, range : str
        Colour, with the names of `Frame.colour`.
    clock, stamp : str
        What the frames' timestamps are, with the names of `Frame.clock` and `Frame.stamp`; `unknown` until the first
        frame when only frames tell.
    differences : dict
        {"format", "size" or "fps": (asked, got)}; empty when all is as asked.
    io : str
        Whose memory the driver fills, and how it is got: a name that the option `io` has; empty before it is known.
    memories : int
        Separate memories that a frame lies in: 1, or one for each plane.
    field : str
        `progressive`, or `interlaced`: the odd rows are of another moment than the even ones.
    """

    format: str
    fourcc: str
    width: int
    height: int
    stride: int
    fps: float | None
    memory: str
    buffers: int
    primaries: str = "unknown"
    transfer: str = "unknown"
    matrix: str = "unknown"
    range: str = "unknown"
    clock: str = "unknown"
    stamp: str = "unknown"
    differences: Mapping[str, tuple[Any, Any]] = dataclasses.field(default_factory=dict)
    field: str = "progressive"
    io: str = ""
    memories: int = 1

    def __str__(self) -> str:
        return mode(self.format, (self.width, self.height), self.fps)


def mode(format: str | None, size: Size | None, fps: float | None) -> str:
    """Write a mode as people do: `NV12 1920x1080@30`, without the parts that are None."""
    words = ([format] if format else []) + ([f"{size[0]}x{size[1]}"] if size else [])
    if fps is None:
        return " ".join(words)
    rate = f"@{round(fps, 3):g}"
    return " ".join(words) + (rate if size else f" {rate}" if words else rate)


def check_positive(name: str, value: Any, most: float = 1e9) -> float:
    """Return `value` as a finite float above 0, or raise TypeError or ValueError naming it."""
    if isinstance(value, (bool, str, bytes)):
        raise TypeError(f"{name} is {shown(value)}, not a number")
    try:
        number = float(value)
    except TypeError:
        raise TypeError(f"{name} is {shown(value)}, not a number") from None
    except OverflowError:
        number = math.inf
    if not math.isfinite(number) or not 0 < number <= most:
        raise ValueError(f"{name} is {shown(value)}, not a number above 0 and at most {most:g}")
    return number


def check_choice(name: str, value: Any, choices: tuple[str, ...]) -> Any:
    """Return `value` if it is one of `choices`, else raise ValueError naming it and them."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} is {shown(value)}, not one of {', '.join(choices)}")
    return value
