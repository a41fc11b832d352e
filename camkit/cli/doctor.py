"""`camkit doctor`: examine a camera, tell what was found, and write it down."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn
from rich.table import Table
from rich.text import Text

import camkit
from camkit.cli.exit_codes import ExitCode, NotSaved, UsageError, code_of
from camkit.cli.report import failure, write_json
from camkit.cli.table import console
from camkit.doctor import Check, Finding, Report, examine, seconds
from camkit.doctor.examine import find_camera
from camkit.doctor.markdown import markdown
from camkit.doctor.page import page

STYLES = {"ok": "green", "note": "yellow", "problem": "bold red", "not_possible": "dim"}
VERDICT_WIDTH, TITLE_WIDTH = 12, 30
WRITERS = {".md": markdown, ".html": page}  # any other is JSON


def doctor_command(args: argparse.Namespace) -> ExitCode:
    """Examine a camera; Ctrl-C ends it with what was found so far."""
    try:
        info = find_camera(args.device)
    except camkit.CamkitError:
        raise
    except ValueError as error:
        raise UsageError(str(error)) from error
    out = console(sys.stderr if args.json else sys.stdout)
    most = seconds(args.length, args.only, args.reconnect)
    out.print(
        f"{str(info)} ({', '.join(filter(None, [info.name, info.driver]))}), about {most:.0f} s at most; ", end=""
    )
    out.print("controls are set and put back" if args.controls else "no control is set")
    with _view(out) as view, _stoppable(view):
        report = examine(
            info.path or info.id,
            length=args.length,
            only=args.only,
            set_controls=args.controls,
            reconnect=args.reconnect,
            watcher=view,
        )
    told = as_told(report, serials=args.serials)
    out.print(ending(told))
    if args.output is not None:
        _write(args.output, told)
        out.print(f"the report is in {args.output}")
    if args.json:
        write_json(told, sys.stdout)
    return code_of_report(report)


def as_told(report: Report, *, serials: bool = False) -> dict[str, Any]:
    """Return the JSON object of a report; docs/json.md describes every field."""
    error = None if report.error is None else failure(report.error)
    return {**report.as_dict(serials=serials), "error": error}


def code_of_report(report: Report) -> ExitCode:
    """Return the exit code: why it could not be finished counts before what was found."""
    if report.error is not None:
        return code_of(report.error)
    if report.problems:
        return ExitCode.PROBLEM
    return ExitCode.FAILED if report.interrupted else ExitCode.OK


class View:
    """What the terminal shows meanwhile: a line for each finding and, on a screen, a bar."""

    def __init__(self, out: Console, progress: Progress | None) -> None:
        self._out, self._progress = out, progress
        self._task: TaskID | None = None
        self._stopped = False

    def began(self, check: Check, spent: float, total: float) -> None:
        """Move the bar."""
        if self._progress is None:
            return
        if self._task is None:
            self._task = self._progress.add_task(check.title, total=total)
        self._progress.update(self._task, completed=spent, description=check.title)

    def ended(self, finding: Finding) -> None:
        """Print what was found."""
        row = Table.grid(padding=(0, 2, 0, 0))
        row.add_column(width=VERDICT_WIDTH)
        row.add_column(width=TITLE_WIDTH)
        row.add_column(overflow="fold")
        verdict = Text(finding.verdict.value.replace("_", " "), style=STYLES[finding.verdict.value])
        row.add_row(verdict, finding.title, Text(finding.summary))
        if finding.meaning:
            row.add_row("", "", Text(finding.meaning, style="dim"))
        self._out.print(row)

    def ask(self, text: str) -> None:
        """Ask the user to do something."""
        self._out.print(Text(text, style="bold"))

    def stopped(self) -> bool:
        """Tell whether Ctrl-C was pressed."""
        return self._stopped

    def stop(self, number: int, stack: FrameType | None) -> None:
        """Note a signal, then end what is being done."""
        # Python swallows an exception that comes while it clears memory up: then the note is all that is left.
        self._stopped = True
        raise KeyboardInterrupt


@contextlib.contextmanager
def _view(out: Console) -> Iterator[View]:
    if not out.is_terminal:
        yield View(out, None)
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f} of {task.total:.0f} s"),
    )
    with Progress(*columns, console=out, transient=True) as progress:
        yield View(out, progress)


@contextlib.contextmanager
def _stoppable(view: View) -> Iterator[None]:
    before = {number: signal.signal(number, view.stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def ending(told: dict[str, Any]) -> str:
    """Return the last line: how many findings of each kind, and how long it took."""
    counts = told["counts"]
    words = f"{_number(counts['problem'], 'problem')}, {_number(counts['note'], 'note')}, {counts['ok']} ok"
    words += f", {counts['not_possible']} not possible"
    return f"{words}; {told['wall_s']:.1f} s{', interrupted' if told['interrupted'] else ''}"


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _write(path: Path, told: dict[str, Any]) -> None:
    writer = WRITERS.get(path.suffix.lower())
    try:
        with path.open("w", encoding="utf-8") as file:
            if writer is None:
                write_json(told, file)
            else:
                file.write(writer(told))
    except OSError as error:
        raise NotSaved(f"cannot write the report {str(path)!r}: {error.strerror}") from error
