"""A screen whose compositor draws everything twice as large: the pixel under the cursor is the one that is told."""

import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.test_hud import read
from tests.test_wayland import TOP, Compositor
from tests.xscreen import Screen

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Wayland is Linux's")

CHILD = """
import sys, time
import numpy
import camkit
with camkit.Viewer("scaled", (128, 96), controls=True, inspector=True, vsync=False) as viewer:
    assert viewer._window.wayland, "this is no window of Wayland"
    pool = camkit.FramePool(4, format="RGB24", size=(16, 12))
    while True:
        with pool.acquire() as frame:
            rows, columns = numpy.mgrid[:12, :16]
            frame.array[:] = numpy.stack([columns * 10, rows * 10, columns * 0 + 7], axis=-1)
            frame.array[0, 0] = 255, 0, 255  # by which the window is found
            viewer.show(frame)
        viewer.pump()
        time.sleep(0.02)
"""


def told(seen: np.ndarray) -> tuple[int, int, list[int]] | None:
    """Return where the window's picture begins and what the inspector says there."""
    y, x = np.nonzero((seen == (255, 0, 255)).all(axis=2))
    if not len(y):
        return None
    left, top = int(x.min()), int(y.min())
    text = read(seen[top : top + 192, left : left + 256], 8, 192 - 28, 2)
    return left, top, [int(number) for number in re.findall(r"\d+", text)]


def until(
    child: subprocess.Popen[bytes], screen: Screen, found: Callable[[tuple[int, int, list[int]]], object]
) -> object:
    end = time.monotonic() + 100
    while (seen := told(screen.pixels())) is None or not found(seen):
        assert child.poll() is None and time.monotonic() < end, seen
        time.sleep(0.05)
    return seen


def test_the_pixel_under_the_cursor(tmp_path: Path) -> None:
    compositor = Compositor(tmp_path, "--scale=2")
    try:
        clean = {name: value for name, value in compositor.environment.items() if name != "DISPLAY"}
        environment = clean | {"WAYLAND_DISPLAY": compositor.socket.name, "PYGLFW_LIBRARY_VARIANT": "wayland"}
        child = subprocess.Popen([sys.executable, "-c", CHILD], env=environment, cwd=TOP)
        try:
            compositor.screen.hands("mousemove", 5, 5)
            left, top, _ = until(child, compositor.screen, lambda seen: True)
            for x, y in ((6, 1), (15, 3), (2, 8)):
                compositor.screen.hands("mousemove", left + 16 * x + 8, top + 16 * y + 8)
                until(child, compositor.screen, lambda s, x=x, y=y: s[2] == [x, y, 10 * x, 10 * y, 7])
        finally:
            child.terminate()
            child.wait(200)
    finally:
        compositor.close()
