"""A report as Markdown, to be put into a bug's text."""

from __future__ import annotations

import json
from typing import Any

VERDICTS = {"ok": "ok", "note": "note", "problem": "**problem**", "not_possible": "not possible"}


def markdown(told: dict[str, Any]) -> str:
    """Write a report as Markdown.

    Parameters
    ----------
    told : dict
        As of `Report.as_dict`.

    Returns
    -------
    str
    """
    camera = told["camera"]
    lines = [f"# camkit doctor: {_plain(camera['name'])}", "", *facts_table(told), "", "## Findings", ""]
    lines += ["| verdict | check | finding | meaning |", "|---|---|---|---|"]
    for check in told["checks"]:
        cells = (VERDICTS[check["verdict"]], _plain(check["title"]), _plain(check["summary"]), _plain(check["meaning"]))
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", "## Evidence", ""]
    for check in told["checks"]:
        if check["evidence"]:
            lines += [
                f"{check['title']} ({check['seconds']:.1f} s):",
                *_block(json.dumps(check["evidence"], indent=1)),
                "",
            ]
    lines += ["## Machine", "", *_block(json.dumps({**told["machine"], "log": None}, indent=1)), ""]
    lines += [
        "## Kernel log",
        "",
        *_block("\n".join(told["machine"]["log"]) or told["machine"]["log_problem"] or "nothing"),
    ]
    return "\n".join(lines) + "\n"


def facts(told: dict[str, Any]) -> dict[str, str]:
    """Return what is told first, by name."""
    camera, machine, counts = told["camera"], told["machine"], told["counts"]
    driver = " ".join(filter(None, [machine["driver"]["name"], machine["driver"]["version"]]))
    return {
        "camera": f"{camera['name']} at {camera['path'] or camera['id']}",
        "id": camera["id"],
        "driver": driver,
        "bus": camera["bus"],
        "mode": told["mode"] or "none",
        "system": f"{machine['kernel']} {machine['architecture']}, {machine['distribution']}",
        "camkit": f"{machine['camkit']}, Python {machine['python']}",
        "result": ", ".join(f"{count} {verdict.replace('_', ' ')}" for verdict, count in counts.items()),
        "examination": f"{told['length']}, {told['wall_s']:.1f} s{', interrupted' if told['interrupted'] else ''}",
    }


def facts_table(told: dict[str, Any]) -> list[str]:
    """Return the lines of a table of `facts`."""
    return ["| | |", "|---|---|", *(f"| {name} | {_plain(text)} |" for name, text in facts(told).items())]


def _plain(text: str) -> str:
    """Keep a text from being read as Markdown or HTML: a camera's name may be anything."""
    line = " ".join(text.split())
    return "".join(f"\\{c}" if c in "\\`*_|[]<>#" else c for c in line)


def _block(text: str) -> list[str]:
    fence = "```"
    while fence in text:
        fence += "`"
    return [fence, text, fence]
