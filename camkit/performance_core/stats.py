"""What a pipeline says of its frames: typed, frozen, and adding up.

Every path of a pipeline has an account of its own. An input (a source) made frames: captured = taken + dropped. A
branch (the way from an input, a Tee or a Match to the next of them, or to a sink) was given frames: entered =
delivered + forwarded + dropped. The totals follow: captured + shared = delivered + joined + dropped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from camkit.performance_core.node_stats import Drops, Record, SlotCounts, SourceStats, raise_faults

if TYPE_CHECKING:
    from camkit.performance_core._stats import Histogram


@dataclass(frozen=True, slots=True)
class Summary(Record):
    """Durations in microseconds: percentiles from a histogram (at most 1.6 % off), the rest exact; None while empty.

    Attributes
    ----------
    p50, p90, p99, p999 : float or None
        What 50, 90, 99 and 99.9 % of the values do not exceed.
    min, max, mean : float or None
        The smallest, the largest, the mean.
    count : int
        How many were measured.
    histogram : Histogram or None
        All of them, as a copy of the same moment. Not part of `as_dict`.
    """

    p50: float | None = None
    p90: float | None = None
    p99: float | None = None
    p999: float | None = None
    min: float | None = None
    max: float | None = None
    mean: float | None = None
    count: int = 0
    histogram: Histogram | None = field(default=None, repr=False, compare=False, metadata={"plain": False})


@dataclass(frozen=True, slots=True)
class FrameCounts(Record):
    """The totals of a run: captured + shared = delivered + joined + dropped.total + under_way.

    Attributes
    ----------
    captured : int
        Frames that the cameras made, those they lost too.
    delivered : int
        Frames that reached the end of a branch.
    displayed : int
        Frames that the sinks showed.
    dropped : Drops
        Frames that went no further, by cause.
    shared : int
        References that Tees added: a frame that enters three branches was shared twice. 0 without a Tee.
    joined : int
        Frames that Matches made part of another camera's. 0 without a Match.
    """

    captured: int = 0
    delivered: int = 0
    displayed: int = 0
    dropped: Drops = field(default_factory=Drops)
    shared: int = 0
    joined: int = 0

    def __str__(self) -> str:
        parts = [f"captured {self.captured}", f"delivered {self.delivered}", f"displayed {self.displayed}"]
        parts += [f"{name} {count}" for name in ("shared", "joined") if (count := getattr(self, name))]
        return ", ".join([*parts, str(self.dropped)])

    @property
    def under_way(self) -> int:
        """int: frames between source and sink at this moment; 0 when the run is over."""
        return self.captured + self.shared - self.delivered - self.joined - self.dropped.total


@dataclass(frozen=True, slots=True)
class BranchStats(Record):
    """The account of one path: entered = delivered + forwarded + dropped.total + under_way.

    Attributes
    ----------
    after : tuple of str
        The input or the branches that feed it; more than one behind a Match.
    entered : int
        Frames that it was given.
    delivered : int
        Frames that its sink took, or that reached its end where there is none.
    displayed : int
        Frames that its sink showed.
    forwarded : int
        Frames that it gave to the Tee or the Match at its end.
    dropped : Drops
        By `pool`, `link`, `late`, `stage`, `bad`, `unmatched` or `aborted`.
    """

    after: tuple[str, ...] = ()
    entered: int = 0
    delivered: int = 0
    displayed: int = 0
    forwarded: int = 0
    dropped: Drops = field(default_factory=Drops)

    @property
    def under_way(self) -> int:
        """int: frames inside it at this moment; 0 when the run is over."""
        return self.entered - self.delivered - self.forwarded - self.dropped.total


@dataclass(frozen=True, slots=True)
class LinkStats(Record):
    """A queue between two threads.

    Attributes
    ----------
    name : str
        As in the table of latencies.
    policy : str
        What it does when it is full.
    depth : int
        Frames that fit.
    queued : int
        Frames inside at this moment.
    high_water : int or None
        The most that ever were inside; None: not watched.
    """

    name: str
    policy: str
    depth: int
    queued: int
    high_water: int | None = None


@dataclass(frozen=True, slots=True)
class ThreadStats(Record):
    """A thread of the pipeline.

    Attributes
    ----------
    name : str
        As debuggers and `top -H` show it.
    nodes : tuple of str
        The nodes that run in it, in order.
    cpu_s : float or None
        CPU time it took, of user and system; None where the system does not tell.
    branch : str
        The path that it works on.
    inlets : tuple of str
        The queues that it takes frames out of; none for one that begins with a source.
    """

    name: str
    nodes: tuple[str, ...]
    cpu_s: float | None = None
    branch: str = "main"
    inlets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Copies(Record):
    """Copies that camkit or the GL driver's upload made.

    Attributes
    ----------
    per_frame, bytes_per_frame : float
        Of a delivered frame, on average; 0 before the first.
    total, total_bytes : int
        In all.
    """

    per_frame: float = 0.0
    bytes_per_frame: float = 0.0
    total: int = 0
    total_bytes: int = 0


@dataclass(frozen=True, slots=True)
class PipelineStats(Record):
    """All counts and latencies of a run: of the one under way, or of the last.

    Attributes
    ----------
    frames : FrameCounts
        The totals.
    latency_us : dict of str to Summary
        `dequeue`, every queue, every stage, `capture_to_sink`, and what sinks measure themselves.
    stages : dict of str to Summary
        The stages alone: how long each worked on a frame; `count` is how many frames it was given.
    links : tuple of LinkStats
        The queues between threads, in the order of the frames.
    threads : tuple of ThreadStats
        The threads, in the same order.
    inputs : dict of str to SourceStats
        The account of each source, since the run began.
    branches : dict of str to BranchStats
        The account of each path; a pipeline without Tee and Match has one, `main`.
    slots : dict of str to SlotCounts
        Where the memory of each source is at this moment; without those that have none now, or do not tell.
    copies : Copies
        What was copied.
    fps : float or None
        Rate from the first to the latest frame delivered; None before the second.
    outages : int
        How often a camera was away and waited for.
    outage_s : float
        How long in all.
    wall_s : float
        From the first moment that a frame could come.
    running : bool
        Whether the run goes on, or nobody has waited for its end yet; then counters are ahead of each other by what is
        under way.
    """

    frames: FrameCounts = field(default_factory=FrameCounts)
    latency_us: Mapping[str, Summary] = field(default_factory=dict)
    stages: Mapping[str, Summary] = field(default_factory=dict)
    links: tuple[LinkStats, ...] = ()
    threads: tuple[ThreadStats, ...] = ()
    inputs: Mapping[str, SourceStats] = field(default_factory=dict)
    branches: Mapping[str, BranchStats] = field(default_factory=dict)
    slots: Mapping[str, SlotCounts] = field(default_factory=dict)
    copies: Copies = field(default_factory=Copies)
    fps: float | None = None
    outages: int = 0
    outage_s: float = 0.0
    wall_s: float = 0.0
    running: bool = False

    def faults(self) -> list[str]:
        """Tell which accounts do not add up; empty: all do, or the run goes on.

        Returns
        -------
        list of str
            One sentence each, with the numbers.
        """
        if self.running:
            return []
        found = [fault for name, one in self.inputs.items() for fault in one.faults(name)]
        for name, branch in self.branches.items():
            if branch.under_way:
                found.append(
                    f"branch {name!r} was given {branch.entered}, and delivered {branch.delivered}, forwarded "
                    f"{branch.forwarded} and {branch.dropped}: {branch.under_way} differ"
                )
        if self.frames.under_way:
            found.append(
                f"captured {self.frames.captured} + shared {self.frames.shared} are not delivered "
                f"{self.frames.delivered} + joined {self.frames.joined} + {self.frames.dropped}: "
                f"{self.frames.under_way} differ"
            )
        return found + self._faults_of_totals()

    def check(self) -> None:
        """Raise AccountError unless every path adds up, and the totals are those of the paths.

        While the run goes on it says nothing, for counters of several threads cannot be read at one moment.

        Raises
        ------
        AccountError
            The message has the numbers of each account that is wrong.
        """
        raise_faults(self.faults())

    def _faults_of_totals(self) -> list[str]:
        """Compare the totals with the sums over the paths."""
        dropped = sum((one.dropped for one in self.inputs.values()), Drops())
        dropped = sum((one.dropped for one in self.branches.values()), dropped)
        sums = {
            "captured": sum(one.captured for one in self.inputs.values()),
            "delivered": sum(one.delivered for one in self.branches.values()),
            "displayed": sum(one.displayed for one in self.branches.values()),
        }
        found = [
            f"{what}: the total is {getattr(self.frames, what)}, the paths have {count}"
            for what, count in sums.items()
            if count != getattr(self.frames, what)
        ]
        if dropped != self.frames.dropped:
            found.append(f"dropped: the total is {self.frames.dropped}, the paths have {dropped}")
        return found
