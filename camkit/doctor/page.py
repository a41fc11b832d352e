"""A report as one HTML file that needs no other."""

from __future__ import annotations

import json
from html import escape
from typing import Any

from camkit.doctor.markdown import facts

STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 70em; padding: 0 1em; color: #222; }
table { border-collapse: collapse; } td, th { text-align: left; vertical-align: top; padding: .3em .8em .3em 0; }
tr.check > td { border-top: 1px solid #ddd; } pre { background: #f5f5f5; padding: .8em; overflow-x: auto; }
.ok { color: #18794e; } .note { color: #946800; } .problem { color: #c62828; font-weight: bold; }
.not_possible { color: #777; } .meaning { color: #555; }
"""


def page(told: dict[str, Any]) -> str:
    """Write a report as HTML.

    Parameters
    ----------
    told : dict
        As of `Report.as_dict`.

    Returns
    -------
    str
    """
    title = escape(f"camkit doctor: {told['camera']['name']}")
    rows = "".join(f"<tr><th>{escape(name)}</th><td>{escape(text)}</td></tr>" for name, text in facts(told).items())
    checks = "".join(map(_check, told["checks"]))
    machine = escape(json.dumps({**told["machine"], "log": None}, indent=1))
    log = escape("\n".join(told["machine"]["log"]) or told["machine"]["log_problem"] or "nothing")
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{STYLE}</style></head>"
        f"<body><h1>{title}</h1><table>{rows}</table><h2>Findings</h2><table>{checks}</table>"
        f"<h2>Machine</h2><pre>{machine}</pre><h2>Kernel log</h2><pre>{log}</pre></body></html>\n"
    )


def _check(check: dict[str, Any]) -> str:
    verdict = check["verdict"]
    evidence = escape(json.dumps(check["evidence"], indent=1))
    more = f"<details><summary>evidence</summary><pre>{evidence}</pre></details>" if check["evidence"] else ""
    return (
        f'<tr class="check"><td class="{verdict}">{verdict.replace("_", " ")}</td><td>{escape(check["title"])}</td>'
        f'<td>{escape(check["summary"])}<div class="meaning">{escape(check["meaning"])}</div>{more}</td></tr>'
    )
