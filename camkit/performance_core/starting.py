"""How the threads of a pipeline come to run."""

from __future__ import annotations

import threading
import time
from numbers import Integral
from typing import TYPE_CHECKING, Any

from camkit.memory_manager._checks import check_timeout
from camkit.performance_core import ending, live, waiting
from camkit.performance_core._run import Run
from camkit.performance_core._sink import Sink
from camkit.performance_core.account import Closed
from camkit.performance_core.latch import Latch
from camkit.performance_core.observation import Observation
from camkit.performance_core.strand import Loom, Strand

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from camkit.performance_core.graph import Path
    from camkit.performance_core.pipeline import Pipeline
    from camkit.performance_core.trace import Trace


def start(
    pipeline: Pipeline,
    frames: int | None,
    seconds: float | None,
    trace: Trace | str | os.PathLike[str] | None,
    report: str | os.PathLike[str] | None,
) -> None:
    """Do the work of `Pipeline.start`."""
    if frames is not None and (
        isinstance(frames, bool) or not isinstance(frames, Integral) or not 0 < frames < 1 << 63
    ):
        raise ValueError(f"frames is {frames!r}, not a whole number from 1 on")
    if seconds is not None and not 0 < check_timeout(seconds, "seconds") < 1e9:
        raise ValueError(f"seconds is {seconds!r}, not a number above 0")
    refuse_beginners(pipeline, "start")
    with pipeline._changing:
        with live.claim(pipeline):
            pipeline._graph.negotiate()
            announce(pipeline, pipeline._graph.nodes)
            watching = trace is not None or report is not None
            pipeline._observed = Observation(pipeline, trace, report) if watching else None
            pipeline._timeline = None if pipeline._observed is None else pipeline._observed.timeline
            pipeline._unwritten = None
            pipeline._starter = threading.get_ident()
            build(pipeline, frames)
        try:
            begin(pipeline, pipeline._strands)
            pipeline._before = {name: source.stats() for name, source in pipeline._graph.inputs.items()}
            pipeline._began = time.monotonic()
            pipeline._deadline = None if seconds is None else pipeline._began + seconds
            pipeline._go.set()
            if pipeline._observed is not None:
                pipeline._observed.begin()
        except BaseException:
            give_up(pipeline, pipeline._strands)
            raise
        finally:
            pipeline._starter = None
    if pipeline.errors:
        pipeline.abort()
        pipeline.wait()


def announce(pipeline: Pipeline, nodes: list[Any]) -> None:
    """Tell nodes which pipeline they work in, and sinks what the source delivers before stages change it."""
    for node in nodes:
        node.attach(pipeline)
    for chain in pipeline._graph.chains():
        if isinstance(chain[-1], Sink) and chain[-1] in nodes:
            stream = getattr(chain[0], "stream", None)
            if stream is not None and (stream.stride or len(chain) == 2):
                chain[-1].expect(stream.format, (stream.width, stream.height), stream.stride)


def build(pipeline: Pipeline, frames: int | None) -> None:
    pipeline._run, pipeline._go = Run(frames or 0), Latch()
    pipeline._closed, pipeline._before, pipeline._began, pipeline._ended = Closed(), {}, 0.0, 0.0
    pipeline._absent = {name: source.stats() for name, source in pipeline._graph.inputs.items()}
    pipeline._graph.forget_names()
    pipeline._loom = Loom(pipeline._graph, pipeline._run, pipeline._go, pipeline.drain, pipeline._thread_ended)
    pipeline._strands = weave(pipeline, pipeline._graph.paths)
    pipeline._unclosed = [pipeline._run]


def weave(pipeline: Pipeline, paths: Sequence[Path]) -> list[Strand]:
    assert pipeline._loom is not None
    strands = pipeline._loom.weave(paths)
    if pipeline._observed is not None:
        pipeline._observed.equip(strands)
    return strands


def begin(pipeline: Pipeline, strands: list[Strand]) -> None:
    """Start threads, the sinks' first, so that no frame waits for a GL context."""
    pipeline._beginning = strands
    try:
        for strand in reversed(strands):
            if any(other.worker.error for other in strands):
                strand.give_up()
                continue
            strand.start()
            while not strand.worker.ready.wait(waiting.PUMP_S):
                waiting.pump(pipeline)
                waiting.look_for_hang(pipeline, strands)
    finally:
        pipeline._beginning = []


def refuse_beginners(pipeline: Pipeline, what: str) -> None:
    if any(strand.thread is threading.current_thread() for strand in pipeline._beginning):
        raise RuntimeError(
            f"{what}() of {pipeline!r} was called by one of its own nodes that is getting ready, and for which the "
            "pipeline waits: call it with the first frame"
        )


def give_up(pipeline: Pipeline, strands: list[Strand]) -> None:
    pipeline.abort()
    pipeline._go.set()
    for strand in strands:
        if not strand.started:
            strand.give_up()
    if pipeline._join(waiting.grace(pipeline)):
        ending.close_account(pipeline)
