"""How a run of a pipeline ends, and what is told of it then."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from camkit.errors import OutputError
from camkit.memory_manager._checks import check_timeout
from camkit.performance_core.trouble import hang_error, late_error, wrap

if TYPE_CHECKING:
    from camkit.performance_core.pipeline import Pipeline

ABORT_S = 2.0  # how long threads are waited for when the run is aborted: on a busy machine they wake late


def stop(pipeline: Pipeline, timeout: float) -> None:
    """Do the work of `Pipeline.stop`."""
    timeout = check_timeout(timeout)
    pipeline.drain()
    if pipeline._own_thread():
        return
    if not pipeline._join(timeout):
        late = late_error(pipeline, pipeline._strands, timeout)
        pipeline.abort()
        if pipeline._join(ABORT_S):
            close_account(pipeline)
            raise late
        write_down(pipeline)
        raise hang_error(pipeline, pipeline._strands, timeout)
    collect(pipeline)


def close_account(pipeline: Pipeline) -> bool:
    """Close the account of a run that has ended; return False if it was closed before, or another has begun."""
    with pipeline._changing:  # who starts a run holds it: what is in the queues of that one is nobody's to discard
        if pipeline.running or not pipeline._unclosed:
            return False
        pipeline._unclosed.pop()
        for strand in pipeline._strands:
            if strand.inlet is not None:
                strand.inlet.discard()
            for inlet in strand.matcher.inlets if strand.matcher is not None else ():
                inlet.discard()
    pipeline._ended = time.monotonic()
    write_down(pipeline)
    return True


def write_down(pipeline: Pipeline) -> None:
    """Write what was asked for at the start. That it failed is told when the run's own errors are."""
    observed, pipeline._observed = pipeline._observed, None
    if observed is not None:
        try:
            observed.end()
        except OutputError as error:
            pipeline._unwritten = error


def collect(pipeline: Pipeline) -> None:
    """Close the account and raise what went wrong in the run, once."""
    closed = close_account(pipeline)
    unwritten, pipeline._unwritten = pipeline._unwritten, None
    for error, node, sequence in pipeline.errors if closed else ():
        failed = wrap(pipeline, error, node, sequence)
        if unwritten is not None:
            failed.add_note(str(unwritten))
        raise failed
    if unwritten is not None:
        raise unwritten
