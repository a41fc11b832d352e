"""Graph: the nodes of a pipeline cut into threads, and checked before any of them begins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from camkit.performance_core._deferred import DeferredStage
from camkit.performance_core._sink import NullSink, Sink
from camkit.performance_core._source import Source
from camkit.performance_core._stage import Stage
from camkit.performance_core.match import Match
from camkit.performance_core.negotiate import negotiate
from camkit.performance_core.parallel import Parallel
from camkit.performance_core.stages import PyStage, as_stage
from camkit.performance_core.step import Step, step_of
from camkit.performance_core.tee import Branch, Tee

REMOVED = "removed"  # the account of branches that went long ago


@dataclass(eq=False)
class Segment:
    """Neighbouring nodes that one thread runs, and what was asked of that thread and of the link in front of it."""

    step: Step  # the options of the node that begins it
    source: Source | None = None
    stages: list[Stage] = field(default_factory=list)
    sink: Sink | None = None

    @property
    def parallel(self) -> Parallel | None:
        """Parallel or None: what stands here alone, for several threads."""
        only = self.stages[0] if self.stages else None
        return only if isinstance(only, Parallel) else None

    @property
    def deferred(self) -> bool:
        """bool: a stage stands here alone that has several frames under way."""
        return bool(self.stages) and isinstance(self.stages[0], DeferredStage)

    @property
    def nodes(self) -> list[Any]:
        """list: source, stages and sink, in order."""
        return [node for node in (self.source, *self.stages, self.sink) if node is not None]


@dataclass(eq=False)
class Path:
    """A way without a fork: from a source, a Match or a Tee to the next of them, or to a sink."""

    name: str
    after: tuple[str, ...]  # the input or the paths that feed it
    segments: list[Segment]
    match: Match | None = None  # it begins with one
    into: Match | None = None  # it ends in one
    tee: Tee | None = None  # it ends in one
    branches: tuple[Branch, ...] = ()  # of the Tee, as they are in this pipeline now
    branch: Branch | None = None  # what it was made from
    trunk: bool = True  # no Tee is in front: its frames are in no other thread's hands

    @property
    def nodes(self) -> list[Any]:
        """list: all nodes, in order."""
        return [node for segment in self.segments for node in segment.nodes]


class Graph:
    """All paths of a pipeline, in the order of the frames: inputs, `main`, and depth first the branches.

    Built once, checked, and changed by `add` and `remove` only; it knows nothing of threads that run.

    Parameters
    ----------
    source : Camera, Source, Step or Match
        Where frames come from.
    nodes : sequence
        What stands behind it.
    policy, depth
        Of links that nothing else is said of.
    """

    def __init__(self, source: Any, nodes: Sequence[Any], policy: str, depth: int) -> None:
        self.policy, self.depth = policy, depth
        self.paths: list[Path] = []
        self._names = {"main", REMOVED}
        origin = step_of(source).node
        if isinstance(origin, Match):
            if source is not origin:
                raise TypeError(f"{origin!r} has no thread of its own to say something of: wrap the node behind it")
            inputs = [self._add_path(Path(self._fresh(_source(chain[0]).name), (), []), chain, into=origin)
                      for chain in origin.inputs]  # fmt: skip
            main = Path("main", tuple(path.name for path in inputs), [], match=origin)
            self._add_path(main, nodes)
        else:
            self._add_path(Path("main", (_source(source).name,), []), [source, *nodes])
        self._check_nodes()
        self.negotiate()

    @property
    def nodes(self) -> list[Any]:
        """list: sources, stages and sinks of all paths."""
        return [node for path in self.paths for node in path.nodes]

    @property
    def sources(self) -> list[Source]:
        """list: the inputs' sources, the reference of a Match first."""
        return [node for node in self.nodes if isinstance(node, Source)]

    @property
    def inputs(self) -> dict[str, Source]:
        """dict: the sources by the names of their accounts, which a camera keeps when it comes back elsewhere."""
        heads = [path for path in self.paths if path.segments and path.segments[0].source is not None]
        return {path.name if path.into else path.after[0]: path.segments[0].source for path in heads}  # type: ignore[misc]

    def source_of(self, node: Any) -> Source:
        """Return the source of the frames that a node gets; behind a Match that of the reference."""
        paths = {path.name: path for path in self.paths}
        path = next((path for path in self.paths if any(node is one for one in path.nodes)), None)
        if path is None:
            raise ValueError(f"{node!r} is not in this pipeline")
        while path.segments[0].source is None:
            path = paths[path.after[0]]
        return path.segments[0].source

    @property
    def sinks(self) -> list[Sink]:
        """list: the ends of all paths that are not a Tee or a Match."""
        return [node for node in self.nodes if isinstance(node, Sink)]

    def find(self, branch: Branch) -> Path:
        """Return the path that a branch became."""
        for path in self.paths:
            if path.branch is branch and branch is not None:
                return path
        raise ValueError(f"{branch!r} is no branch of this pipeline; it has {', '.join(map(repr, self._branches()))}")

    def tee_of(self, to: Tee | None) -> Path:
        """Return the path that ends in the given Tee, or in the only one."""
        ends = [path for path in self.paths if path.tee is not None and (to is None or path.tee is to)]
        if len(ends) == 1:
            return ends[0]
        if to is not None:
            raise ValueError(f"{to!r} is not in this pipeline")
        if ends:
            raise ValueError(f"the pipeline has {len(ends)} Tees: say which by to=")
        raise ValueError(
            "the pipeline has no Tee, so nothing can branch off: end it in camkit.Tee([...]) in place of the last nodes"
        )

    def below(self, path: Path) -> list[Path]:
        """Return a path and all that branch off it, further down too."""
        found = [path]
        for other in self.paths:
            if any(parent.name in other.after and parent.tee is not None for parent in found) and other not in found:
                found.append(other)
        return found

    def add(self, branch: Branch, end: Path) -> list[Path]:
        """Put a branch behind the Tee at the end of a path; return the paths that it is."""
        if any(path.branch is branch for path in self.paths):
            raise ValueError(f"{branch!r} is in this pipeline already")
        assert end.tee is not None
        before, names = list(self.paths), set(self._names)
        try:
            self._add_branch(branch, end)
            self._check_nodes()
        except BaseException:
            self.paths, self._names = before, names
            raise
        end.branches = (*end.branches, branch)
        return [path for path in self.paths if path not in before]

    def remove(self, branch: Branch) -> list[Path]:
        """Take a branch and all that branches off it away; return the paths that it was."""
        path = self.find(branch)
        gone = self.below(path)
        for other in self.paths:
            other.branches = tuple(one for one in other.branches if one is not branch)
        self.paths = [other for other in self.paths if other not in gone]
        return gone

    def forget_names(self, names: Sequence[str] | None = None) -> None:
        """Let names of paths that were removed be used again: these, or all for a run with new accounts."""
        kept = {"main", REMOVED, *(path.name for path in self.paths)}
        self._names = {name for name in self._names if name in kept or (names is not None and name not in names)}

    def chains(self) -> Iterator[list[Any]]:
        """Yield the nodes of every way from a source to a sink, a Tee or a Match, as formats are agreed on."""
        heads: dict[str, list[Any]] = {}
        for path in self.paths:
            head = heads.get(path.after[0], []) if path.after else []
            heads[path.name] = [*head, *path.nodes]
            yield heads[path.name]

    def negotiate(self) -> None:
        """Let the nodes of every way agree on a format, as far as the sources know theirs.

        Raises
        ------
        FormatMismatch
            A node does not take what comes; the message names both ends.
        """
        for chain in self.chains():
            negotiate(chain)

    def __str__(self) -> str:
        inputs = [self._text(path) for path in self.paths if path.into is not None]
        main = self._text(next(path for path in self.paths if path.name == "main"))
        return f"({' | '.join(inputs)}) -> {main}" if inputs else main

    def _text(self, path: Path) -> str:
        words = [node.name for node in path.nodes]
        if path.match is not None:
            words.insert(0, path.match.name)
        if path.tee is not None:
            below = [self._text(self.find(branch)) for branch in path.branches]
            words.append(f"{path.tee.name}({' | '.join(below)})")
        return " -> ".join(words)

    def link_of(self, path: Path, segment: Segment) -> tuple[str, int]:
        """Return policy and depth of the link in front of a segment."""
        own = path.branch if path.branch is not None and segment is path.segments[0] else None
        policy = segment.step.policy or (own.policy if own else None) or self.policy
        depth = segment.step.depth or (own.depth if own else None) or self.depth
        return policy, depth

    # ---- inside ------------------------------------------------------------------------------------------------

    def _branches(self) -> list[Branch]:
        return [path.branch for path in self.paths if path.branch is not None]

    def _fresh(self, name: str) -> str:
        fresh, n = name, 1
        while fresh in self._names:
            n += 1
            fresh = f"{name}#{n}"
        self._names.add(fresh)
        return fresh

    def _add_path(self, path: Path, nodes: Sequence[Any], into: Match | None = None) -> Path:
        self.paths.append(path)
        path.into = into
        steps = [step_of(node) for node in nodes]
        if steps and isinstance(steps[-1].node, Tee):
            if into is not None:
                raise TypeError(f"{steps[-1].node!r} cannot stand in front of a Match: put it behind")
            if steps[-1].demanding or steps[-1].thread is not None:
                raise TypeError(f"{steps[-1].node!r} has no thread of its own to say something of: its branches have")
            path.tee = steps.pop().node
            if any(other.tee is path.tee for other in self.paths if other is not path):
                raise ValueError(f"{path.tee!r} can stand in a pipeline only once: make another one")
        elif into is None and not (steps and isinstance(steps[-1].node, Sink)):
            steps.append(Step(NullSink()))
        self._cut(path, steps)
        if path.tee is not None:
            path.branches = path.tee.branches
            for branch in path.branches:
                self._add_branch(branch, path)
        return path

    def _add_branch(self, branch: Branch, end: Path) -> None:
        self._add_path(Path(self._fresh(branch.name), (end.name,), [], branch=branch, trunk=False), branch.nodes)

    def _cut(self, path: Path, steps: list[Step]) -> None:
        """Cut a chain into the segments that have a thread each."""
        if steps and path.match is not None and isinstance(steps[0].node, (Parallel, DeferredStage)):
            path.segments.append(Segment(Step(NullSink())))  # a thread in front of its own, for the Match
        for i, step in enumerate(steps):
            first = i == 0 and not path.segments
            node = (
                _source(step) if first and path.branch is None and path.match is None else _node(step, path, i, steps)
            )
            if first or (not isinstance(node, Source) and _begins(step, node, path.segments[-1])):
                path.segments.append(Segment(step))
            elif step.demanding:
                raise ValueError(
                    f"{step!r} asks for something of the thread {step.thread!r}, which {path.segments[-1].step!r} "
                    "begins: give the option there"
                )
            segment = path.segments[-1]
            if isinstance(node, Source):
                if step.linked or step.thread is not None:
                    raise ValueError(f"{step!r} begins the pipeline's first thread and has no link in front of it: "
                                     "only affinity and priority can be asked for")  # fmt: skip
                segment.source = node
            elif isinstance(node, Sink):
                segment.sink = node
            else:
                segment.stages.append(node)
        behind = path.tee is not None or path.into is not None
        if not path.segments or (behind and path.segments[-1].parallel is not None):
            path.segments.append(Segment(Step(NullSink())))  # a thread for the Tee or the Match
        if path.match is not None and path.segments[0].step.linked:
            raise ValueError(f"{path.segments[0].step!r} has no link in front of it but those of the Match, which the "
                             "pipeline's policy and depth are for")  # fmt: skip

    def _check_nodes(self) -> None:
        nodes, objects = self.nodes, objects_of(self.nodes)
        if len({id(one) for one in objects}) < len(objects):
            raise ValueError("a stage object can stand in a pipeline only once: make another one")
        stages = [node for node in nodes if isinstance(node, Stage)]
        names = [node.name for node in stages]
        for i, node in enumerate(stages):
            if node.name in names[:i]:
                node.name = names[i] = f"{node.name}#{i + 1}"


