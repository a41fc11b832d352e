"""Measure everything of OpenGL in one run, and write it down: `python -m benchmarks.gl_table`, or `make bench-gl`.

Writes benchmarks/results/RENDERER.md, with the date, the driver and the machine. What an older one of that name has
under `## Notes` is kept, for no run can tell why. Nothing is written if a benchmark fails.
"""

import argparse
import json
import os
import platform
import re
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.gl_rows import TABLES
from camkit.gl_core.context import headless

HERE = Path(__file__).resolve().parent
SUBJECTS = ("upload", "stall", "convert", "gl_submit", "pacing", "readback")
KEPT = HERE.parent / "build" / "benchmarks" / "gl.json"
NOTES = "## Notes"


class Kept:
    """A plugin of pytest: what the benchmarks noted, and why some were not run."""

    def __init__(self) -> None:
        self.skipped: dict[str, list[str]] = {}

    def pytest_benchmark_update_json(self, config: pytest.Config, benchmarks: Any, output_json: dict[str, Any]) -> None:
        output_json["skipped"] = self.skipped

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped and isinstance(report.longrepr, tuple):
            reason = report.longrepr[2].removeprefix("Skipped: ")
            self.skipped.setdefault(reason, []).append(report.nodeid.rpartition("::")[2])


def take_priority(wish: int) -> str:
    """Go before other programs if that is asked for, and tell in words what is so."""
    if not wish:
        return "at usual priority"
    os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(wish))
    return f"at real-time priority {wish}, which Linux interrupts for 50 ms in a second"


def measure(path: Path, more: list[str]) -> int:
    """Run the benchmarks; their JSON goes to `path`. Returns pytest's exit code."""
    files = [str(HERE / f"bench_{subject}.py") for subject in SUBJECTS]
    # The transfer that a busy moment chose in another run is none of this one's.
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CAMKIT_TRANSFER_CACHE"] = str(Path(folder) / "transfers.json")
        return int(pytest.main([*files, "-q", "--benchmark-quiet", f"--benchmark-json={path}", *more], [Kept()]))


def driver() -> dict[str, str]:
    """Ask OpenGL who draws."""
    context = headless()
    said = {name: str(context.description[name]) for name in ("renderer", "version", "vendor")}
    context.destroy()
    return said


def file_name(renderer: str) -> str:
    """Shorten a driver's name of the GPU: 'NVIDIA H200/PCIe/SSE2' is nvidia-h200.md."""
    bare = re.sub(r"\((R|TM|r|tm)\)", "", renderer)
    return re.sub(r"[^a-z0-9]+", "-", re.split(r"[(/]", bare)[0].lower()).strip("-") + ".md"


def heading(kept: dict[str, Any]) -> Iterable[str]:
    gl, machine, here = kept["gl"], kept["machine_info"], kept["here"]
    yield f"# OpenGL on {gl['renderer']}\n"
    yield f"{kept['datetime'][:10]}, by `make bench-gl`, all in one run of {kept['took_s']:.0f} s.\n"
    yield f"- Driver: {gl['vendor']}, {gl['version']}"
    yield f"- Machine: {machine['cpu'].get('brand_raw', machine['machine'])}, {here['cores']} cores; {here['system']}"
    python = f"{machine['python_implementation']} {machine['python_version']}"
    yield f"- {python}; {here['priority']}; load {here['load']} when it began"


def notes_of(path: Path) -> str:
    """Return what is kept of an older file, its heading included."""
    text = path.read_text() if path.exists() else ""
    return text[text.index(NOTES) :] if NOTES in text else ""


def table(kept: dict[str, Any], notes: str) -> str:
    """Write the whole file."""
    parts = ["\n".join(heading(kept))]
    rows = [{"name": row["name"], **row["extra_info"]} for row in kept["benchmarks"]]
    for build in TABLES:
        words = build(rows)
        if words:
            parts.append(words)
    if kept["skipped"]:
        reasons = [f"- {why}: {names[0]}" + (f" and {len(names) - 1} more" if names[1:] else "")
                   for why, names in kept["skipped"].items()]  # fmt: skip
        parts.append("## Not measured here\n\n" + "\n".join(reasons))
    return "\n\n".join([*parts, *([notes.strip()] if notes else [])]) + "\n"


def main() -> int:
    """Do what the command line says; returns an exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gl_table", description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, default=KEPT, help="where all is kept")
    parser.add_argument("--again", action="store_true", help="only write the table of that file anew")
    parser.add_argument("--folder", type=Path, default=HERE / "results")
    parser.add_argument("--priority", type=int, default=0, help="real-time priority, for a machine in use: 5")
    parser.add_argument("pytest", nargs="*", help="more arguments for pytest, such as -- -k GREY")
    wish = parser.parse_args()
    if not wish.again:
        wish.json.parent.mkdir(parents=True, exist_ok=True)
        here = {
            "load": round(os.getloadavg()[0], 1), "cores": os.cpu_count(), "priority": take_priority(wish.priority),
            "system": f"{platform.system()} {platform.release()}",
        }  # fmt: skip
        gl, begun = driver(), time.monotonic()
        code = measure(wish.json, wish.pytest)
        if code:
            print(f"not written: the benchmarks ended with exit code {code}", file=sys.stderr)
            return code
        kept = json.loads(wish.json.read_text()) | {"gl": gl, "here": here, "took_s": time.monotonic() - begun}
        wish.json.write_text(json.dumps(kept, indent=1))
    kept = json.loads(wish.json.read_text())
    path = wish.folder / file_name(kept["gl"]["renderer"])
    path.write_text(table(kept, notes_of(path)))
    print(f"written: {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
