"""Every example runs as its first lines say, and prints what it is about."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.xscreen import lone_screen

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"

PRINTS = {
    "01_first_frame.py": [r"frame 0: \w+ \d+x\d+, uint8 \(", r"taken at \d+ ns \(monotonic clock"],
    "02_every_frame_accounted.py": [r"captured 40 = delivered \d+", r"\+ driver 2", r"\+ corrupt 1", r"\+ late [1-9]"],
    "03_python_stage.py": [
        r"(frame \d+: GREY, mean .*\n){5}",
        r"delivered 5",
        r"bad, the last: frame \d+: frame \d+ is",
    ],
    "04_own_cython_stage": [
        r"[\d.]+% black, [1-9][\d.]*% white of \d+ pixels",
        r"\d+ us a frame without the GIL, 1 copy",
        r"Half: makes new frames; takes GREY; GREY 640x360 in 6 slots",
    ],
    "05_window.py": [r"[1-9]\d* of \d+ frames shown"],
    "06_numba_stage.py": [r"[\d.]+% black, [1-9][\d.]*% white of \d+ pixels", r"\d+ us a frame without the GIL"],
    "07_c_stage": [r"[1-9]\d* edges a frame, in 30 frames", r"compiled for version \d+ of frame\.h"],
    "08_built_in_stages.py": [r"kept frames (\d+, ){9}\d+", r"copied first", r"stage 3\d"],
    "09_async.py": [r"(?s)tick.*frame 9|frame \d+.*tick", r"10 frames seen; captured \d+, taken \d+"],
    "10_branches.py": [r"branch 'analyse'", r"frame \d+ came by", r"analyse: \d+ came, \d+ went on, [1-9]\d* dropped"],
    "12_report_and_trace.py": [r"captured \d+, delivered \d+", r"preview is the slowest stage", r"see report.html and"],
    "11_two_cameras.py": [r"(\d+ and \d+: [-+][\d.]+ ms apart.*\n){10}", r"main: 10 came, 0 without a partner"],
    "13_two_processes.py": [r"a memfd", r"(frame \d+: the other process sees a mean of \d+\.\d\n){5}", r"acquired=5"],
    "17_render_and_read_back.py": [r"(frame \d+: RGB24 \(320, 240\), mean .*\n){10}", r"read back by '\w+'"],
    "15_moderngl.py": [r"20 pictures, [\d.]*[1-9][\d.]*% of the last one's pixels lie on an edge"],
    "16_pyopengl.py": [r"9 different pictures in 9 fields"],
    "14_threads.py": [r"(frame \d+: sharpness .*\n){10}", r"\d+ bands of \d+ pictures", r"camkit-sharpness-1: "],
}


def run(arguments: list[str], folder: Path, env: dict[str, str] | None = None) -> str:
    """Run Python and return what it printed."""
    done = subprocess.run(arguments, cwd=folder, env=env, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


def without_screen() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}


def check(name: str, printed: str) -> None:
    for pattern in PRINTS[name]:
        assert re.search(pattern, printed), f"no {pattern!r} in\n{printed}"


def test_every_example_is_known_here() -> None:
    found = {path.name for path in EXAMPLES.iterdir() if path.name[0].isdigit()}
    assert found == PRINTS.keys()


@pytest.mark.parametrize("name", [name for name in PRINTS if name.endswith(".py")])
def test_an_example_runs(name: str, tmp_path: Path) -> None:
    check(name, run([sys.executable, "-W", "error", str(EXAMPLES / name)], tmp_path, without_screen()))


def test_a_source_can_be_named(tmp_path: Path) -> None:
    printed = run([sys.executable, str(EXAMPLES / "01_first_frame.py"), "synthetic"], tmp_path)
    assert printed.startswith("Synthetic")


def test_the_compiled_stage_builds_and_runs(tmp_path: Path) -> None:
    folder = tmp_path / "stage"
    shutil.copytree(EXAMPLES / "04_own_cython_stage", folder, ignore=shutil.ignore_patterns("*.so", "build", "*.cpp"))
    run([sys.executable, "setup.py", "-q", "build_ext", "--inplace"], folder)
    check("04_own_cython_stage", run([sys.executable, "main.py"], folder))


def test_the_c_stage_is_compiled_and_runs(tmp_path: Path) -> None:
    folder = tmp_path / "stage"
    shutil.copytree(EXAMPLES / "07_c_stage", folder, ignore=shutil.ignore_patterns("*.so"))
    check("07_c_stage", run([sys.executable, "main.py"], folder))


def test_the_window_is_used_where_there_is_a_screen(tmp_path: Path) -> None:
    with lone_screen(tmp_path) as screen:
        env = without_screen() | {"DISPLAY": screen.display}
        printed = run([sys.executable, str(EXAMPLES / "05_window.py")], tmp_path, env)
    check("05_window.py", printed)
    assert "no window" not in printed
