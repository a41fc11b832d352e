"""Parts of the report: each makes one section of the page from the statistics of a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from html import escape
from typing import Any

from camkit.performance_core import plots
from camkit.performance_core.node_stats import Drops
from camkit.performance_core.plots import duration
from camkit.performance_core.report_style import CAUSES
from camkit.performance_core.stats import PipelineStats, Summary
from camkit.performance_core.timeline import Timeline

MEANINGS = {
    "driver": "lost before camkit saw them: gaps in the driver's own numbers",
    "corrupt": "marked as damaged by the driver, or too short",
    "pool": "no buffer was free",
    "link": "a queue was full",
    "late": "a newer frame took their place",
    "stage": "a stage chose to drop them",
    "bad": "a stage could do nothing with them",
    "unmatched": "no frame of another camera belonged to them",
    "aborted": "under way when the run was broken off",
}
assert tuple(MEANINGS) == CAUSES == tuple(f.name for f in fields(Drops))
HALF = (560, 150)
SHOWN = ("p50", "p99", "p999", "max")
WORDS = {"p50": "p50", "p99": "p99", "p999": "p99.9", "max": "max"}


def section(title: str, body: str) -> str:
    """Wrap a part of the page."""
    return f"<section><h2>{escape(title)}</h2>{body}</section>" if body else ""


def facts(told: Mapping[str, Any]) -> str:
    """List names and values."""
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(str(value))}</dd>" for name, value in told.items() if value)
    return f"<dl>{rows}</dl>"


def keys(stats: PipelineStats) -> str:
    """Show the numbers that matter most."""
    frames = stats.frames
    way = whole_way(stats)
    share = frames.dropped.total / (frames.captured + frames.shared) if frames.captured else 0.0
    told = [
        (f"{frames.captured}", "frames captured", ""),
        (f"{frames.delivered}", "delivered", ""),
        (f"{frames.dropped.total}", f"dropped ({100 * share:.3g} %)", "poor" if frames.dropped.total else "good"),
        ("-" if stats.fps is None else f"{stats.fps:.4g}", "frames a second", ""),
        (duration(way.p50), "half of the frames within (p50)", ""),
        (duration(way.p99), "99 % within (p99)", ""),
    ]
    cards = "".join(
        f'<div class="key"><b class="{kind}">{value}</b><span>{what}</span></div>' for value, what, kind in told
    )
    return f'<div class="keys">{cards}</div>'


def whole_way(stats: PipelineStats) -> Summary:
    """Return the latency from a frame's timestamp to the end, of the GPU if there is one."""
    for name in ("capture_to_gl", "capture_to_sink"):
        for row, summary in stats.latency_us.items():
            if row.split(" ")[0] == name and summary.count:
                return summary
    return Summary()


def legend(marks: Iterable[tuple[str, str]]) -> str:
    """Explain the colours."""
    words = "".join(f'<span><i class="{kind}"></i>{escape(word)}</span>' for kind, word in marks)
    return f'<div class="legend">{words}</div>'


def latencies(stats: PipelineStats) -> str:
    """Draw how durations are distributed, with their percentiles."""
    rows = {name: row for name, row in stats.latency_us.items() if row.count and row.histogram is not None}
    if not rows:
        return "<p>Nothing was measured.</p>"
    positive = [us for row in rows.values() for us in (row.min, row.max) if us is not None and us > 0]
    scale = plots.LogScale(min(positive, default=1.0), max(positive, default=10.0), 420)
    body = ""
    for name, row in rows.items():
        marks = [(mark, getattr(row, mark)) for mark in SHOWN]
        told = ", ".join(f"{WORDS[mark]} {duration(us)}" for mark, us in marks)
        assert row.histogram is not None
        shape = plots.distribution(row.histogram.buckets(), scale, marks, f"{name}: {told}, {row.count} values")
        numbers = [(WORDS[mark], duration(us)) for mark, us in marks] + [("count", str(row.count))]
        cells = "".join(f'<td class="n" data-what="{what}">{text}</td>' for what, text in numbers)
        body += f'<tr><th scope="row">{escape(name)}</th><td class="shape">{shape}</td>{cells}</tr>'
    body += f'<tr aria-hidden="true"><td></td><td class="shape">{plots.axis(scale)}</td></tr>'
    heads = _numbers(*(WORDS[mark] for mark in SHOWN), "count")
    return (
        '<p class="dim small">Logarithmic axis; the height is the square root of the count, so that rare ones are '
        "seen. Percentiles are at most 1.6 % off, the maximum is exact.</p>"
        + legend((mark, WORDS[mark]) for mark in SHOWN)
        + table(["what", "distribution"], heads, body, "shapes")
    )


