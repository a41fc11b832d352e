"""What a frame costs in system calls, counted between the program and the kernel."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

FRAMES = 60
SCRIPT = """
import ctypes, os
from camkit.camera_capture import open
probe = ctypes.CDLL(None)
names = "ioctl", "poll", "read", "write"
counts = [ctypes.c_long.in_dll(probe, "probe_" + name) for name in names]
camera = open(WISHES)
for _ in range(10):
    camera.read()
for count in counts:
    count.value = 0
for _ in range(FRAMES):
    camera.read()
print(*[count.value for count in counts])
"""


def count_calls(folder: Path, wishes: str) -> list[int]:
    """Count ioctl, poll, read and write below a Python that takes FRAMES frames of a camera opened so."""
    library = folder / "probe.so"
    source = Path(__file__).with_name("syscall_probe.c")
    subprocess.run(["cc", "-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o", library, source], check=True)
    child = subprocess.run(
        [sys.executable, "-c", SCRIPT.replace("WISHES", wishes).replace("FRAMES", str(FRAMES))],
        env=os.environ | {"LD_PRELOAD": str(library)},
        capture_output=True,
        text=True,
    )
    assert child.returncode == 0 and child.stderr == "", child.stderr
    return [int(count) for count in child.stdout.split()]


def test_a_frame_costs_two_calls_of_the_driver(tmp_path):
    wishes = '"/dev/video0", format="YUYV", size=(320, 180), fps=120'
    assert count_calls(tmp_path, wishes) == [2 * FRAMES, 0, 0, 0]


@pytest.mark.parametrize(("hardware_time", "calls"), [(False, 2), (True, 4)])
def test_hardware_time_costs_two_calls_more(tmp_path, webcam, hardware_time, calls):
    wishes = f"{webcam.path!r}, format='YUYV', size=(640, 480), fps=30, hardware_time={hardware_time}"
    assert count_calls(tmp_path, wishes) == [calls * FRAMES, 0, 0, 0]
