"""`python -m benchmarks.peers`: camkit beside other clients of the same camera, in one run."""

import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parent.parent
BUILT = TOP / "build" / "peers"
VENV = TOP / "build" / "peers-venv"
OWN = [str(TOP / ".venv/bin/python")]
THEIRS = [str(VENV / "bin/python")]
# Name: interpreter, script and its switches; None is the loop in C. "driver" is no client, and is subtracted from the
# others.
PEERS = {
    "camkit": [*OWN, "peer_camkit.py"],
    "camkit, Pipeline": [*OWN, "peer_camkit.py", "--pipeline"],
    "C loop": None,
    "PyAV": [*THEIRS, "peer_pyav.py"],
    "PyAV, packets": [*THEIRS, "peer_pyav.py", "--packets"],
    "linuxpy": [*THEIRS, "peer_linuxpy.py"],
    "OpenCV": [*THEIRS, "peer_opencv.py"],
    "OpenCV, raw": [*THEIRS, "peer_opencv.py", "--raw"],
    "GStreamer": [*THEIRS, "peer_gstreamer.py"],
    "driver": None,
}
VIVID = "n_devs=1;node_types=1;num_inputs=1;input_types=0"
BATCH_MS = 180  # of 60 frames a second, 11 of the 16 buffers


def main() -> int:
    """Measure all peers and print the table; JSON too where --json says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--device", help="a camera of this machine; default: vivid in the camera lab")
    parser.add_argument("--size", default="1280x720")
    parser.add_argument("--fps", type=int, default=60)
    parser.add_argument("--warmup", type=int, default=60)
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", help="names of peers, separated by ';'")
    parser.add_argument("--json", type=Path, help="file for the results")
    options = parser.parse_args()
    names = options.only.split(";") if options.only else list(PEERS)
    if options.device is not None and "driver" in names:
        names.remove("driver")  # a real kernel counts the CPU time of a process well enough
    if unknown := set(names) - set(PEERS):
        parser.error(f"no such peer: {', '.join(unknown)}; there are {'; '.join(PEERS)}")
    _prepare()
    runs: dict[str, list[dict]] = {name: [] for name in names}
    for name, result in _measure(_script(names, options), lab=options.device is None):
        runs[name].append(result)
        print(f"{name}: {result}", file=sys.stderr)
    table = _table(runs)
    print(_markdown(table))
    if options.json:
        options.json.write_text(json.dumps({"runs": runs, "table": table}, indent=1) + "\n")
    # GStreamer alone cannot be had from the registry of Python packages.
    return 0 if all(results for name, results in runs.items() if name != "GStreamer") else 1


def _prepare() -> None:
    """Make the peers' own environment, and compile the loop in C."""
    if not (VENV / "bin/python").exists():
        venv.create(VENV, with_pip=True)
    pip = [*THEIRS, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "-r", str(HERE / "requirements.txt")], check=True)
    BUILT.mkdir(parents=True, exist_ok=True)
    command = ["gcc", "-O3", "-Wall", "-o", str(BUILT / "bare_loop"), str(HERE / "bare_loop.c")]
    subprocess.run(command, check=True)


def _script(names: list[str], options: argparse.Namespace) -> str:
    """Return the shell script that runs the peers in turn, round after round."""
    device = options.device or "/dev/video0"
    lines = [f"cd {shlex.quote(str(HERE))}", f"export PYTHONPATH={shlex.quote(str(TOP))}"]
    if options.device is None:
        # Else vivid's timestamps are those of the frame's end, which lies in the future when it is delivered.
        lines.append(f"v4l2-ctl -d {device} -c timestamp_source=1 || exit 1")
    for name in [*names] * options.rounds:
        counts = [str(options.warmup), str(options.frames)]
        if PEERS[name] is None:
            batch = [str(BATCH_MS)] if name == "driver" else []
            size = options.size.split("x")
            command = [str(BUILT / "bare_loop"), device, *size, str(options.fps), *counts, *batch]
        else:
            command = [*PEERS[name], "--device", device, "--size", options.size, "--fps", str(options.fps)]
            command += ["--warmup", counts[0], "--frames", counts[1]]
        lines += [f"echo '@peer {name}'", f"timeout 60 {shlex.join(command)} || echo '@failed'"]
    return "\n".join(lines)


