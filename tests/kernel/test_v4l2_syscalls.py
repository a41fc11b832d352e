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
names = "ioctl", "poll", "read", "write", "late"
counts = [ctypes.c_long.in_dll(probe, "probe_" + name) for name in names]
camera = open(WISHES)
for _ in range(10):
    camera.read()
before, whole, told = [count.value for count in counts], False, []
while len(told) < FRAMES:
    frame = camera.read()
    now, was_whole = [count.value for count in counts], whole
    # The driver's times of a frame that was lost, by a busy machine, belong to no frame that is counted here.
    whole = frame.gap == 0 and (frame.hardware_ns is not None) == TIMED
    del frame
    if whole and was_whole:
        told.append([b - a for a, b in zip(before, now)])
    before = now
print(*[sum(column) for column in zip(*told)])
"""


def count_calls(folder: Path, wishes: str, timed: bool = False) -> list[int]:
    """Count ioctl, poll, read and write below a Python that takes FRAMES frames of a camera opened so.

    A wait that was broken off belongs to a late camera, not to a frame, and so does the poll after it.
    """
    library = folder / "probe.so"
    source = Path(__file__).with_name("syscall_probe.c")
    subprocess.run(["cc", "-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o", library, source], check=True)
    child = subprocess.run(
        [
            sys.executable,
            "-c",
            SCRIPT.replace("WISHES", wishes).replace("FRAMES", str(FRAMES)).replace("TIMED", str(timed)),
        ],
        env=os.environ | {"LD_PRELOAD": str(library)},
        capture_output=True,
        text=True,
    )
    assert child.returncode == 0 and child.stderr == "", child.stderr
    ioctls, polls, reads, writes, late = (int(count) for count in child.stdout.split())
    return [ioctls - late, max(polls - late, 0), reads, writes]


def test_a_frame_costs_two_calls_of_the_driver(tmp_path):
    wishes = '"/dev/video0", format="YUYV", size=(320, 180), fps=120'
    assert count_calls(tmp_path, wishes) == [2 * FRAMES, 0, 0, 0]


@pytest.mark.parametrize(("hardware_time", "calls"), [(False, 2), (True, 4)])
def test_hardware_time_costs_two_calls_more(tmp_path, webcam, hardware_time, calls):
    wishes = f"{webcam.path!r}, format='YUYV', size=(640, 480), fps=30, hardware_time={hardware_time}"
    assert count_calls(tmp_path, wishes, hardware_time) == [calls * FRAMES, 0, 0, 0]
