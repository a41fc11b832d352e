"""What goes wrong in a pipeline, in words: a node's error with its name, and a stage that does not come back."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from camkit.errors import CamkitError, PipelineError
from camkit.performance_core._sink import Sink
from camkit.performance_core._stage import Stage

if TYPE_CHECKING:
    from camkit.performance_core.pipeline import Pipeline
    from camkit.performance_core.strand import Strand


def told(error: BaseException) -> str:
    """Return what an error is and says, also of one that cannot say it."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception as other:
        return f"{type(error).__name__}, of which str() raised {type(other).__name__}"


def wrap(pipeline: Pipeline, error: BaseException, node: Any, sequence: int | None) -> BaseException:
    """Return the error of a node as the caller of `wait` is to get it."""
    name = node.name if node is not None else "pipeline"
    where = f"on frame {sequence}" if sequence is not None else "outside of a frame"
    if isinstance(error, CamkitError) and not isinstance(node, Stage):
        error.add_note(f"in {name!r} of {pipeline!r}, {where}")
        return error
    kind = "stage" if isinstance(node, Stage) else "sink" if isinstance(node, Sink) else "source"
    text = f"{kind} {name!r} failed {where}: {told(error)}"
    wrapped = PipelineError(text, stage=name, sequence=sequence)
    wrapped.__cause__ = error
    return wrapped


def hanging(strands: Sequence[Strand], seconds: float) -> tuple[Strand, Any, float, int | None] | None:
    """Return (strand, node, seconds, sequence) of the node that has worked longest, if for more than `seconds`."""
    now = time.monotonic()
    found = []
    for strand in strands:
        if (busy := strand.worker.busy()) is not None:
            node, elapsed, sequence = busy
            elapsed = min(elapsed, now - node.prepared_at)
            if elapsed > seconds:
                found.append((strand, node, elapsed, sequence))
    return max(found, key=lambda busy: busy[2]) if found else None


def hang_error(pipeline: Pipeline, strands: Sequence[Strand], seconds: float) -> PipelineError:
    """Name the node that hangs, its thread, and where in Python it is."""
    busy = hanging(strands, 0.0)
    if busy is None:
        alive = [strand.thread.name for strand in strands if strand.started and strand.thread.is_alive()]
        left = f": {', '.join(map(repr, alive))} is at work still" if alive else ""
        return PipelineError(f"{pipeline!r} did not end within {seconds:g} s{left}")
    strand, node, elapsed, sequence = busy
    on = f" on frame {sequence}" if sequence is not None else ""
    error = PipelineError(
        f"stage {node.name!r} hangs{on}: it has not returned for {elapsed:.1f} s; its thread, {strand.thread.name!r}, "
        f"is left behind{_exhausted(node)}",
        stage=node.name,
        sequence=sequence,
    )
    frame = sys._current_frames().get(strand.thread.ident or 0)
    if frame is not None:
        error.add_note(f"it is here:\n{''.join(traceback.format_stack(frame)[-4:])}".rstrip())
    return error


def late_error(pipeline: Pipeline, strands: Sequence[Strand], seconds: float) -> PipelineError:
    """Name the node that held up a run which ends now that it is aborted."""
    text = f"{pipeline!r} did not end within {seconds:g} s and was aborted: what was under way is dropped"
    busy = hanging(strands, 0.0)
    if busy is None:
        return PipelineError(text)
    _, node, elapsed, sequence = busy
    on = f" on frame {sequence}" if sequence is not None else ""
    return PipelineError(
        f"{text}; {node.name!r} was at work{on} for {elapsed:.1f} s{_exhausted(node)}",
        stage=node.name,
        sequence=sequence,
    )


def _exhausted(node: Any) -> str:
    """Tell who holds the slots of a stage that has none left; empty: it has, or does not know."""
    held = node.holders() if isinstance(node, Stage) else ()
    if not held or len(held) < node.slots:
        return ""
    return f"; all of its {len(held)} slots are held, close frames or give it more: {'; '.join(map(str, held))}"
