"""The account of a pipeline's run, gathered from its nodes, threads and queues."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from camkit.performance_core.stats import (
    BranchStats,
    Copies,
    Drops,
    FrameCounts,
    LinkStats,
    PipelineStats,
    SourceStats,
    Summary,
    ThreadStats,
)

if TYPE_CHECKING:
    from camkit.performance_core.pipeline import Pipeline


def take_account(pipeline: Pipeline) -> PipelineStats:
    """Count what became of every frame of the run under way, or of the last. Safe from any thread."""
    running = pipeline.running  # asked first: a run that ends meanwhile is told of as one that goes on
    sink = pipeline._sink.stats()  # and downstream before upstream, so that no more is delivered than was captured
    run = pipeline._run.counts() if pipeline._run is not None else {}
    source = _since(pipeline, pipeline._source.stats())
    delivered, taken = run.get("delivered", 0), run.get("taken", 0)
    lost = Drops(**{cause: run.get(cause, 0) for cause in ("pool", "link", "late", "stage", "bad", "aborted")})
    latency_us: dict[str, Summary] = dict(pipeline._source.latencies())
    stages: dict[str, Summary] = {}
    for worker in pipeline._workers:
        rows = dict(worker.latencies())
        latency_us.update(rows)
        stages.update({stage.name: rows[stage.name] for stage in worker.stages})
    latency_us.update(pipeline._sink.latencies())
    copies, copied = source.copies + sink.copies, source.copied_bytes + sink.copied_bytes
    now = time.monotonic() if running else pipeline._ended
    return PipelineStats(
        frames=FrameCounts(source.captured, delivered, sink.displayed, source.dropped + lost),
        latency_us=latency_us,
        stages=stages,
        links=_links(pipeline),
        threads=_threads(pipeline),
        inputs={pipeline._source.name: source},
        branches={"main": BranchStats((pipeline._source.name,), taken, delivered, sink.displayed, 0, lost)},
        copies=Copies(
            copies / delivered if delivered else 0.0, copied / delivered if delivered else 0.0, copies, copied
        ),
        fps=pipeline._workers[-1].rate() if pipeline._workers else None,
        outages=source.outages,
        outage_s=source.outage_s,
        wall_s=now - pipeline._began if pipeline._began else 0.0,
        running=running,
    )


def _since(pipeline: Pipeline, source: SourceStats) -> SourceStats:
    """Count what came since the run began; outages since before the source was started."""
    before = pipeline._before or source
    absent = pipeline._absent or source
    since = source - before
    return SourceStats(
        since.captured,
        since.taken,
        since.dropped,
        since.copies,
        since.copied_bytes,
        source.outages - absent.outages,
        source.outage_s - absent.outage_s,
    )


def _links(pipeline: Pipeline) -> tuple[LinkStats, ...]:
    return tuple(
        LinkStats(worker.link, queue.policy, queue.depth, len(queue))
        for worker, queue in zip(pipeline._workers[1:], pipeline._queues, strict=True)
    )


def _threads(pipeline: Pipeline) -> tuple[ThreadStats, ...]:
    return tuple(
        ThreadStats(thread.name, tuple(node.name for node in worker.nodes), clock.cpu_s)
        for thread, worker, clock in zip(pipeline._threads, pipeline._workers, pipeline._clocks, strict=True)
    )
