"""What a frame costs in system calls, counted between the program and the kernel."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

FRAMES = 60
SCRIPT = f"""
import ctypes
from camkit.camera_capture import open
probe = ctypes.CDLL(None)
names = "ioctl", "poll", "read", "write"
counts = [ctypes.c_long.in_dll(probe, "probe_" + name) for name in names]
camera = open("/dev/video0", format="YUYV", size=(320, 180), fps=120)
for _ in range(10):
    camera.read()
for count in counts:
    count.value = 0
for _ in range({FRAMES}):
    camera.read()
print(*[count.value for count in counts])
"""


def test_a_frame_costs_two_calls_of_the_driver(tmp_path):
    library = tmp_path / "probe.so"
    source = Path(__file__).with_name("syscall_probe.c")
    subprocess.run(["cc", "-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o", library, source], check=True)
    child = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=os.environ | {"LD_PRELOAD": str(library)}, capture_output=True, text=True
    )
    assert child.returncode == 0 and child.stderr == "", child.stderr
    assert child.stdout.split() == [str(2 * FRAMES), "0", "0", "0"]
