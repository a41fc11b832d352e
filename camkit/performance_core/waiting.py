"""Waiting for a pipeline in a thread or in a coroutine, and what is to be done meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

from camkit.memory_manager._checks import check_timeout
from camkit.performance_core import ending
from camkit.performance_core._sink import Sink
from camkit.performance_core.trouble import hang_error, hanging

if TYPE_CHECKING:
    from collections.abc import Sequence

    from camkit.performance_core.pipeline import Pipeline
    from camkit.performance_core.strand import Strand

PUMP_S = 0.01  # how often windows are served
LOOK_S = 0.25  # how often a stage that hangs is looked for, where there is no window to serve
END_S = 5.0  # how long the threads of an aborted run are waited for
STUCK_S = 0.5  # who has worked on one frame for longer than this may not end soon
STUCK_END_S = 1.0  # and is waited for no longer than this: a thread of a busy machine is seldom kept waiting so long
STEP_S = 0.005  # between looks of a coroutine whether threads that are about to end have ended


def wait(pipeline: Pipeline, timeout: float | None) -> bool:
    """Do the work of `Pipeline.wait`."""
    until = _until(pipeline, timeout)
    try:
        while (strand := next((one for one in pipeline._strands if not one.worker.done.is_set()), None)) is not None:
            now = time.monotonic()
            if until is not None and now >= until:
                return False
            _serve(pipeline, now)
            strand.worker.done.wait(_patience(pipeline, now, until))
    except BaseException:
        pipeline.abort()
        if pipeline._join(grace(pipeline)):
            ending.close_account(pipeline)
        ending.write_down(pipeline)  # also when a thread is left behind
        raise
    pipeline._join(None)
    ending.collect(pipeline)
    return True


async def wait_async(pipeline: Pipeline, timeout: float | None) -> bool:
    """Do the work of `Pipeline.wait_async`: the event loop goes on, and no thread is spent on it."""
    until = _until(pipeline, timeout)
    loop, ended = asyncio.get_running_loop(), asyncio.Event()

    def tell() -> None:
        with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(ended.set)

    pipeline._listeners.append(tell)
    try:
        while pipeline.running:
            now = time.monotonic()
            if until is not None and now >= until:
                return False
            _serve(pipeline, now)
            ended.clear()
            if pipeline.running:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_patience(pipeline, now, until)):
                        await ended.wait()
    except BaseException:
        pipeline.abort()
        if await _joined(pipeline, grace(pipeline)):
            ending.close_account(pipeline)
        ending.write_down(pipeline)  # also when a thread is left behind
        raise
    finally:
        pipeline._listeners.remove(tell)
    await _joined(pipeline, END_S)
    ending.collect(pipeline)
    return True


def pump(pipeline: Pipeline) -> bool:
    """Serve the windows of all sinks; False when one of them wants the pipeline to end."""
    return all([sink.pump() for sink in pipeline._graph.sinks])


def look_for_hang(pipeline: Pipeline, strands: Sequence[Strand]) -> None:
    """Raise PipelineError if a node has been at work for longer than the watchdog allows."""
    if pipeline.watchdog is not None and hanging(strands, pipeline.watchdog) is not None:
        raise hang_error(pipeline, strands, pipeline.watchdog)


def _until(pipeline: Pipeline, timeout: float | None) -> float | None:
    if pipeline._own_thread():
        raise RuntimeError(f"a stage cannot wait for its own pipeline, {pipeline!r}: it would wait for itself")
    return None if timeout is None else time.monotonic() + check_timeout(timeout)


def _serve(pipeline: Pipeline, now: float) -> None:
    if pipeline._deadline is not None and now >= pipeline._deadline:
        pipeline._deadline = None
        pipeline.drain()
    if not pump(pipeline):
        pipeline.drain()
    look_for_hang(pipeline, pipeline._strands)


def _patience(pipeline: Pipeline, now: float, until: float | None) -> float:
    """Return how long one may sleep: every waking costs the machine as much as a frame does."""
    if any(type(sink).pump is not Sink.pump for sink in pipeline._graph.sinks):
        return PUMP_S
    ends = [moment - now for moment in (until, pipeline._deadline) if moment is not None]
    return max(min([LOOK_S, *ends]), 0.0)


def grace(pipeline: Pipeline) -> float:
    """Return how many seconds to wait for the threads of an aborted run."""
    return END_S if hanging(pipeline._strands, STUCK_S) is None else STUCK_END_S


async def _joined(pipeline: Pipeline, timeout: float) -> bool:
    """Wait for threads that are about to end; tell whether they have."""
    until = time.monotonic() + timeout
    while not pipeline._join(0.0):
        if time.monotonic() >= until:
            return False
        await asyncio.sleep(STEP_S)
    return True
