"""Frames in dma-bufs are announced to be read: what the CPU sees before is not believed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

FRAMES = 8
SCRIPT = """
import ctypes, json, sys
import camkit
probe = ctypes.CDLL(None)
count = lambda name: ctypes.c_long.in_dll(probe, name).value
way, frames = sys.argv[2], int(sys.argv[3])
with camkit.open(sys.argv[1], format="MJPG", size=(640, 480), io=way, corrupt="deliver") as camera:
    damaged, pairs = [], []
    for frame in camera:
        damaged.append(frame.corrupt)
        began, ended = count("probe_began"), count("probe_ended")
        frame.close()
        pairs.append([began - len(pairs), ended, count("probe_ended") - ended])
        if len(damaged) == frames:
            break
    print(json.dumps([damaged, pairs, camera.explain()]))
"""


def watch(folder: Path, path: str, way: str, **orders: str) -> tuple[list[bool], list[list[int]], str]:
    """Take frames below the probe: which were corrupt, the announcements of each, and how the camera explains it."""
    library, source = folder / "probe.so", Path(__file__).with_name("sync_probe.c")
    subprocess.run(["cc", "-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    child = subprocess.run(
        [sys.executable, "-c", SCRIPT, path, way, str(FRAMES)],
        env=os.environ | {"LD_PRELOAD": str(library)} | orders,
        capture_output=True, text=True, timeout=800,
    )  # fmt: skip
    assert child.returncode == 0, child.stderr
    return tuple(json.loads(child.stdout))


@pytest.mark.parametrize("way", ["udmabuf", "dma-heap"])
def test_each_frame_is_announced_before_it_is_looked_at(webcam, tmp_path, way):
    damaged, pairs, _ = watch(tmp_path, webcam.path, way)
    assert damaged == [False] * FRAMES
    assert pairs == [[1, number, 1] for number in range(FRAMES)]
    damaged, _, _ = watch(tmp_path, webcam.path, way, PROBE_SPOIL="1")
    assert damaged == [True] * FRAMES  # the mark of a JPEG was there before, and not after


def test_the_drivers_own_memory_needs_no_announcement(webcam, tmp_path):
    damaged, pairs, _ = watch(tmp_path, webcam.path, "expbuf", PROBE_SPOIL="1")
    assert damaged == [False] * FRAMES and pairs == [[-number, 0, 0] for number in range(FRAMES)]


@pytest.mark.parametrize("way", ["udmabuf", "dma-heap"])
def test_a_frame_that_could_not_be_announced_is_corrupt(webcam, tmp_path, way):
    damaged, _, explained = watch(tmp_path, webcam.path, way, PROBE_FAIL="3")
    assert damaged == [number == 2 for number in range(FRAMES)]
    assert "1 frames could not be made coherent for the CPU" in explained
