"""What people see: the live table of a run, its summary, and the tables of cameras."""

from __future__ import annotations

import re
from typing import IO, Any, TextIO, cast

from rich.console import Console, Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

BAR_WIDTH = 40
WIDE = 10_000  # columns of what is not a terminal: nothing there is cut off


def console(file: TextIO) -> Console:
    """Return a console on `file` that neither guesses colours in our words nor cuts lines where nobody looks."""
    if file.isatty():
        return Console(file=file, highlight=False, markup=False, emoji=False)
    plain = cast(IO[str], _WithoutPadding(file))
    return Console(file=plain, highlight=False, markup=False, emoji=False, width=WIDE)


class _WithoutPadding:
    """A file that is written without the blanks that fill the last column of a table up."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, text: str) -> int:
        self._file.write(re.sub(r" +$", "", text, flags=re.MULTILINE) if text.endswith("\n") else text)
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def run_table(report: dict[str, Any], done: float | None = None) -> RenderableType:
    """Lay the report of a run out as a table.

    Parameters
    ----------
    report : dict
        As `make_report` makes it.
    done : float, optional
        Part of the run that is over, 0 to 1, for a bar.
    """
    return Group(_overview(report), Text(), _latencies(report["latency_us"]), *_bar(done))


def record_table(report: dict[str, Any], done: float | None = None) -> RenderableType:
    """Lay the report of a recording out as a table; parameters as of `run_table`, from `make_record_report`."""
    file, frames = report["file"], report["frames"]
    rate = "-" if file["bytes_per_s"] is None else f"{file['bytes_per_s'] / 1e6:.1f} MB/s"
    parts: list[RenderableType] = [
        _facts(
            {
                **_stream_rows(report["source"]),
                "file": f"{file['path']}, {file['bytes']} bytes, {rate}, compression {file['compression']}",
                "frames": f"{frames['captured']} captured, {frames['recorded']} recorded, "
                + _dropped(frames["dropped"]),
                "rate": _rate(report),
            },
            frames["dropped"],
        )
    ]
    return Group(*parts, *_bar(done))


def grid(*headings: str, right: tuple[str, ...] = ()) -> Table:
    """Start a table without lines; the columns named in `right` hold numbers."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for heading in headings:
        table.add_column(heading, justify="right" if heading in right else "left", overflow="fold")
    return table


def _bar(done: float | None) -> list[RenderableType]:
    return [] if done is None else [Text(), ProgressBar(total=1.0, completed=min(done, 1.0), width=BAR_WIDTH)]


def _stream_rows(source: dict[str, Any]) -> dict[str, str]:
    rate = "" if source["fps"] is None else f"@{round(source['fps'], 3):g}"
    return {
        "camera": f"{source['device']} ({source['name']}, {source['driver']})",
        "stream": f"{source['format']} {source['width']}x{source['height']}{rate}, "
        f"{source['buffers']} {source['memory']} buffers",
    }


def _overview(report: dict[str, Any]) -> Table:
    frames, copies = report["frames"], report["copies"]
    rows = {
        **_stream_rows(report["source"]),
        "gpu": _gpu(report),
        "frames": f"{frames['captured']} captured, {frames['delivered']} delivered, {frames['displayed']} displayed, "
        + _dropped(frames["dropped"]),
        "rate": _rate(report),
        "copies": f"{copies['per_frame']:.2f} per frame, {copies['bytes_per_frame']:.0f} bytes",
    }
    if report["outages"]:
        rows["outages"] = f"{report['outages']}, the camera was away for {report['outage_s']:.1f} s"
    if report["snapshot"] is not None:
        rows["picture"] = report["snapshot"]
    rows |= {what: report[what] for what in ("report", "trace") if report[what] is not None}
    return _facts(rows, frames["dropped"])


def _facts(rows: dict[str, str], dropped: dict[str, int]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in rows.items():
        table.add_row(name, Text(text, style="red" if name == "frames" and any(dropped.values()) else ""))
    return table


def _gpu(report: dict[str, Any]) -> str:
    gl = report["gl"]
    if gl is None:
        return "not used"
    return f"{gl['renderer']}, {'headless' if gl['headless'] else 'window'}, transfer {report['transfer']['path']}"


def _dropped(dropped: dict[str, int]) -> str:
    causes = ", ".join(f"{cause} {count}" for cause, count in dropped.items() if count)
    return f"{sum(dropped.values())} dropped" + (f" ({causes})" if causes else "")


def _rate(report: dict[str, Any]) -> str:
    wall_s = report["wall_s"]
    measured = "-" if report["fps_measured"] is None else f"{report['fps_measured']:.1f}"
    busy = f", {100 * report['cpu_s'] / wall_s:.0f} % of one CPU" if wall_s > 0 else ""
    return f"{measured} fps over {wall_s:.1f} s{busy}"


def _latencies(latency_us: dict[str, Any]) -> Table:
    columns = ("p50", "p99", "max")
    table = grid("latency", *columns, "count", right=(*columns, "count"))
    for name, row in latency_us.items():
        table.add_row(name, *(_duration(row[column]) for column in columns), str(row["count"]))
    return table


def _duration(us: float | None) -> str:
    if us is None:
        return "-"
    return f"{us:.1f} us" if abs(us) < 1000 else f"{us / 1000:.1f} ms"
