"""Plots of the report: inline SVG that takes its colours from the page's style."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

SIZE = (1000, 150)  # of the drawings, in their own units; the page scales them

Bucket = tuple[int, int, int]


def duration(us: float | None) -> str:
    """Write microseconds for people, with three digits that count."""
    if us is None:
        return "-"
    size = abs(us)
    for unit, factor in (("ns", 1e-3), ("µs", 1.0), ("ms", 1e3), ("s", 1e6)):
        if size < 999.5 * factor or unit == "s":
            value = us / factor
            digits = 0 if abs(value) >= 99.95 else 1 if abs(value) >= 9.995 else 2
            return f"{value:.{digits}f} {unit}" if us else "0 µs"
    raise AssertionError(us)


class LogScale:
    """Microseconds on a logarithmic axis from 0 to `width`; what is not positive lies at 0."""

    def __init__(self, low_us: float, high_us: float, width: float) -> None:
        self.low = math.floor(2 * math.log10(max(low_us, 1e-2))) / 2
        self.high = max(math.ceil(2 * math.log10(max(high_us, 1e-2))) / 2, self.low + 0.5)
        self.width = width

    def __call__(self, us: float) -> float:
        """Return the place of a value."""
        if us <= 0:
            return 0.0
        part = (math.log10(us) - self.low) / (self.high - self.low)
        return min(max(part, 0.0), 1.0) * self.width

    def ticks(self) -> list[float]:
        """Return round values for labels."""
        step = max(1, math.ceil((self.high - self.low) / 6))
        found = [10.0**power for power in range(math.ceil(self.low), math.floor(self.high) + 1, step)]
        return found if len(found) > 1 else sorted({10**self.low, *found, 10**self.high})


def distribution(buckets: Sequence[Bucket], scale: LogScale, marks: Sequence[tuple[str, float]], label: str) -> str:
    """Draw how often which duration came, with a line at each mark."""
    height, columns = 56, 160
    heights = [0.0] * columns
    for low, high, count in buckets:
        left, right = scale(low / 1000), scale((high + 1) / 1000)
        first, last = (min(columns - 1, int(x / scale.width * columns)) for x in (left, right))
        for column in range(first, last + 1):
            begin, end = column * scale.width / columns, (column + 1) * scale.width / columns
            share = (min(end, right) - max(begin, left)) / (right - left) if right > left else 1.0 / (last - first + 1)
            heights[column] += count * max(share, 0.0)
    top = max(heights, default=0.0) or 1.0
    step = scale.width / columns
    points = [f"0,{height}"]
    for column, value in enumerate(heights):
        y = height - (height - 4) * math.sqrt(value / top)
        points += [f"{column * step:.1f},{y:.1f}", f"{(column + 1) * step:.1f},{y:.1f}"]
    points.append(f"{scale.width:.0f},{height}")
    lines = "".join(_upright(f"mark {name}", scale(us), height) for name, us in marks)
    grid = "".join(_upright("grid", scale(us), height) for us in scale.ticks())
    return _svg(scale.width, height, f'{grid}<polygon class="area" points="{" ".join(points)}"/>{lines}', label, "row")


def _upright(kind: str, x: float, height: float) -> str:
    return f'<line class="{kind}" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{height:g}"/>'


def axis(scale: LogScale) -> str:
    """Draw the labels below distributions."""
    labels = []
    for us in scale.ticks():
        x = scale(us)
        anchor = "start" if x < 30 else "end" if x > scale.width - 30 else "middle"
        labels.append(f'<text x="{x:.1f}" y="20" text-anchor="{anchor}">{duration(us)}</text>')
    return _svg(scale.width, 28, "".join(labels), "", "row")


def course(
    series: Sequence[tuple[str, Sequence[float | None]]],
    seconds: float,
    label: str,
    unit: str = "us",
    size: tuple[int, int] = SIZE,
) -> str:
    """Draw lines over time, of bins of equal width; a bin without a value is a gap."""
    values = [value for _, line in series for value in line if value is not None]
    top = _round_up(max(values, default=0.0))
    (width, height), left, bottom = size, 76, 26
    inner = height - bottom - 8
    count = max((len(line) for _, line in series), default=0) or 1

    def x(i: float) -> float:
        return left + (width - left - 8) * i / count

    def y(value: float) -> float:
        return 8 + inner * (1 - max(value, 0.0) / top)

    body = _frame(top, seconds, size, left, bottom, unit)
    for name, line in series:
        part: list[str] = []
        for i, value in enumerate([*line, None]):
            if value is not None:
                part += [f"{x(i):.1f},{y(value):.1f}", f"{x(i + 1):.1f},{y(value):.1f}"]
            elif part:
                body += f'<polyline class="line {name}" points="{" ".join(part)}"/>'
                part = []
    return _svg(width, height, body, label, "wide" if width > 600 else "half")


def stacks(
    series: Sequence[tuple[str, Sequence[int]]], seconds: float, label: str, size: tuple[int, int] = SIZE
) -> str:
    """Draw stacked bars over time."""
    count = max((len(line) for _, line in series), default=0) or 1
    sums = [sum(line[i] for _, line in series) for i in range(count)]
    top = _round_up(float(max(sums, default=0)))
    (width, height), left, bottom = size, 76, 26
    inner, step = height - bottom - 8, (width - left - 8) / count
    body = _frame(top, seconds, size, left, bottom, "frames")
    below = [0.0] * count
    for name, line in series:
        for i, value in enumerate(line):
            if value:
                tall = inner * value / top
                y = 8 + inner - below[i] - tall
                body += (
                    f'<rect class="cause {name}" x="{left + i * step:.1f}" y="{y:.1f}" '
                    f'width="{max(step - 0.5, 0.8):.1f}" height="{tall:.1f}"/>'
                )
                below[i] += tall
    return _svg(width, height, body, label, "wide" if width > 600 else "half")


def meter(part: float, label: str) -> str:
    """Draw how much of a whole, from 0 to 1."""
    filled = 120 * min(max(part, 0.0), 1.0)
    body = "".join(f'<rect class="{kind}" width="{size:.1f}" height="10" rx="5"/>' for kind, size in
                   (("track", 120.0), ("fill", filled)))  # fmt: skip
    return _svg(120, 10, body, label, "meter")


def _frame(top: float, seconds: float, size: tuple[int, int], left: int, bottom: int, unit: str) -> str:
    width, height = size
    inner = height - bottom - 8
    body = ""
    for part in (0.0, 0.5, 1.0):
        y = 8 + inner * (1 - part)
        text = duration(top * part) if unit == "us" else f"{top * part:g}"
        if part == 0.5 and unit != "us" and top * part != int(top * part):
            text = ""
        body += f'<line class="grid" x1="{left}" x2="{width - 8}" y1="{y:.1f}" y2="{y:.1f}"/>'
        body += f'<text x="{left - 8}" y="{y + 5:.1f}" text-anchor="end">{text}</text>'
    for part, anchor in ((0.0, "start"), (0.5, "middle"), (1.0, "end")):
        x = left + (width - left - 8) * part
        body += f'<text x="{x:.1f}" y="{height - 6}" text-anchor="{anchor}">{seconds * part:.3g} s</text>'
    return body


def _round_up(value: float) -> float:
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if step * power >= value * (1 - 1e-9))


def _svg(width: float, height: float, body: str, label: str, kind: str) -> str:
    told = f'role="img" aria-label="{escape(label, quote=True)}"' if label else 'aria-hidden="true"'
    return f'<svg class="{kind}" viewBox="0 0 {width:g} {height:g}" {told}>{body}</svg>'
