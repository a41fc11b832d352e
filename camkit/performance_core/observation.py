"""Observation: what is written when a run has ended, its trace and its report."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Any

from camkit.errors import OutputError
from camkit.performance_core import report
from camkit.performance_core._trace import anchor
from camkit.performance_core.timeline import Sampler, Timeline
from camkit.performance_core.trace import Trace, Track, open_output, write_trace
from camkit.performance_core.trouble import told

if TYPE_CHECKING:
    from camkit.performance_core.pipeline import Pipeline
    from camkit.performance_core.strand import Strand

Path = str | os.PathLike[str]


class Observation:
    """Watch one run of a pipeline, and write what was seen when it has ended.

    Parameters
    ----------
    pipeline : Pipeline
        Whose run.
    trace : Trace or path, optional
        Where the trace goes.
    page : path, optional
        Where the report goes.

    Raises
    ------
    OutputError
        One of the files cannot be written.
    """

    def __init__(self, pipeline: Pipeline, trace: Trace | Path | None, page: Path | None) -> None:
        self._pipeline = pipeline
        self._trace = Trace(trace) if isinstance(trace, str | os.PathLike) else trace
        if self._trace is not None and not isinstance(self._trace, Trace):
            raise TypeError(f"trace is {trace!r}, not a path or a Trace")
        self._page = None if page is None else os.fspath(page)
        with contextlib.ExitStack() as opened:
            self._trace_file = self._page_file = None
            if self._trace is not None:
                self._trace_file = opened.enter_context(open_output(self._trace.path, "trace"))
            if self._page is not None:
                self._page_file = opened.enter_context(open_output(self._page, "report"))
            self._files = opened.pop_all()
        self._sampler = Sampler(pipeline.stats) if self._page is not None else None
        self._begun = anchor()

    @property
    def timeline(self) -> Timeline | None:
        """Timeline or None: the course of the run; None: nobody asked for a report."""
        return None if self._sampler is None else self._sampler.timeline

    def equip(self, strands: list[Strand]) -> None:
        """Give threads that have not begun what they need."""
        if self._trace is not None:
            for strand in strands:
                strand.trace_into(self._trace.ring())

    def begin(self) -> None:
        """Watch from now on."""
        if self._sampler is not None:
            self._sampler.start()

    def end(self) -> None:
        """Write the files.

        Raises
        ------
        OutputError
            One could not be written to its end.
        """
        with self._files:
            if self._sampler is not None:
                self._sampler.stop()
            if self._trace is not None and self._trace_file is not None:
                with _writing(self._trace_file, "trace", self._trace.path):
                    self._write_trace(self._trace_file)
            if self._page is not None and self._page_file is not None:
                with _writing(self._page_file, "report", self._page):
                    self._page_file.write(render(self._pipeline, self.timeline))

    def _write_trace(self, file: IO[str]) -> None:
        strands = [strand for strand in self._pipeline._all_strands if strand.ring is not None]
        tracks = [
            Track(
                strand.thread.name,
                strand.ring,
                strand.matcher.name if strand.matcher is not None else _name(strand.segment.source),
                tuple(stage.name for stage in strand.worker.stages),
                _name(strand.segment.sink),
            )
            for strand in strands
            if strand.ring is not None
        ]
        links = {outlet.number: outlet.name for strand in strands for outlet in strand.inlets}
        first, last = self._begun, anchor()
        ticks, ns = last[0] - first[0], last[1] - first[1]

        def to_ns(tick: int) -> int:
            return first[1] + (tick - first[0]) * ns // ticks if ticks > 0 else tick

        about = {
            "pipeline": str(self._pipeline._graph),
            "stats": report.finite(self._pipeline.stats().as_dict()),
            "errors": [told(error) for error, *_ in self._pipeline.errors],
        }
        matched = {inlet.number for strand in strands if strand.matcher is not None for inlet in strand.inlets}
        write_trace(file, tracks, links, to_ns, about, matched)


def render(pipeline: Pipeline, timeline: Timeline | None) -> str:
    """Make the report of a pipeline's run."""
    facts: dict[str, Any] = {}
    for name, source in pipeline._graph.inputs.items():
        told = report.describe(source)
        facts |= told if len(pipeline._graph.inputs) == 1 else {f"{name}: {key}": value for key, value in told.items()}
    errors = pipeline.errors
    return report.page(
        pipeline.stats(),
        title=str(pipeline._graph).replace("->", "→"),
        source=facts,
        explain=pipeline.explain(),
        timeline=None if timeline is None else timeline.copy(),
        error=errors[0][0] if errors else None,
    )


def write_report(pipeline: Pipeline, path: Path, timeline: Timeline | None) -> None:
    """Do the work of `Pipeline.report`."""
    with open_output(path, "report") as file, _writing(file, "report", os.fspath(path)):
        file.write(render(pipeline, timeline))


def _name(node: Any) -> str:
    return "" if node is None else node.name


@contextlib.contextmanager
def _writing(file: IO[str], what: str, path: str) -> Iterator[None]:
    try:
        if stat.S_ISREG(os.fstat(file.fileno()).st_mode):  # a pipe has nothing to be replaced
            file.truncate(0)
        yield
        file.close()
    except OSError as error:
        with contextlib.suppress(OSError):  # what is left in its buffer cannot be written either
            file.close()
        raise OutputError(error.errno, f"cannot write the {what} {path!r}: {error.strerror}", path) from error
    except Exception as error:  # of a node's explain() or stats(); it must not hide what went wrong in the run itself
        with contextlib.suppress(OSError):
            file.close()
        raise OutputError(errno.EINVAL, f"cannot write the {what} {path!r}: {told(error)}", path) from error