def _measure(script: str, lab: bool) -> Iterator[tuple[str, dict]]:
    """Run the script and yield each peer's name and result."""
    start = [*OWN, "-m", "lab", "--vivid", VIVID, "--timeout", "3600", "--"] if lab else []
    child = subprocess.Popen([*start, "sh", "-c", script], cwd=TOP, stdout=subprocess.PIPE, text=True, bufsize=1)
    name, begun, spent = "", 0, 0
    for line in child.stdout:
        word, _, rest = line.strip().partition(" ")
        if word == "@peer":
            name = rest
        elif word == "@begin":
            begun = _machine_ns(child.pid) if lab else 0
        elif word == "@end":
            spent = _machine_ns(child.pid) - begun if lab else 0
        elif line.startswith("{"):
            result = json.loads(line)
            if lab:
                result["machine_us_per_frame"] = round(spent / 1e3 / result["frames"], 1)
            yield name, result
        else:
            print(f"{name}: {line}", end="", file=sys.stderr)
    if child.wait():
        raise SystemExit(f"the run ended with status {child.returncode}")


def _machine_ns(lab: int) -> int:
    """Return the CPU time that the lab's kernel and all that runs on it has had from the host, in ns."""
    total = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            # The lab starts its kernel as the leader of a session; the guest's programs are processes in it.
            leader = os.getsid(int(folder.name))
            if leader != lab and int(Path(f"/proc/{leader}/stat").read_text().rpartition(")")[2].split()[1]) == lab:
                total += sum(int(task.read_text().split()[0]) for task in folder.glob("task/*/schedstat"))
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended meanwhile
    return total


def _table(runs: dict[str, list[dict]]) -> dict[str, dict]:
    """Return one row for each peer: the median of its rounds, the lowest, and ratios to camkit."""
    driver = 0.0
    if runs.get("driver"):
        driver = statistics.median(run["machine_us_per_frame"] - run["busy_us_per_frame"] for run in runs["driver"])
    rows: dict[str, dict] = {}
    for name, results in runs.items():
        if name == "driver" or not results:
            continue
        cpu = [run["machine_us_per_frame"] - driver if driver else run["rusage_us_per_frame"] for run in results]
        row = {"version": results[0]["version"], "cpu_us": statistics.median(cpu), "cpu_us_min": min(cpu)}
        for key in ("rusage_us_per_frame", "latency_p50_us", "latency_p99_us", "fps"):
            row[key] = statistics.median(run[key] for run in results)
            row[f"{key}_min"] = min(run[key] for run in results)
        rows[name] = row
    for row in rows.values():
        for key in ("cpu_us", "latency_p50_us", "latency_p99_us"):
            ours = rows.get("camkit", {}).get(key)
            row[f"{key}_ratio"] = row[key] / ours if ours else None
    return {"driver": {"machine_us": driver}, **rows}


def _markdown(table: dict[str, dict]) -> str:
    lines = [
        "| client | CPU us/frame, median (lowest) | x camkit | latency p50 us | p99 us, median (lowest) | p99 x camkit "
        "| frames/s | rusage us/frame |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, row in table.items():
        if name != "driver":
            cells = [
                f"{name} {row['version']}",
                f"{_cell(row['cpu_us'])} ({_cell(row['cpu_us_min'])})",
                _cell(row["cpu_us_ratio"], 2),
                _cell(row["latency_p50_us"]),
                f"{_cell(row['latency_p99_us'])} ({_cell(row['latency_p99_us_min'])})",
                _cell(row["latency_p99_us_ratio"], 2),
                _cell(row["fps"], 2),
                _cell(row["rusage_us_per_frame"]),
            ]
            lines.append(f"| {' | '.join(cells)} |")
    if driver := table["driver"]["machine_us"]:
        lines.append(f"\nThe driver itself: {driver:.0f} us a frame, not counted above.")
    return "\n".join(lines)


def _cell(value: float | None, digits: int = 0) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


if __name__ == "__main__":
    sys.exit(main())
