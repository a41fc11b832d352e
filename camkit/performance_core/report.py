"""The report of a run: one HTML file that needs no other and no network."""

from __future__ import annotations

import datetime
import json
import math
import os
import platform
from collections.abc import Mapping
from html import escape
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from camkit.performance_core import report_parts as parts
from camkit.performance_core.report_graph import graph
from camkit.performance_core.report_style import COLOURS, MARKS, STYLE

if TYPE_CHECKING:
    from camkit.performance_core.stats import PipelineStats
    from camkit.performance_core.timeline import Timeline

NOTHING_FROM_OUTSIDE = "default-src 'none'; style-src 'unsafe-inline'"


def page(
    stats: PipelineStats,
    *,
    title: str,
    source: Mapping[str, Any],
    explain: str,
    timeline: Timeline | None = None,
    error: BaseException | None = None,
) -> str:
    """Make the page.

    Parameters
    ----------
    stats : PipelineStats
        Every number of the page is one of these.
    title : str
        What ran.
    source : mapping
        Facts of the camera.
    explain : str
        What the pipeline says of itself.
    timeline : Timeline, optional
        The course of the run.
    error : BaseException, optional
        What ended it.

    Returns
    -------
    str
        HTML. All text in it is escaped. The statistics are in it as JSON too, in the element `stats`.
    """
    told = json.dumps(finite(stats.as_dict())).replace("<", "\\u003c")
    now = datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
    failed = f'<p class="poor">It ended with {escape(type(error).__name__)}: {escape(str(error))}</p>' if error else ""
    state = "still running" if stats.running else f"{stats.wall_s:.3g} s"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{NOTHING_FROM_OUTSIDE}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}: camkit report</title><style>{STYLE}{COLOURS}{MARKS}</style></head><body><main>"
        f'<header><h1>{escape(title)}</h1><p class="dim">camkit report of {escape(now)}, {state}</p>{failed}</header>'
        + parts.keys(stats)
        + parts.section("What ran", graph(stats))
        + parts.section("What became of every frame", parts.drops(stats, timeline))
        + parts.section("Latency", parts.latencies(stats))
        + parts.section("Latency over time", parts.over_time(stats, timeline))
        + parts.section("Queues", parts.queues(stats, timeline))
        + parts.section("Threads and copies", parts.threads(stats))
        + parts.section("Camera and machine", parts.facts({**source, **machine()}))
        + parts.section("In its own words", f"<pre>{escape(explain)}</pre>")
        + f'</main><script type="application/json" id="stats">{told}</script></body></html>\n'
    )


def describe(source: Any) -> dict[str, Any]:
    """Tell what is known of a source, if it is a camera's."""
    info, stream = getattr(source, "info", None), getattr(source, "stream", None)
    told: dict[str, Any] = {"source": source.name}
    if info is not None:
        told |= {"camera": info.name, "device": str(info), "driver": info.driver, "bus": info.bus}
    if stream is not None:
        rate = f" at {stream.fps:g} frames/s" if stream.fps else ""
        told |= {
            "format": f"{stream.format} {stream.width}x{stream.height}{rate}",
            "memory": f"{stream.memory}, {stream.buffers} buffers",
            "clock": f"{stream.clock}, stamped at {stream.stamp.replace('_', ' ')}",
        }
    return told


def machine() -> dict[str, str]:
    """Tell on what it ran."""
    system = platform.uname()
    try:
        own = version("camkit")
    except PackageNotFoundError:  # run from a tree that was never installed
        own = "unknown"
    return {
        "camkit": own,
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{system.system} {system.release}, {system.machine}",
        "CPUs": f"{os.cpu_count()} {_processor()}".strip(),
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), "")
    except OSError:
        return platform.processor()


def finite(value: Any) -> Any:
    """Return plain data for JSON, which has no NaN and no Infinity."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    return [finite(item) for item in value] if isinstance(value, list) else value
