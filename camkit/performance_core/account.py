"""The account of a pipeline's run, gathered from its nodes, threads and queues."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from camkit.performance_core._node import Node
from camkit.performance_core._sink import Sink
from camkit.performance_core._source import Source
from camkit.performance_core._stage import Stage
from camkit.performance_core.graph import REMOVED
from camkit.performance_core.node_stats import Drops, SlotCounts, SourceStats
from camkit.performance_core.stats import (
    BranchStats,
    Copies,
    FrameCounts,
    LinkStats,
    PipelineStats,
    Summary,
    ThreadStats,
)

if TYPE_CHECKING:
    from camkit.performance_core.graph import Path
    from camkit.performance_core.pipeline import Pipeline
    from camkit.performance_core.strand import Strand


Error = tuple[BaseException, Node | None, int | None]  # with the node, and the number of the frame

MOST_CLOSED = 64  # removed branches that are told of one by one


class Closed:
    """What became of branches that were removed during a run: their accounts, and of threads and histograms nothing.

    Bounded, however many come and go. Changed under the pipeline's lock only.
    """

    def __init__(self) -> None:
        self.branches: dict[str, BranchStats] = {}
        self.errors: list[Error] = []
        self.traced: list[Strand] = []  # whose trace is to be written still
        self.shared = self.copies = self.copied_bytes = 0

    def add(self, pipeline: Pipeline, strands: list[Strand]) -> list[str]:
        """Close the accounts of paths whose threads have ended; return the names that are told of no more."""
        for path in dict.fromkeys(strand.path for strand in strands):
            self.branches[path.name] = _branch(pipeline, path, strands)
        self.errors += [strand.worker.error for strand in strands if strand.worker.error is not None]
        self.traced = [*self.traced, *(strand for strand in strands if strand.ring is not None)][-MOST_CLOSED:]
        self.shared += _shared(strands)
        made = _copies_of(strands)
        self.copies, self.copied_bytes = self.copies + made[0], self.copied_bytes + made[1]
        names = [name for name in self.branches if name != REMOVED]
        oldest = names[: max(0, len(names) - MOST_CLOSED)]
        if oldest:
            parts = [self.branches.pop(name) for name in oldest]
            parts += [self.branches.pop(REMOVED)] if REMOVED in self.branches else []
            self.branches[REMOVED] = BranchStats(
                after=("main",),
                entered=sum(part.entered for part in parts),
                delivered=sum(part.delivered for part in parts),
                displayed=sum(part.displayed for part in parts),
                forwarded=sum(part.forwarded for part in parts),
                dropped=sum((part.dropped for part in parts), Drops()),
            )
        return oldest


def take_account(pipeline: Pipeline) -> PipelineStats:
    """Count what became of every frame of the run under way, or of the last. Safe from any thread."""
    # Asked first: a run that ends meanwhile is told of as one that goes on. What is left in its queues is not counted
    # before its account is closed.
    running = pipeline.running or bool(pipeline._unclosed)
    strands, closed = pipeline._strands, pipeline._closed
    # Downstream before upstream, so that no more is delivered than was captured.
    paths = _paths(pipeline, strands)
    counts = {path.name: _branch(pipeline, path, strands) for path in reversed(paths)}
    branches = {path.name: counts[path.name] for path in paths} | closed.branches
    inputs = {name: _since(pipeline, name, source) for name, source in pipeline._graph.inputs.items()}
    matchers = [strand.matcher for strand in strands if strand.matcher is not None]
    frames = FrameCounts(
        captured=sum(source.captured for source in inputs.values()),
        delivered=sum(branch.delivered for branch in branches.values()),
        displayed=sum(branch.displayed for branch in branches.values()),
        dropped=sum((one.dropped for one in inputs.values()), Drops())
        + sum((one.dropped for one in branches.values()), Drops()),
        shared=closed.shared + _shared(strands),
        joined=sum(matcher.matched() * (len(matcher.inlets) - 1) for matcher in matchers),
    )
    latency_us, stages = _latencies(pipeline, strands)
    now = pipeline._ended or time.monotonic()  # its threads have ended before its account is closed
    return PipelineStats(
        frames=frames,
        latency_us=latency_us,
        stages=stages,
        links=tuple(
            LinkStats(outlet.name, outlet.policy, outlet.link.depth, len(outlet.link), outlet.counts()["high_water"])
            for strand in strands
            for outlet in strand.inlets
        ),
        threads=tuple(
            ThreadStats(
                strand.thread.name,
                tuple(node.name for node in strand.worker.nodes),
                strand.clock.cpu_s,
                strand.path.name,
                tuple(inlet.name for inlet in strand.inlets),
            )
            for strand in strands
        ),
        inputs=inputs,
        branches=branches,
        slots=take_slots(pipeline),
        copies=_copies(pipeline, strands, inputs, frames.delivered),
        fps=next((strand.worker.rate() for strand in reversed(strands) if strand.path.name == "main"), None),
        outages=sum(source.outages for source in inputs.values()),
        outage_s=sum(source.outage_s for source in inputs.values()),
        wall_s=now - pipeline._began if pipeline._began else 0.0,
        running=running,
    )


def take_slots(pipeline: Pipeline) -> dict[str, SlotCounts]:
    """Tell where the slots of each source are now, as far as it knows. Safe from any thread."""
    on_gpu = pipeline.frames_on_gpu()
    found = {name: source.slots(on_gpu) for name, source in pipeline._graph.inputs.items()}
    return {name: slots for name, slots in found.items() if slots is not None}


def _paths(pipeline: Pipeline, strands: list[Strand]) -> list[Path]:
    """List the paths of a run; before the first one, those of the graph."""
    return list(dict.fromkeys(strand.path for strand in strands)) or list(pipeline._graph.paths)


def _shared(strands: list[Strand]) -> int:
    return sum(strand.worker.counts()["shared"] for strand in strands)


def _branch(pipeline: Pipeline, path: Path, strands: list[Strand]) -> BranchStats:
    own = [strand for strand in strands if strand.path is path]
    if not own:
        return BranchStats(after=path.after)
    workers = [strand.worker.counts() for strand in reversed(own)]
    links = [strand.inlet.counts() for strand in reversed(own) if strand.inlet is not None]
    entered = links[-1]["offered"] if path.branch is not None else workers[-1]["fetched"]
    forwarded, unmatched = sum(each["forwarded"] for each in workers), 0
    if path.into is not None:
        matcher = next(strand.matcher for strand in strands if strand.matcher and path.name in strand.matcher.names)
        forwarded, unmatched = matcher.matched(), matcher.unmatched(path.name)
        last = matcher.inlets[matcher.names.index(path.name)].counts()
        if pipeline._run is not None and not pipeline._run.aborting:
            unmatched += last.pop("aborted")  # came when the match had ended already
        links.append(last)
    return BranchStats(
        after=path.after,
        entered=entered,
        delivered=sum(each["delivered"] for each in workers),
        displayed=sum(node.stats().displayed for node in path.nodes if isinstance(node, Sink)),
        forwarded=forwarded,
        dropped=Drops(
            pool=sum(each["pool"] for each in workers),
            link=sum(each["full"] for each in links),
            late=sum(each["late"] for each in [*workers, *links]),
            stage=sum(each["stage"] for each in workers),
            bad=sum(each["bad"] for each in workers),
            unmatched=unmatched,
            aborted=sum(each.get("aborted", 0) for each in [*workers, *links]),
        ),
    )


def _since(pipeline: Pipeline, name: str, source: Source) -> SourceStats:
    """Count what came since the run began; outages since before the source was started."""
    now = source.stats()
    absent = pipeline._absent.get(name, now)
    since = now - pipeline._before.get(name, now)
    return SourceStats(
        since.captured,
        since.taken,
        since.dropped,
        since.copies,
        since.copied_bytes,
        now.outages - absent.outages,
        now.outage_s - absent.outage_s,
    )


def _latencies(pipeline: Pipeline, strands: list[Strand]) -> tuple[dict[str, Summary], dict[str, Summary]]:
    """Return the table of all durations, and the part of it that is the stages'."""
    table: dict[str, Summary] = {}
    stages: dict[str, Summary] = {}
    inputs, ends = pipeline._graph.inputs, [strand for strand in strands if strand.segment.sink is not None]
    for name, source in inputs.items():
        table |= _told_apart(source.latencies(), name, len(inputs) > 1)
    for strand in strands:
        if strand.lane:
            continue  # counted in with the first
        also = [other.worker for other in strands if other.lane and other.segment is strand.segment]
        if strand.inlet is not None:
            table[strand.inlet.name] = strand.worker.link_wait(also)
        rows = dict(strand.worker.stage_times(also))
        table |= rows
        stages |= rows
        for node in strand.segment.stages:
            table |= {f"{row} ({node.name})": summary for row, summary in node.latencies().items()}
        if strand.segment.sink is not None:
            own = {"capture_to_sink": strand.worker.capture_to_sink(), **strand.segment.sink.latencies()}
            table |= _told_apart(own, strand.path.name, len(ends) > 1)
    return table, stages


def _told_apart(rows: dict[str, Summary], name: str, several: bool) -> dict[str, Summary]:
    return {f"{row} ({name})": summary for row, summary in rows.items()} if several else rows


def _copies_of(strands: list[Strand]) -> tuple[int, int]:
    nodes = {id(node): node for strand in strands for node in strand.worker.nodes if isinstance(node, (Stage, Sink))}
    made = [node.stats() for node in nodes.values()]
    return sum(each.copies for each in made), sum(each.copied_bytes for each in made)


def _copies(pipeline: Pipeline, strands: list[Strand], inputs: dict[str, SourceStats], delivered: int) -> Copies:
    copies, copied = _copies_of(strands)
    copies += pipeline._closed.copies + sum(each.copies for each in inputs.values())
    copied += pipeline._closed.copied_bytes + sum(each.copied_bytes for each in inputs.values())
    return Copies(copies / delivered if delivered else 0.0, copied / delivered if delivered else 0.0, copies, copied)
