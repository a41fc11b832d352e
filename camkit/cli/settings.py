"""The tables of `camkit info` about inputs, what comes in there, and what of it is taken."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.table import Table

from camkit.cli.table import grid

SHOWN = 12  # timings or standards in a line; --json has all


def settings_tables(settings: dict[str, Any]) -> Iterator[Table]:
    """Yield them: inputs, the signal with what it is and could be, rectangles; none for what the camera has not got.

    Parameters
    ----------
    settings : dict
        As `list_settings` tells.
    """
    if settings["inputs"]:
        table = grid("", "input", "name", "kind", "takes", "status")
        for row in settings["inputs"]:
            takes = "timings" if row["has_timings"] else "standard" if row["has_standards"] else ""
            mark = "*" if row["current"] else ""
            table.add_row(mark, str(row["index"]), row["name"], row["kind"], takes, ", ".join(row["status"]))
        yield table
    if facts := list(_facts(settings)):
        table = grid("setting", "now", "offered")
        for fact in facts:
            table.add_row(*fact)
        yield table


def _facts(settings: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    signal = settings["signal"]
    if signal["state"] != "unknown":
        detected = signal["timings"]["name"] if signal["timings"] else signal["standard"]
        yield "signal", f"{signal['state']}{f', {detected}' if detected else ''}", ""
    if settings["timings"] is not None:
        yield "timings", settings["timings"]["name"], _some(row["name"] for row in settings["offered_timings"])
    if settings["standard"] is not None:
        yield "standard", settings["standard"], _some(row["name"] for row in settings["standards"])
    for name, row in settings["selections"].items():
        yield name, _rect(row["rect"]), f"default {_rect(row['default'])}, within {_rect(row['bounds'])}"
    if settings["edid"] is not None:
        yield "EDID", f"{len(settings['edid']) // 2} bytes", ""
    if settings["priority"] is not None:
        yield "priority", settings["priority"], ""


def _some(names: Iterator[str]) -> str:
    known = list(dict.fromkeys(names))
    more = f" and {len(known) - SHOWN} more" if len(known) > SHOWN else ""
    return " ".join(known[:SHOWN]) + more


def _rect(rect: list[int] | None) -> str:
    return "unknown" if rect is None else f"{rect[2]}x{rect[3]}{rect[0]:+d}{rect[1]:+d}"
