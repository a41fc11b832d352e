"""What a source, a stage or a sink says of its frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

from camkit.errors import AccountError


class Record:
    """Common part of the dataclasses here: each is plain data, safe to keep and to pass between threads."""

    __slots__ = ()

    def as_dict(self) -> dict[str, Any]:
        """Return plain dicts, lists, numbers and text, as JSON takes them; docs/json.md names the fields."""
        shown = [f for f in fields(self) if f.metadata.get("plain", True)]  # type: ignore[arg-type]
        return {f.name: _plain(getattr(self, f.name)) for f in shown}


class Counts(Record):
    """A record of counters, which can be added and subtracted field by field."""

    __slots__ = ()

    def __add__(self, other: Self) -> Self:
        """Count both together."""
        return type(self)(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))  # type: ignore[arg-type]

    def __sub__(self, other: Self) -> Self:
        """Count what came since `other`."""
        return type(self)(*(getattr(self, f.name) - getattr(other, f.name) for f in fields(self)))  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Drops(Counts):
    """Frames that went no further, by cause.

    Attributes
    ----------
    driver : int
        Gaps in the driver's own numbers: lost before camkit saw them.
    corrupt : int
        Marked as damaged by the driver, or too short.
    pool : int
        No buffer was free to take them, in the source or in a stage that needs one.
    link : int
        A queue was full (`drop_newest`).
    late : int
        A newer one took their place (`latest`, `drop_oldest`, and in a window that paces its pictures).
    stage : int
        A stage chose to drop them.
    bad : int
        A stage said that they cannot be worked on.
    unmatched : int
        A Match found no partner for them in time.
    aborted : int
        Under way when the run was broken off.
    """

    driver: int = 0
    corrupt: int = 0
    pool: int = 0
    link: int = 0
    late: int = 0
    stage: int = 0
    bad: int = 0
    unmatched: int = 0
    aborted: int = 0

    def __str__(self) -> str:
        causes = ", ".join(f"{cause} {count}" for cause, count in self.as_dict().items() if count)
        return f"dropped {self.total}{f' ({causes})' if causes else ''}"

    @property
    def total(self) -> int:
        """int: frames dropped for whatever cause."""
        return (
            self.driver + self.corrupt + self.pool + self.link + self.late
            + self.stage + self.bad + self.unmatched + self.aborted
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class SourceStats(Counts):
    """What a source counted: captured = taken + dropped.total.

    Attributes
    ----------
    captured : int
        Frames that the camera made, those it lost too.
    taken : int
        Frames that the source handed on.
    dropped : Drops
        By `driver`, `corrupt` or `pool`.
    copies, copied_bytes : int
        Copies that the source made.
    outages : int
        How often the camera was away and waited for.
    outage_s : float
        How long in all.
    """

    captured: int = 0
    taken: int = 0
    dropped: Drops = field(default_factory=Drops)
    copies: int = 0
    copied_bytes: int = 0
    outages: int = 0
    outage_s: float = 0.0

    def faults(self, name: str = "source") -> list[str]:
        """Tell what does not add up; empty: all does."""
        missing = self.captured - self.taken - self.dropped.total
        if not missing:
            return []
        return [f"{name!r} captured {self.captured}, took {self.taken} and {self.dropped}: {missing} differ"]

    def check(self) -> None:
        """Raise AccountError unless captured = taken + dropped. For a source that is not at work."""
        raise_faults(self.faults())


@dataclass(frozen=True, slots=True)
class SlotCounts(Counts):
    """Where the slots of a source's memory are at this moment: slots = free + queued + ready + on_gpu.

    Attributes
    ----------
    slots : int
        How many there are.
    free : int
        In the pool: nobody has them.
    queued : int
        With the camera's driver, to be filled, or filled and not fetched yet.
    ready : int
        Complete frames that wait in a queue, are worked on, or are held by Python, a stage or a DLPack tensor.
    on_gpu : int
        Frames whose own memory the GPU reads, held until its fence has signalled; whoever else has them too.
    """

    slots: int = 0
    free: int = 0
    queued: int = 0
    ready: int = 0
    on_gpu: int = 0

    def __str__(self) -> str:
        return (
            f"{self.slots} slots: {self.free} free, {self.queued} queued, {self.ready} ready, {self.on_gpu} on the GPU"
        )


@dataclass(frozen=True, slots=True)
class SinkStats(Counts):
    """What a sink counted.

    Attributes
    ----------
    displayed : int
        Frames that reached the eye, or that the GPU was done with.
    copies, copied_bytes : int
        Copies that the sink made.
    refused : int
        Frames that could not be shown: truncated or mis-strided.
    fallbacks : int
        Frames that the chosen way to the GPU could not take, so that another one copied them; `explain` says why.
    on_gpu : int
        Frames that are held now because the GPU reads their own memory: until its fences have signalled.
    shown : int
        Pictures that came on the screen, as far as it tells; 0 without a window.
    repeats : int
        Refreshes of the screen that showed a picture again because there was no newer one.
    misses : int
        Pictures that came on the screen later than they were meant for.
    unseen : int
        Pictures that were handed to the screen and never seen: replaced by newer ones, or the window was hidden.
    frozen : int
        Frames that were taken and not drawn because the picture was frozen.
    overtaken : int
        Frames that were taken and not drawn because a newer one came first, as in a grid.
    """

    displayed: int = 0
    copies: int = 0
    copied_bytes: int = 0
    refused: int = 0
    fallbacks: int = 0
    on_gpu: int = 0
    shown: int = 0
    repeats: int = 0
    misses: int = 0
    unseen: int = 0
    frozen: int = 0
    overtaken: int = 0


@dataclass(frozen=True, slots=True)
class StageStats(Counts):
    """What a stage counted.

    Attributes
    ----------
    bad : int
        Frames that it could do nothing with.
    pool : int
        Frames lost because all its slots were held downstream.
    copies, copied_bytes : int
        Copies that it made of frames that it writes to, as others held them or they could not be written.
    """

    bad: int = 0
    pool: int = 0
    copies: int = 0
    copied_bytes: int = 0


def raise_faults(faults: list[str]) -> None:
    """Raise AccountError with all of them, unless there is none."""
    if faults:
        raise AccountError("frames do not add up: " + "; ".join(faults))


def _plain(value: Any) -> Any:
    if isinstance(value, Record):
        return value.as_dict()
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value
