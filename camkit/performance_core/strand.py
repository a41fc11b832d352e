"""Strand: a segment of the graph at work, in a thread with a worker and the links beside it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from camkit.performance_core import placement
from camkit.performance_core._deferred import DeferredWorker
from camkit.performance_core._matcher import Matcher
from camkit.performance_core._ordered_map import OrderedMap
from camkit.performance_core._outlets import Outlet, Outlets
from camkit.performance_core._run import Run
from camkit.performance_core._worker import Worker
from camkit.performance_core.step import link_queue
from camkit.performance_core.thread_clock import ThreadClock

if TYPE_CHECKING:
    from camkit.performance_core._queue import Link
    from camkit.performance_core._trace import TraceRing
    from camkit.performance_core.graph import Graph, Path, Segment
    from camkit.performance_core.latch import Latch


class Strand:
    """One thread of a run. Made, started and asked by the pipeline; `placed` is the thread's own to say."""

    def __init__(
        self,
        path: Path,
        segment: Segment,
        worker: Worker,
        inlet: Outlet | Matcher | None,
        outlets: Outlets | None,
        ended: Callable[[], None],
        lane: int | None = None,
    ) -> None:
        self.lane = lane  # of a Parallel
        self.path, self.segment, self.worker = path, segment, worker
        self.inlet = inlet if isinstance(inlet, Outlet) else None
        self.matcher = inlet if isinstance(inlet, Matcher) else None
        self.outlets = outlets
        self.clock = ThreadClock()
        self.placed = ""
        self.ring: TraceRing | None = None
        self._ended = ended
        # Daemons: a stage that never returns must not keep the interpreter from ending; the pipeline ends the others.
        name = segment.nodes[0].name if segment.nodes else path.match.name if path.match else path.name
        name = name if lane is None else f"{name}-{lane}"
        self.thread = threading.Thread(target=self._work, name=f"camkit-{name}", daemon=True)

    @property
    def inlets(self) -> list[Outlet]:
        """list of Outlet: the links that it takes frames out of."""
        if self.matcher is not None:
            return list(self.matcher.inlets)
        return [] if self.inlet is None else [self.inlet]

    @property
    def started(self) -> bool:
        """bool: its thread was begun."""
        return self.thread.ident is not None

    def start(self) -> None:
        """Begin the thread; `worker.ready` tells when its nodes are."""
        self.thread.start()

    def trace_into(self, ring: TraceRing) -> None:
        """Note in a ring what the thread does with each frame. Before `start`."""
        self.ring = ring
        self.worker.trace_into(ring)

    def give_up(self) -> None:
        """Say that the thread will not be begun any more."""
        self.worker.ready.set()
        self.worker.done.set()
        if self.outlets is not None:
            self.outlets.end()

    def _work(self) -> None:
        self.clock.begin()
        try:
            try:
                placement.name_thread(self.thread.name)
                step = self.segment.step
                self.placed = placement.apply(step.affinity, step.priority)
            except Exception as error:  # the CPUs were there when the Step was made
                self.placed = f"not placed: {error}"
            self.worker.run()  # always: it is what tells the threads beside it of the end
        finally:
            self.clock.end()
            self.worker.ready.set()
            self.worker.done.set()
            self._ended()