def objects_of(nodes: Sequence[Any]) -> list[Any]:
    """Return nodes and, once each, the stages that the threads of a Parallel have: what one pipeline has alone."""
    return [*nodes, *(stage for node in nodes if isinstance(node, Parallel) for stage in dict.fromkeys(node.stages))]


def _source(what: Any) -> Source:
    node = step_of(what).node
    source = getattr(node, "source", node)
    if not isinstance(source, Source):
        raise TypeError(f"a pipeline begins with a camera or a Source, not {type(node).__name__}")
    return source


def _node(step: Step, path: Path, i: int, steps: list[Step]) -> Stage | Sink:
    node = step.node
    if step.batch > 1 and isinstance(node, Parallel):
        raise ValueError(f"{step!r} asks for a batch: each thread of a Parallel takes one frame at a time")
    if step.batch > 1 and isinstance(node, DeferredStage):
        raise ValueError(f"{step!r} asks for a batch: the stage takes one frame at a time, and has several under way")
    if isinstance(node, Stage) or (isinstance(node, Sink) and i == len(steps) - 1 and path.into is None):
        return node
    if isinstance(node, (Source, Sink, Tee, Match)) or isinstance(getattr(node, "source", None), Source):
        raise TypeError(
            f"{node!r} cannot stand in the middle of a pipeline: a source or a Match begins it, a sink or a Tee ends it"
        )
    return as_stage(node, batch=step.batch > 1)


def _begins(step: Step, node: Stage | Sink, before: Segment) -> bool:
    """Tell whether a node that is not the first begins a thread."""
    if isinstance(node, Parallel) or before.parallel is not None:
        if step.thread not in (None, True):
            raise ValueError(f"{step!r} cannot share a thread as thread={step.thread!r} says: a Parallel has its own")
        if before.parallel is not None and (step.policy or step.depth or step.wait):
            raise ValueError(
                f"{step!r} asks for something of its queue, and there is no queue behind a Parallel: frames wait in "
                "front of it, where its own Step has a say"
            )
        return True
    if isinstance(node, DeferredStage) or before.deferred:
        if step.thread not in (None, True):
            raise ValueError(
                f"{step!r} cannot share a thread as thread={step.thread!r} says: a stage with several frames under way "
                "has one of its own"
            )
        return True
    if step.thread is None:
        return (
            step.demanding or isinstance(node, PyStage) or (isinstance(node, Sink) and not isinstance(node, NullSink))
        )
    if isinstance(step.thread, str):
        return step.thread != before.step.thread
    return step.thread