def over_time(stats: PipelineStats, timeline: Timeline | None) -> str:
    """Draw the course of the latencies."""
    if timeline is None:
        return NOT_KEPT
    seconds = timeline.width_s * len(timeline.bins)
    marks, body = legend([("p50", "p50"), ("p99", "p99"), ("max", "max")]), ""
    for name, row in stats.latency_us.items():
        if not row.count:
            continue
        lines = [(kind, [one.percentile_us(name, percent) for one in timeline.bins]) for kind, percent in
                 (("max", 100.0), ("p99", 99.0), ("p50", 50.0))]  # fmt: skip
        told = ", ".join(f"{WORDS[mark]} {duration(getattr(row, mark))}" for mark in SHOWN)
        body += figure(name, plots.course(lines, seconds, f"{name} over {seconds:.3g} s: {told}", size=HALF))
    return f'{marks}<div class="pair">{body}</div>' + f'<p class="dim small">In pieces of {timeline.width_s:.3g} s.</p>'


NOT_KEPT = '<p class="dim">The course of time was not kept: start the run with <code>report=</code>.</p>'


def drops(stats: PipelineStats, timeline: Timeline | None) -> str:
    """Tell what became of every frame: as a table that adds up, and over time."""
    frames = stats.frames
    lost = frames.dropped.as_dict()
    rows = _row("captured", "frames that the camera made, those it lost too", f"{frames.captured}")
    if frames.shared:
        rows += _row("shared", "added where the way forks", f"+ {frames.shared}")
    rows += _row("delivered", "reached the end", f"&minus; {frames.delivered}")
    if frames.joined:
        rows += _row("joined", "became part of another camera's", f"&minus; {frames.joined}")
    for cause, count in lost.items():
        if count:
            rows += _row(cause, MEANINGS[cause], f"&minus; {count}", f'<span class="swatch {cause}"></span>')
    what = "still under way" if stats.running else "not accounted for"
    rows += f'<tr class="sum"><th scope="row">{what}</th><td></td><td class="n">{frames.under_way}</td></tr>'
    body = f'<div class="scroll"><table><tbody>{rows}</tbody></table></div>'
    none = ", ".join(cause for cause, count in lost.items() if not count)
    body += f'<p class="dim small">No frame was dropped for these causes: {none}.</p>' if none else ""
    if timeline is not None:
        seconds = timeline.width_s * len(timeline.bins)
        rates = [(name, [getattr(one, name) for one in timeline.bins]) for name in ("captured", "delivered")]
        label = f"frames over {seconds:.3g} s: {frames.captured} captured, {frames.delivered} delivered"
        body += "<h3>Frames over time</h3>" + legend([("stage", "captured"), ("driver", "delivered")])
        body += f'<div class="scroll">{plots.course(rates, seconds, label, "frames")}</div>'
        if frames.dropped.total:
            used = [cause for cause, count in lost.items() if count]
            series = [(cause, [getattr(one.dropped, cause) for one in timeline.bins]) for cause in used]
            told = ", ".join(f"{cause} {lost[cause]}" for cause in used)
            body += "<h3>Drops over time</h3>" + legend((cause, cause) for cause in used)
            body += (
                f'<div class="scroll">{plots.stacks(series, seconds, f"dropped over {seconds:.3g} s: {told}")}</div>'
            )
    return body + _paths(stats)


