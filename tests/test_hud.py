"""The overlay: its letters are read off the screen, and what they say is compared with what they should."""

import ctypes
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import camkit
from camkit.gl_core import Viewer, font
from camkit.gl_core.keys import help_lines
from tests.xscreen import Screen, own_screen, pictures_without_python

WINDOW = (400, 300)
INKS = ((255, 255, 255), (255, 192, 48))
GLYPHS = {tuple(font.rows(chr(code))): chr(code) for code in range(32, 127)}


@pytest.fixture(scope="module")
def screen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Screen]:
    with own_screen(tmp_path_factory.mktemp("screen")) as made:
        yield made


def read(seen: np.ndarray, x: int, y: int, scale: int = 1) -> str:
    """Read the line of the overlay whose upper left corner is given; what is no letter ends it."""
    inked = np.any([(seen == ink).all(axis=2) for ink in INKS], axis=0)
    text = ""
    wide, high = font.CELL[0] * scale, font.CELL[1] * scale
    while x + wide <= seen.shape[1]:
        cell = inked[y : y + high, x : x + wide]
        dots = cell[::scale, ::scale]
        if not (cell == dots.repeat(scale, 0).repeat(scale, 1)).all():
            break
        glyph = GLYPHS.get(tuple(int(sum(1 << i for i, dot in enumerate(row) if dot)) for row in dots))
        if glyph is None:
            break
        text += glyph
        x += wide
    return text.rstrip()


def lines(seen: np.ndarray, scale: int = 1, x: int = 4, y: int = 4) -> list[str]:
    """Read the lines from the upper left corner on."""
    found = []
    while text := read(seen, x * scale, (y + 10 * len(found)) * scale, scale):
        found.append(text)
    return found


def bottom(seen: np.ndarray) -> str:
    return read(seen, 4, WINDOW[1] - 14)


def until(screen: Screen, found: Callable[[np.ndarray], object], viewer: Viewer | None = None) -> np.ndarray:
    return screen.until(found, viewer)


def test_every_letter_is_read_off_the_screen(screen: Screen) -> None:
    everything = "".join(map(chr, range(33, 127)))
    picture = np.full((48, 64, 3), 255, np.uint8)  # white, the worst that can be behind
    with Viewer(size=(640, 100), vsync=False, hud=True, name="Left 7") as viewer:
        viewer.tell(everything)
        viewer._feed([picture], "RGB24", (64, 48), [192])
        seen = screen.until(lambda s: lines(s)[:2] == [everything, "Left 7"], viewer)
        told = screen.until(lambda s: len(lines(s)) > 3, viewer)
        assert re.fullmatch(r"(\.\.\.|\d+\.\d) fps, no pipeline", lines(told)[2])
        assert lines(seen)[3] == "RGB24 64x48 #0"
        assert (viewer.readback() == 255).all(), "the overlay is in the picture"


@pytest.mark.parametrize("name", ["YUYV", "NV21", "SGRBG8", "Y16", "BGR24"])
def test_the_inspector_tells_position_and_source_codes(screen: Screen, name: str) -> None:
    from camkit.gl_core._inspect import codes

    pool = camkit.FramePool(1, format=name, size=(40, 30))
    frame = pool.acquire()
    for plane in frame.planes:
        plane[...] = np.random.default_rng(3).integers(0, np.iinfo(plane.dtype).max, plane.shape)
    with Viewer(size=WINDOW, vsync=False, inspector=True) as viewer:
        screen.hands("mousemove", 0, 0)
        viewer.show(frame)
        for x, y in ((5, 5), (205, 147), (399, 299)):
            screen.hands("mousemove", x, y)
            column, row = x // 10, y // 10
            told = " ".join(f"{letter} {code}" for letter, code in codes(frame, column, row).items())
            screen.until(lambda s, c=column, r=row, t=told: bottom(s) == f"{c},{r}  {t}", viewer)


