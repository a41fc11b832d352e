"""Input, Standard and Signal: where a camera's picture comes from, and whether there is one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from camkit.camera_capture._v4l2.inputs import RawInput, RawStandard
    from camkit.camera_capture.timings import Timings

KINDS = {1: "tuner", 2: "camera", 3: "touch"}
CAN_TIMINGS, CAN_STANDARD = 2, 4  # V4L2_IN_CAP_*
# V4L2_IN_ST_*, those of which a picture cannot be trusted first.
STATUS = {
    0x00000001: "no power",
    0x00000002: "no signal",
    0x00000100: "no horizontal lock",
    0x00000400: "no vertical lock",
    0x00000800: "no standard lock",
    0x00010000: "no sync lock",
    0x00020000: "no equaliser lock",
    0x00040000: "no carrier",
    0x00000004: "no colour",
    0x00000200: "colour killer",
    0x00000010: "flipped horizontally",
    0x00000020: "flipped vertically",
    0x01000000: "Macrovision",
    0x02000000: "no access",
    0x04000000: "VTR time constant",
}
USELESS = {
    "no power": "no signal",
    "no signal": "no signal",
    "no horizontal lock": "no lock",
    "no vertical lock": "no lock",
    "no standard lock": "no lock",
    "no sync lock": "no lock",
}


@dataclass(frozen=True, slots=True)
class Input:
    """An input of a camera as it was when it was asked.

    Attributes
    ----------
    index : int
        Its number.
    name : str
        The driver's name.
    kind : str
        `camera` (anything without a tuner), `tuner` or `touch`.
    status : tuple of str
        What is wrong or special now, such as `no signal`; empty: nothing, or the driver does not tell.
    current : bool
        It is the one that is chosen.
    has_standards, has_timings : bool
        It takes an analogue television standard, or digital video timings.
    """

    index: int
    name: str
    kind: str
    status: tuple[str, ...]
    current: bool
    has_standards: bool
    has_timings: bool

    @classmethod
    def make(cls, raw: RawInput, current: int | None) -> Input:
        """Make one of what the driver tells."""
        timings = bool(raw.capabilities & CAN_TIMINGS)
        standards = bool(raw.capabilities & CAN_STANDARD or raw.standards) and not timings
        status = tuple(word for bit, word in STATUS.items() if raw.status & bit)
        kind = KINDS.get(raw.type, "camera")
        return cls(raw.number, raw.name, kind, status, raw.number == current, standards, timings)


@dataclass(frozen=True, slots=True)
class Standard:
    """An analogue television standard that an input takes: its name, its bits V4L2_STD_*, rate and lines."""

    name: str
    id: int
    fps: float
    lines: int


@dataclass(frozen=True, slots=True)
class Signal:
    """What comes in at the chosen input.

    Attributes
    ----------
    state : str
        `ok`, `no signal`, `no lock`, `out of range`, or `unknown`: the camera does not tell.
    input : str
        Name of the input, empty if the camera has none.
    status : tuple of str
        As of `Input`.
    timings : Timings or None
        What is detected on a digital input.
    standard : str
        What is detected on an analogue input, or empty.
    """

    state: str
    input: str = ""
    status: tuple[str, ...] = ()
    timings: Timings | None = None
    standard: str = ""

    @property
    def lost(self) -> bool:
        """bool: there is no usable signal, so what the camera delivers is no picture."""
        return self.state not in ("ok", "unknown")

    def __str__(self) -> str:
        detected = str(self.timings or self.standard)
        where = f" on input {self.input!r}" if self.input else ""
        return f"signal{where}: {self.state}{f', {detected}' if detected else ''}"

    def as_dict(self) -> dict[str, Any]:
        """Return it as what JSON can hold."""
        timings = None if self.timings is None else self.timings.as_dict()
        return {
            "state": self.state,
            "input": self.input,
            "status": list(self.status),
            "timings": timings,
            "standard": self.standard,
        }


def standards_of(rows: Sequence[RawStandard]) -> tuple[Standard, ...]:
    """Make them of what the driver tells."""
    return tuple(Standard(row.name, row.id, round(row.fps, 3), row.lines) for row in rows)


def standard_name(id: int, known: Sequence[Standard]) -> str:
    """Name a set of standards after the smallest that the driver lists which has them all; empty: none."""
    if not id:
        return ""
    fitting = [row for row in known if row.id & id == id]
    if fitting:
        return min(fitting, key=lambda row: row.id.bit_count()).name
    parts = [row.name for row in known if row.id and row.id & id == row.id]
    return "/".join(parts) or f"0x{id:x}"
