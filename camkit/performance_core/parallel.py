"""Parallel: a stage that several threads run at the same time, on different frames."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from camkit.memory_manager._checks import check_int
from camkit.performance_core._ordered_map import MOST_IN_FLIGHT, MOST_WORKERS, OrderedMap
from camkit.performance_core._stage import Stage
from camkit.performance_core.node_stats import StageStats
from camkit.performance_core.stages import as_stage

if TYPE_CHECKING:
    from camkit.performance_core._queue import Link
    from camkit.performance_core.negotiate import FrameSpec
    from camkit.performance_core.pipeline import Pipeline


class Parallel(Stage):
    """Run a stage in several threads; frames leave in the order in which they came.

    For a stage that takes longer than the time of a frame and cannot be cut into bands, such as decoding. It adds no
    copy and allocates nothing while frames flow. A frame that the stage drops or calls bad leaves the order of the
    others as it is, and an error in one thread ends the pipeline as it does in any stage.

    Each thread has a stage object of its own, since a stage serves one thread at a time. They are pipeline threads
    like all: placed by `Step(Parallel(...), affinity=..., priority=...)`, counted, and watched by the watchdog.

    How the pipeline builds it in: `link(front)` makes the link that stands at this place, an OrderedMap behind the
    usual queue, with whatever policy that has. The thread before pushes into it, the thread behind pops from it, and
    between them run `workers` threads, each with one of `stages` and one of the link's `lanes()`.

    Parameters
    ----------
    stage : Stage class, function, Stage or sequence of those
        A class derived from Stage (or functools.partial of one) is called once for each thread. A function, also a
        native one, is called from all threads at the same time, a Python function with the GIL. Of a sequence each
        thread gets one element. A single Stage object is taken only if it says `thread_safe = True`; each thread then
        calls its `start` and `stop`, and its own counters, which no one guards, are only nearly right.
    workers : int, optional
        Threads, 1 to 64. Default: 2, or as many as the sequence has.
    in_flight : int, optional
        Frames that may be under work or wait for their turn, 1 to 1024; at least as many buffers must the camera have
        to spare. Default: twice the threads.
    factory : callable, optional
        Called without arguments for each thread, in place of `stage`; returns what may be a stage.
    name : str, optional
        In statistics and errors. Default: the stage's own.

    Raises
    ------
    TypeError, ValueError
        Not a stage, or one object for several threads; or not a number of threads or frames.

    Examples
    --------
    >>> camkit.Pipeline(camera, camkit.Parallel(decode, workers=4), show).run(frames=100)
    >>> camkit.Parallel(functools.partial(Blur, radius=3), workers=2)
    """

    def __init__(
        self,
        stage: type[Stage] | Stage | Callable[..., Any] | Sequence[Any] | None = None,
        workers: int | None = None,
        *,
        in_flight: int | None = None,
        factory: Callable[[], Any] | None = None,
        name: str | None = None,
    ) -> None:
        if (stage is None) == (factory is None):
            raise TypeError("Parallel takes a stage or a factory of stages, one of them")
        if isinstance(stage, (list, tuple)):
            if workers is not None and workers != len(stage):
                raise ValueError(f"{len(stage)} stages are given for {workers} threads")
            workers = len(stage)
        count = check_int("workers", 2 if workers is None else workers, 1, MOST_WORKERS)
        self.in_flight = check_int("in_flight", 2 * count if in_flight is None else in_flight, 1, MOST_IN_FLIGHT)
        self.stages = tuple(_objects(stage, factory, count))
        super().__init__(name or self.stages[0].name)

    @property
    def workers(self) -> int:
        """int: threads."""
        return len(self.stages)

    def link(self, front: Link) -> OrderedMap:
        """Make the link that stands at this place in a run: `front` is where frames wait for a thread."""
        return OrderedMap(front, self.workers, self.in_flight)

    def attach(self, pipeline: Pipeline) -> None:
        for stage in dict.fromkeys(self.stages):
            stage.name = self.name  # the pipeline may have told it apart from another
            stage.attach(pipeline)

    def negotiate(self, frames: FrameSpec | None) -> FrameSpec | None:
        given = [stage.negotiate(frames) for stage in self.stages]
        if any(other != given[0] for other in given):
            raise ValueError(f"the stages of {self.name!r} give different frames: {', '.join(map(str, given))}")
        return given[0]

    def stats(self) -> StageStats:
        """Add up what the stages count, as for a Stage."""
        return sum((stage.stats() for stage in dict.fromkeys(self.stages)), StageStats())

    def explain(self) -> str:
        """Tell in words how many threads do what."""
        return (
            f"{self.workers} thread(s), each with {self.stages[0].explain()}; at most {self.in_flight} frame(s) under "
            "work or waiting for their turn, which leave in the order of arrival"
        )


def _objects(stage: Any, factory: Callable[[], Any] | None, count: int) -> list[Stage]:
    if isinstance(stage, (list, tuple)):
        made = [_stage(one) for one in stage]
    elif isinstance(stage, Stage):
        _stage(stage)
        if count > 1 and not getattr(stage, "thread_safe", False):
            raise TypeError(
                f"{stage!r} is one object for {count} threads, and does not say that it is thread_safe: give its "
                "class, functools.partial of it, a factory, or a list of stages"
            )
        return [stage] * count
    else:
        if factory is None and _makes_stages(stage):
            factory = stage
        made = [_stage(stage if factory is None else factory()) for _ in range(count)]
    for i, one in enumerate(made):
        if any(one is other for other in made[:i]) and not getattr(one, "thread_safe", False):
            raise TypeError(f"{one!r} stands twice among the stages of Parallel: each thread needs one of its own")
    return made


def _makes_stages(what: Any) -> bool:
    maker = what.func if isinstance(what, functools.partial) else what
    return isinstance(maker, type) and issubclass(maker, Stage)


def _stage(what: Any) -> Stage:
    if isinstance(what, Parallel):
        raise TypeError(f"{what!r} cannot stand in another Parallel: give the number of threads there")
    return as_stage(what)
