"""The drawing of a pipeline: its threads and the queues between them, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from camkit.performance_core.account import take_slots

if TYPE_CHECKING:
    from camkit.performance_core.graph import Path
    from camkit.performance_core.pipeline import Pipeline


class Drawing:
    """Draw one pipeline, as it is at this moment."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._graph = pipeline._graph
        self._strands = {id(strand.segment): strand for strand in pipeline._strands}
        segments = [segment for path in self._graph.paths for segment in path.segments]
        self._numbers = {id(segment): i + 1 for i, segment in enumerate(segments)}

    def lines(self) -> list[str]:
        """Return the drawing, inputs first, branches indented."""
        found = []
        for path in self._graph.paths:
            if path.into is not None:
                found += [f"input {path.name!r}:", *_indented(self._path(path))]
                policy, depth = self._graph.policy, self._graph.depth
                found.append(f"  queue to {path.into.name!r}: {_queue(policy, depth)}")
        main = next(path for path in self._graph.paths if path.name == "main")
        if main.match is not None:
            found.append(
                f"{main.match.name}: nearest timestamps, at most {main.match.tolerance * 1e3:g} ms apart, waited for "
                f"{main.match.patience * 1e3:g} ms at most"
            )
        return found + self._path(main)

    def _path(self, path: Path) -> list[str]:
        found = []
        for i, segment in enumerate(path.segments):
            parallel = path.segments[i - 1].parallel if i > 0 else None
            if parallel is not None:
                found.append(
                    f"in order: at most {parallel.in_flight} frame(s) in the threads or waiting for their turn"
                )
            if (i > 0 and parallel is None) or (i == 0 and path.branch is not None) or segment.parallel is not None:
                found.append(f"queue: {_queue(*self._graph.link_of(path, segment))}")
            names = [node.name for node in segment.nodes] or [path.name]
            if i == 0 and path.match is not None:
                names = [path.match.name, *(node.name for node in segment.nodes)]
            line = f"thread {self._numbers[id(segment)]}: {' + '.join(names)}"
            if segment.parallel is not None:
                line += f", in {segment.parallel.workers} threads"
            if segment.step.batch > 1:
                line += f", up to {segment.step.batch} frames at once"
            strand = self._strands.get(id(segment))
            if strand is not None and strand.placed:
                line += f" [{strand.placed}]"
            found.append(line)
        if path.tee is not None:
            found.append(f"{path.tee.name}:" if path.branches else f"{path.tee.name}: no branches, frames are let go")
            for branch in path.branches:
                found += [f"  branch {branch.name!r}:", *_indented(self._path(self._graph.find(branch)), 4)]
        return found


def draw(pipeline: Pipeline) -> str:
    """Draw the threads of a pipeline, and add what each node says of itself."""
    lines = [repr(pipeline), *Drawing(pipeline).lines()]
    said = [(f"{node.name}: {node.explain()}").replace("\n", "\n  ") for node in pipeline._graph.nodes]
    told = [f"{name}: {slots}" for name, slots in take_slots(pipeline).items()]
    return "\n".join([*lines, *said, *told])


def _queue(policy: str, depth: int) -> str:
    return f"{policy}, {1 if policy == 'latest' else depth} frame(s)"


def _indented(lines: list[str], by: int = 2) -> list[str]:
    return [" " * by + line for line in lines]