def test_a_frozen_picture_counts_on_and_is_inspected(screen: Screen) -> None:
    camera = camkit.open("synthetic", format="GREY", size=(80, 60), fps=100)
    with (
        camera,
        Viewer(size=WINDOW, vsync=False, controls=True, hud=True, inspector=True) as viewer,
        camkit.Pipeline(camera, viewer, policy="latest") as pipeline,
    ):
        pipeline.start()

        def pumped(found: Callable[[np.ndarray], object]) -> np.ndarray:
            end = time.monotonic() + 100
            while not found(seen := screen.pixels()):
                assert time.monotonic() < end, lines(seen)
                assert not pipeline.wait(0.02)
            return seen

        pumped(lambda s: len(lines(s)) >= 4 and "fps, dropped" in lines(s)[1])
        screen.hands("mousemove", 240, 150, "key", "space")
        said = re.compile(r"FROZEN, (\d+) frames since")

        def frozen(seen: np.ndarray) -> int:
            # Below the lines and the graph.
            found = said.fullmatch(read(seen, 4, 4 + 40 + 30))
            return int(found[1]) if found else 0

        first = pumped(frozen)
        second = pumped(lambda s: frozen(s) > frozen(first) + 20)
        assert (first[100:280, :400] == second[100:280, :400]).all()
        shown = lines(first)[2]
        assert shown == lines(second)[2]
        picture = viewer.readback()
        told = re.fullmatch(r"48,30  Y (\d+)", bottom(second))
        assert told, bottom(second)
        assert int(told[1]) == picture[30, 48, 0]
        green = (second[44:74, 4:132] == (96, 224, 96)).all(axis=2)
        assert green.any(axis=0).sum() >= 20  # the graph has a bar a frame
        assert green[-1].sum() == green.any(axis=0).sum()  # and all stand on its ground
        pipeline.stop()
    frames = pipeline.stats().frames
    assert frames.captured == frames.delivered + frames.dropped.total
    assert frames.displayed < frames.delivered


def test_h_shows_the_keys(screen: Screen) -> None:
    with Viewer(size=WINDOW, vsync=False, controls=True) as viewer:
        viewer._feed([np.zeros((30, 40, 3), np.uint8)], "RGB24", (40, 30), [120])
        screen.until(lambda s: (s[:300, :400] == 0).all(), viewer)
        screen.hands("mousemove", 300, 200, "key", "h")
        told = help_lines()
        x = (WINDOW[0] - 6 * max(map(len, told))) // 2
        y = (WINDOW[1] - 10 * len(told)) // 2

        def listed(seen: np.ndarray) -> bool:
            return [read(seen, x, y + 10 * i) for i in range(len(told))] == told

        screen.until(listed, viewer)
        screen.hands("key", "h")
        screen.until(lambda s: (s[:300, :400] == 0).all(), viewer)


def test_the_overlay_is_drawn_while_python_is_held(screen: Screen) -> None:
    assert pictures_without_python(Viewer(size=(128, 96), vsync=False, hud=True, inspector=True), 50) > 50


def set_dpi(screen: Screen, dpi: int) -> None:
    """Set the resource of the X server that says how large letters are to be."""
    x = ctypes.CDLL("libX11.so.6")
    x.XOpenDisplay.restype = ctypes.c_void_p
    display = ctypes.c_void_p(x.XOpenDisplay(screen.display.encode()))
    x.XDefaultRootWindow.restype = ctypes.c_ulong
    root = ctypes.c_ulong(x.XDefaultRootWindow(display))
    text = f"Xft.dpi:\t{dpi}\n".encode()
    resource_manager, string = 23, 31
    x.XChangeProperty(display, root, ctypes.c_ulong(resource_manager), ctypes.c_ulong(string), 8, 0, text, len(text))
    x.XSync(display, 0)
    x.XCloseDisplay(display)


def test_the_command_has_large_letters_on_a_dense_screen(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "camkit", "view", "synthetic", "--size", "64x48", "--window", "400x300"]
    dense = Screen(tmp_path)  # the command's alone: this process stays on the other one
    process = None
    try:
        set_dpi(dense, 192)
        process = subprocess.Popen(command, env=os.environ | {"DISPLAY": dense.display}, stdout=subprocess.DEVNULL)
        seen = dense.until(lambda s: "64x48" in "".join(lines(s, 2)))
        assert lines(seen, 2)[0] == "Synthetic camera"
        dense.hands("mousemove", 100, 100, "key", "Escape")
        assert process.wait(200) == 0
    finally:
        if process is not None:
            process.kill()
            process.wait()
        dense.close()
