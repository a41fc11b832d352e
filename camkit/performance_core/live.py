"""The pipelines of this process that run: none shares a node with another, and none outlives the interpreter."""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
import weakref
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from camkit.performance_core.graph import objects_of

if TYPE_CHECKING:
    from camkit.performance_core.pipeline import Pipeline

_live: weakref.WeakSet[Pipeline] = weakref.WeakSet()
_starting = threading.RLock()  # of `_live`, and so that of two pipelines with one node only one begins


@contextlib.contextmanager
def claim(pipeline: Pipeline, nodes: Sequence[Any] | None = None) -> Iterator[None]:
    """Let a pipeline be built with its nodes, or with `nodes` more, while no other one takes them.

    Raises
    ------
    RuntimeError
        A node works in another pipeline, for each serves one thread, and ends with its own pipeline's run; or the
        pipeline runs already.
    """
    with _starting:
        if nodes is None and pipeline.running:
            raise RuntimeError("the pipeline is running already: stop it first")
        for other in _live:
            if other is pipeline or not other.running:
                continue
            taken = {id(node) for node in objects_of(other._graph.nodes)}
            for node in objects_of(pipeline._graph.nodes if nodes is None else nodes):
                if id(node) in taken:
                    raise RuntimeError(f"{node.name!r} is in use by {other!r}: stop that pipeline first")
        yield
        _live.add(pipeline)


@atexit.register
def _stop_all() -> None:
    """End every pipeline before the interpreter goes, so that no thread asks for a GIL that is no more."""
    with _starting:
        pipelines = list(_live)
    for pipeline in pipelines:
        pipeline.abort()
    for pipeline in pipelines:
        pipeline._join(2.0)


def _forget_threads() -> None:
    """Let every pipeline of a forked child know that its threads exist in the parent only."""
    global _starting
    _starting = threading.RLock()
    for pipeline in list(_live):
        pipeline._changing = threading.RLock()
        # It may be one of its threads that forked: nobody feeds it here, so let it come to its end.
        if pipeline._run is not None:
            pipeline._run.abort()
        for strand in pipeline._strands:
            strand.worker.abort_links()
        pipeline._strands, pipeline._unclosed = [], []


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_threads)