def _paths(stats: PipelineStats) -> str:
    if len(stats.branches) < 2:
        return ""
    columns = ("entered", "delivered", "displayed", "forwarded")
    body = ""
    for name, one in stats.branches.items():
        numbers = "".join(_number(str(getattr(one, column))) for column in columns) + _number(_causes(one.dropped))
        body += f'<tr><th scope="row">{escape(name)}</th><td>{escape(", ".join(one.after))}</td>{numbers}</tr>'
    return "<h3>By branch</h3>" + table(["branch", "after"], _numbers(*columns, "dropped"), body)


def _row(name: str, meaning: str, number: str, mark: str = "") -> str:
    return f'<tr><th scope="row">{mark}{escape(name)}</th><td>{escape(meaning)}</td>{_number(number)}</tr>'


def _number(text: str) -> str:
    return f'<td class="n">{text}</td>'


def _numbers(*names: str) -> str:
    return "".join(f'<th scope="col" class="n">{name}</th>' for name in names)


def figure(title: str, plot: str) -> str:
    """Give a plot its title."""
    return f'<div><h3>{escape(title)}</h3><div class="scroll">{plot}</div></div>'


def table(names: Sequence[str], numbers: str, body: str, kind: str = "") -> str:
    """Make a table with a first column of names."""
    heads = "".join(f'<th scope="col">{name}</th>' for name in names)
    head = f"<thead><tr>{heads}{numbers}</tr></thead>"
    return f'<div class="scroll"><table class="{kind}">{head}<tbody>{body}</tbody></table></div>'


def _causes(dropped: Drops) -> str:
    causes = ", ".join(f"{cause} {count}" for cause, count in dropped.as_dict().items() if count)
    return f"{dropped.total} ({causes})" if causes else "0"


def queues(stats: PipelineStats, timeline: Timeline | None) -> str:
    """Tell how full the queues were."""
    if not stats.links:
        return "<p>One thread does everything: there is no queue.</p>"
    body = ""
    for link in stats.links:
        most = "-" if link.high_water is None else str(link.high_water)
        bar = "" if link.high_water is None else plots.meter(link.high_water / link.depth, f"{most} of {link.depth}")
        wait = stats.latency_us.get(link.name, Summary())
        numbers = [str(link.queued), duration(wait.p50), duration(wait.p99)]
        body += (
            f'<tr><th scope="row">{escape(link.name)}</th><td>{escape(link.policy)}</td><td>{bar}</td>'
            f"{''.join(map(_number, [str(link.depth), most, *numbers]))}</tr>"
        )
    heads = _numbers("room", "most inside", "at the end", "wait p50", "p99")
    found = table(["queue", "when full", "most inside"], heads, body)
    if timeline is not None:
        seconds, courses = timeline.width_s * len(timeline.bins), ""
        for link in stats.links:
            line: list[float | None] = [one.queued.get(link.name) for one in timeline.bins]
            if any(line):
                plot = plots.course([("depth", line)], seconds, f"frames in {link.name}", "frames", (560, 110))
                courses += figure(f"{link.name}: frames inside", plot)
        found += f'<div class="pair">{courses}</div>'
    return found


def threads(stats: PipelineStats) -> str:
    """Tell what the threads cost, and what was copied."""
    body = ""
    for thread in stats.threads:
        known = thread.cpu_s is not None and stats.wall_s > 0
        part = (thread.cpu_s or 0.0) / stats.wall_s if known else 0.0
        cost = f"{100 * part:.3g} %" if known else "-"
        seconds = "-" if thread.cpu_s is None else f"{thread.cpu_s:.3f} s"
        body += (
            f'<tr><th scope="row">{escape(thread.name)}</th><td>{escape(" + ".join(thread.nodes))}</td>'
            f"<td>{plots.meter(part, f'{cost} of one CPU')}</td>{_number(seconds)}{_number(cost)}</tr>"
        )
    heads = _numbers("CPU time", "of one CPU")
    copies = stats.copies
    return table(["thread", "what runs in it", ""], heads, body) + (
        f'<p class="small" style="margin-top:14px">Copies: {copies.per_frame:.3g} per delivered frame '
        f"({_bytes(copies.bytes_per_frame)}); {copies.total} in all ({_bytes(copies.total_bytes)}).</p>"
    )


def _bytes(count: float) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < 1024 or unit == "GiB":
            return f"{count:.4g} {unit}"
        count /= 1024
    raise AssertionError(count)
