"""Branches that come and go while frames flow.

The thread in front of a Tee reads one pointer to its list of links with every frame. To add a branch is to start its
threads and put a longer list behind that pointer; to remove one is to put a shorter list there, wait until the thread
has taken it up, and only then close the link. So no frame waits, is lost or comes twice in another branch.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from camkit.memory_manager._checks import check_timeout
from camkit.performance_core import live, starting
from camkit.performance_core.tee import Branch, Tee, branch_of
from camkit.performance_core.trouble import hang_error, wrap

if TYPE_CHECKING:
    from camkit.performance_core._outlets import Outlet, Outlets
    from camkit.performance_core.pipeline import Pipeline
    from camkit.performance_core.strand import Strand

LOOK_S = 0.002  # how often it is asked whether the producer has taken up a new list


def add_branch(pipeline: Pipeline, what: Any, to: Tee | None) -> Branch:
    """Do the work of `Pipeline.add`."""
    branch = branch_of(what)
    starting.refuse_beginners(pipeline, "add")
    with pipeline._changing:
        end = pipeline._graph.tee_of(to)
        paths = pipeline._graph.add(branch, end)
        try:
            pipeline._graph.negotiate()
            if not pipeline.running:
                return branch
            nodes = [node for path in paths for node in path.nodes]
            with live.claim(pipeline, nodes):
                starting.announce(pipeline, nodes)
            assert pipeline._loom is not None
            strands = starting.weave(pipeline, paths)
            try:
                starting.begin(pipeline, strands)
                for strand in strands:
                    if strand.worker.error is not None:
                        raise wrap(pipeline, *strand.worker.error)
            except BaseException:
                _break_off(pipeline, strands)
                raise
        except BaseException:
            pipeline._graph.remove(branch)
            raise
        pipeline._strands = [*pipeline._strands, *strands]
        assert strands[0].inlet is not None
        _producer(pipeline, end).add(strands[0].inlet)
    return branch


def remove_branch(pipeline: Pipeline, branch: Branch, drain: bool, timeout: float) -> None:
    """Do the work of `Pipeline.remove`."""
    timeout = check_timeout(timeout)
    starting.refuse_beginners(pipeline, "remove")
    with pipeline._changing:
        path = pipeline._graph.find(branch)
        end = next(other for other in pipeline._graph.paths if other.name in path.after)
        strands = [strand for strand in pipeline._strands if strand.path in pipeline._graph.below(path)]
        pipeline._graph.remove(branch)
        if not strands:
            return
        inlet = strands[0].inlet
        assert inlet is not None
        outlets = _producer(pipeline, end)
        outlets.remove(inlet)
    pipeline._wake()
    if not drain:
        _break_off(pipeline, strands, join=False)
    if pipeline._own_thread():
        # This thread may be the very one to wait for.
        threading.Thread(
            target=_close, args=(pipeline, strands, outlets, inlet, timeout, False), name="camkit-remove", daemon=True
        ).start()
    else:
        _close(pipeline, strands, outlets, inlet, timeout, True)


def _close(
    pipeline: Pipeline, strands: list[Strand], outlets: Outlets, inlet: Outlet, timeout: float, tell: bool
) -> None:
    """Let what is inside come to its end, and close the account of a branch that gets nothing more."""
    until = time.monotonic() + timeout
    while not outlets.settled():
        if time.monotonic() >= until:
            inlet.abort()  # the producer may wait for room in this very link
            break
        time.sleep(LOOK_S)
    if outlets.settled():
        inlet.close()
    error = None
    if not pipeline._join(max(0.0, until - time.monotonic()), strands):
        error = hang_error(pipeline, strands, timeout)
        _break_off(pipeline, strands, join=False)
        pipeline._join(0.5, strands)
    with pipeline._changing:
        if not any(strand.thread.is_alive() for strand in strands):
            for strand in strands:
                if strand.inlet is not None:
                    strand.inlet.discard()
        told_no_more = pipeline._closed.add(pipeline, strands)
        pipeline._graph.forget_names(told_no_more)
        pipeline._strands = [strand for strand in pipeline._strands if strand not in strands]
    if error is not None and tell:
        raise error


def _break_off(pipeline: Pipeline, strands: list[Strand], join: bool = True) -> None:
    for strand in strands:
        strand.worker.abort_links()
        if not strand.started:
            strand.give_up()
    if join:
        pipeline._join(1.0, strands)


def _producer(pipeline: Pipeline, end: Any) -> Outlets:
    """Return the outlets of the thread in front of a Tee."""
    strand = [strand for strand in pipeline._strands if strand.path is end][-1]
    assert strand.outlets is not None
    return strand.outlets
