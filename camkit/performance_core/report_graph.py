"""The report's picture of a pipeline: threads as boxes, nodes inside them, queues as arrows."""

from __future__ import annotations

from html import escape

from camkit.performance_core.stats import PipelineStats, ThreadStats

NODE, GAP, WIRE, ROW, PAD = 34, 10, 116, 104, 12
CHARACTER = 7.6  # width of one, at the size of the names


def graph(stats: PipelineStats) -> str:
    """Draw what ran: one line for each branch, from left to right as the frames go."""
    columns: dict[str, float] = {}  # where a branch ends, for those after it
    rows: dict[str, int] = {}
    body, width = "", 0.0
    policies = {link.name: link for link in stats.links}
    row = -1
    for name, branch in stats.branches.items():
        own = [thread for thread in stats.threads if thread.branch == name]
        before = [one for one in branch.after if one in columns]
        x = max((columns[one] for one in before), default=0.0)
        below = [other for other in rows if other in before and columns[other] == x]
        row = rows[below[0]] if below and not _taken(stats, name, below[0]) else row + 1
        rows[name] = row
        y = 24.0 + row * ROW
        for i, thread in enumerate(own):
            if i or before:
                starts = [(x, y)] if i else [(columns[one], 24.0 + rows[one] * ROW) for one in before]
                for k, (from_x, from_y) in enumerate(starts):
                    link = policies.get(thread.inlets[k] if k < len(thread.inlets) else "")
                    words = (link.name, f"{link.policy}, {link.depth}") if link else ("", "")
                    body += _wire(from_x, from_y + 40, x + WIRE, y + 40, words, joins=len(starts) > 1)
                x += WIRE
            drawn, size = _thread(thread, name, x, y)
            body += drawn
            x += size
        columns[name], width = x, max(width, x)
    height = (max(rows.values(), default=0) + 1) * ROW
    label = "; ".join(f"{thread.name}: {' + '.join(thread.nodes)}" for thread in stats.threads)
    return (
        f'<div class="scroll"><svg class="graph" role="img" aria-label="{escape(label, quote=True)}" '
        f'width="{width + 2:.0f}" height="{height:.0f}" viewBox="-1 0 {width + 2:.0f} {height:.0f}">{body}</svg></div>'
    )


def _taken(stats: PipelineStats, name: str, before: str) -> bool:
    """Tell whether a branch drawn earlier goes on in the line of `before`."""
    for other, branch in stats.branches.items():
        if other == name:
            return False
        if before in branch.after:
            return True
    return False


def _thread(thread: ThreadStats, branch: str, x: float, y: float) -> tuple[str, float]:
    names = [name if len(name) <= 28 else name[:27] + "…" for name in thread.nodes or (branch,)]
    widths = [max(56.0, len(name) * CHARACTER + 20) for name in names]
    size = max(sum(widths) + GAP * (len(names) - 1), len(thread.name) * CHARACTER) + 2 * PAD
    body = f'<rect class="thread" x="{x:.1f}" y="{y + 6:.1f}" width="{size:.1f}" height="68" rx="10"/>'
    left = x + PAD
    for name, width in zip(names, widths, strict=True):
        body += (
            f'<rect class="node" x="{left:.1f}" y="{y + 23:.1f}" width="{width:.1f}" height="{NODE}" rx="7"/>'
            f'<text class="name" x="{left + width / 2:.1f}" y="{y + 45:.1f}" text-anchor="middle">{escape(name)}</text>'
        )
        left += width + GAP
    body += f'<text x="{x + PAD:.1f}" y="{y - 2:.1f}">{escape(thread.name)}</text>'
    return body, size


def _wire(x: float, y: float, to_x: float, to_y: float, words: tuple[str, str], joins: bool) -> str:
    bend = (x + to_x) / 2 if y != to_y else x
    path = f"M{x:.1f},{y:.1f} C{bend:.1f},{y:.1f} {bend:.1f},{to_y:.1f} {to_x - 8:.1f},{to_y:.1f}"
    tip = f"M{to_x - 9:.1f},{to_y - 4.5:.1f} L{to_x - 1:.1f},{to_y:.1f} L{to_x - 9:.1f},{to_y + 4.5:.1f} Z"
    # Beside the end that is its own, and where the curve is not: one that joins comes from below, a branch from above.
    middle = (x if joins else to_x - WIRE) + WIRE / 2 - 4
    first, second = (to_y - 21, to_y - 7) if y == to_y else (y + 17, y + 31) if joins else (to_y - 8, to_y + 19)
    return (
        f'<path class="wire" d="{path}"/><path class="tip" d="{tip}"/>'
        f'<text x="{middle:.1f}" y="{first:.1f}" text-anchor="middle">{escape(words[0])}</text>'
        f'<text x="{middle:.1f}" y="{second:.1f}" text-anchor="middle" class="fine">{escape(words[1])}</text>'
    )
