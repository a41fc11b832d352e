"""A screen of one's own (Xvfb): real windows on it, what they show, and hands that use them."""

import ctypes
import os
import shutil
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

import camkit
from camkit.gl_core import Viewer

SCREEN = (640, 480)


class Screen:
    """An X server without hardware; its pixels lie in a file."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("Xvfb")
        assert program is not None, "the window tests need Xvfb: apt install xvfb"
        read, write = os.pipe()
        geometry = f"{SCREEN[0]}x{SCREEN[1]}x24"
        command = [
            program,
            "-displayfd",
            str(write),
            "-screen",
            "0",
            geometry,
            "-nolisten",
            "tcp",
            "-noreset",  # what was set of the screen stays when nobody looks at it
            "-fbdir",
            str(folder),
        ]
        self.server = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
        os.close(write)
        with os.fdopen(read) as pipe:
            number = pipe.readline().strip()
        assert number, "Xvfb did not start"
        self.display = f":{number}"
        self.file = folder / "Xvfb_screen0"

    def hands(self, *words: object) -> str:
        """Do something with mouse and keys, as xdotool's arguments say it; return what it says."""
        program = shutil.which("xdotool")
        assert program is not None, "the window tests need xdotool: apt install xdotool"
        done = subprocess.run(
            [program, *map(str, words)], env=os.environ | {"DISPLAY": self.display}, capture_output=True, text=True,
            timeout=200, check=True,
        )  # fmt: skip
        return done.stdout.strip()

    def close(self) -> None:
        self.server.terminate()
        self.server.wait(200)

    def pixels(self) -> np.ndarray:
        """(H, W, 3) uint8, R'G'B': what the screen shows now."""
        data = self.file.read_bytes()
        # XWD: a header of big-endian words; bytes of a row in word 12, entries of the colour map, 12 bytes each, in 19.
        words = struct.unpack(">25I", data[:100])
        header, width, height, stride, colours = words[0], words[4], words[5], words[12], words[19]
        rows = np.frombuffer(data, np.uint8, stride * height, header + 12 * colours).reshape(height, stride)
        return rows[:, : 4 * width].reshape(height, width, 4)[:, :, 2::-1]

    def until(self, found: Callable[[np.ndarray], object], viewer: Viewer | None = None) -> np.ndarray:
        """Wait until the screen shows what is looked for."""
        end = time.monotonic() + 100
        while True:
            seen = self.pixels()
            if found(seen):
                return seen
            assert time.monotonic() < end, f"not on the screen; colours: {np.unique(seen.reshape(-1, 3), axis=0)[:8]}"
            if viewer is not None:
                viewer.pump()
            time.sleep(0.02)


@contextmanager
def lone_screen(folder: Path) -> Iterator[Screen]:
    """Have a screen for others: this process does not open its windows there."""
    made = Screen(folder)
    try:
        yield made
    finally:
        made.close()


@contextmanager
def own_screen(folder: Path) -> Iterator[Screen]:
    """Make it the one that windows of this process open on; for a whole module, since glfw keeps to one."""
    made = Screen(folder)
    before = {name: os.environ.pop(name, None) for name in ("DISPLAY", "WAYLAND_DISPLAY")}
    os.environ["DISPLAY"] = made.display
    try:
        yield made
    finally:
        import glfw

        glfw.terminate()
        os.environ.pop("DISPLAY")
        os.environ.update({name: value for name, value in before.items() if value is not None})
        made.close()


def pictures_without_python(viewer: Viewer, wanted: int) -> int:
    """Count what a viewer shows while this thread keeps Python to itself, until that is more than `wanted`, or never.

    One moment is long enough for any machine: who needs Python draws nothing in any of them.
    """
    hold = ctypes.PyDLL(None).poll  # called without giving the GIL up
    with camkit.open("synthetic", format="YUYV", size=(64, 48), realtime=False) as camera, viewer:
        pipeline = camkit.Pipeline(camera, viewer, policy="block")
        pipeline.start()
        while viewer.stats().displayed < 100:
            assert not pipeline.wait(0.01)
        for seconds in (1, 5, 25, 100):
            before = viewer.stats().displayed
            hold(None, 0, 1000 * seconds)
            shown = viewer.stats().displayed - before
            if shown > wanted:
                break
        pipeline.stop()
    return shown