class Loom:
    """Make strands of a graph's paths, with the links between them.

    Parameters
    ----------
    graph : Graph
        What is to be run.
    run : Run
        Shared by all its threads.
    hold : Latch
        Sources begin when it is set.
    stop : callable
        Stops the sources: for a Match that has ended.
    ended : callable
        Called at the end of each thread, in it.
    """

    def __init__(
        self, graph: Graph, run: Run, hold: Latch, stop: Callable[[], None], ended: Callable[[], None]
    ) -> None:
        self._graph, self._run, self._hold, self._stop, self._ended = graph, run, hold, stop, ended
        self._links = 0
        self._inlets: dict[str, Outlet] = {}  # of the paths behind a Tee, by name
        self._matched: dict[str, Outlet] = {}  # what the inputs of a Match end in

    def weave(self, paths: Sequence[Path]) -> list[Strand]:
        """Make the strands of paths in the order of the frames: what feeds a path comes before it."""
        return [strand for path in paths for strand in self._weave_path(path)]

    def _weave_path(self, path: Path) -> list[Strand]:
        strands = []
        before: Any = None
        for i, segment in enumerate(path.segments):
            first, last = i == 0, i == len(path.segments) - 1
            inlet = self._first(path) if first else before
            if segment.parallel is not None:
                before, lanes = self._weave_lanes(path, segment, inlet, path.segments[i + 1])  # type: ignore[arg-type]
                strands += lanes
                continue
            to: Any = segment.sink
            outlets = None
            if not last:
                before = self._link(path, path.segments[i + 1])
                to = outlets = Outlets([before])
            elif path.tee is not None:
                below = [self._graph.find(branch) for branch in path.branches]
                self._inlets |= {branch.name: self._link(branch, branch.segments[0]) for branch in below}
                to = outlets = Outlets([self._inlets[branch.name] for branch in below])
            elif path.into is not None:
                self._matched[path.name] = self._link(path, None)
                to = outlets = Outlets([self._matched[path.name]])
            worker = (DeferredWorker if segment.deferred else Worker)(
                self._run,
                segment.stages,
                segment.step.batch,
                inlet or segment.source,  # type: ignore[arg-type]
                to,
                tee=last and path.tee is not None,
                fan_in=isinstance(inlet, Matcher),
                own=path.trunk,
                limited=path.trunk and path.into is None,
                hold=self._hold if segment.source is not None else None,
            )
            strands.append(Strand(path, segment, worker, inlet, outlets, self._ended))
        return strands

    def _weave_lanes(
        self, path: Path, segment: Segment, front: Outlet, following: Segment
    ) -> tuple[Outlet, list[Strand]]:
        """Make a strand for each thread of a Parallel, and the outlet of what the thread behind them fetches from."""
        parallel, ordered = segment.parallel, front.link
        assert parallel is not None and isinstance(ordered, OrderedMap)
        self._links += 1
        link = ordered if following.parallel is None else following.parallel.link(ordered)
        behind = Merged(link, f"link_{self._links}", "in order", self._links)
        strands = []
        for i, (stage, (fetch, give)) in enumerate(zip(parallel.stages, ordered.lanes(), strict=True)):
            inlet = Outlet(fetch, front.name, front.policy, front.number, front)
            outlets = Outlets([behind.lane(give)])
            limited = path.trunk and path.into is None
            worker = Worker(self._run, [stage], 1, inlet, outlets, own=path.trunk, limited=limited)
            # The front link is counted once, as the first one's.
            strands.append(Strand(path, segment, worker, None if i else front, outlets, self._ended, i))
        return behind, strands

    def _first(self, path: Path) -> Outlet | Matcher | None:
        if path.match is not None:
            match, inlets = path.match, {name: self._matched[name] for name in path.after}
            return Matcher(match.name, inlets, match.tolerance, match.patience, self._stop)
        if path.trunk:
            return None
        # Taken out: a name is used again when its branch has gone.
        return self._inlets.pop(path.name, None) or self._link(path, path.segments[0])

    def _link(self, path: Path, segment: Segment | None) -> Outlet:
        if segment is None:
            policy, depth, wait = self._graph.policy, self._graph.depth, None
        else:
            (policy, depth), wait = self._graph.link_of(path, segment), segment.step.wait
        self._links += 1
        link: Link = link_queue(policy, depth, wait)
        if segment is not None and segment.parallel is not None:
            link = segment.parallel.link(link)
        return Outlet(link, f"link_{self._links}", policy, self._links)


class Merged(Outlet):
    """The link behind the threads of a Parallel: each pushes into an end of its own, one thread pops."""

    def __init__(self, link: Link, name: str, policy: str, number: int) -> None:
        self._number = number
        self._lanes: list[Outlet] = []

    def lane(self, end: Link) -> Outlet:
        """Return the outlet of one of the threads."""
        self._lanes.append(Outlet(end, self.name, self.policy, self._number, self))
        return self._lanes[-1]

    def counts(self) -> dict[str, int]:
        """Add up what the threads brought and what became of it."""
        total, *others = super().counts(), *(lane.counts() for lane in self._lanes)
        for other in others:
            high_water = max(total["high_water"], other["high_water"])
            total = {key: total[key] + other[key] for key in total} | {"high_water": high_water}
        return total
