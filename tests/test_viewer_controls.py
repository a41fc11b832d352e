"""Hands at a viewer's window: what wheel, mouse and keys make of the picture on the screen."""

import gc
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from camkit.gl_core import Viewer
from camkit.gl_core.keys import KEYS, by_key, help_lines
from tests.test_hud import read
from tests.xscreen import Screen, own_screen

TOP = Path(__file__).resolve().parent.parent
WINDOW = (320, 240)


@pytest.fixture(scope="module")
def screen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Screen]:
    with own_screen(tmp_path_factory.mktemp("screen")) as made:
        yield made


@pytest.fixture
def viewer(screen: Screen, tmp_path: Path) -> Iterator[Viewer]:
    screen.hands("mousemove", 630, 470)
    with Viewer("left", WINDOW, vsync=False, controls=True, name="left camera", snapshots=tmp_path) as made:
        yield made


def noise(width: int = 32, height: int = 24, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(1, 256, (height, width, 3)).astype(np.uint8)


def feed(viewer: Viewer, picture: np.ndarray) -> None:
    height, width = picture.shape[:2]
    viewer._feed([np.ascontiguousarray(picture)], "RGB24", (width, height), [3 * width])


def read_png(path: Path) -> np.ndarray:
    with Image.open(path) as file:
        return np.array(file)


def enlarged(picture: np.ndarray, scale: int, left: int = 0, top: int = 0) -> np.ndarray:
    """What a window shows of a picture at so many screen pixels a pixel, from one of its pixels on."""
    large = picture[top:, left:].repeat(scale, 0).repeat(scale, 1)
    return large[: WINDOW[1], : WINDOW[0]]


def shows(expected: np.ndarray) -> Callable[[np.ndarray], bool]:
    return lambda seen: bool((seen[: WINDOW[1], : WINDOW[0]] == expected).all())


def until(viewer: Viewer, found: Callable[[], object]) -> None:
    end = time.monotonic() + 100
    while not found():
        assert time.monotonic() < end
        viewer.pump()
        time.sleep(0.005)


def test_the_wheel_zooms_about_the_cursor_with_crisp_pixels(screen: Screen, viewer: Viewer) -> None:
    picture = noise()
    feed(viewer, picture)
    screen.until(shows(enlarged(picture, 10)), viewer)
    # 1.25 ** 6 times 10 is no whole number, so the pixels' borders are looked for where the arithmetic puts them.
    screen.hands("mousemove", 85, 105, "click", "--repeat", 6, "--delay", 20, 4)
    until(viewer, lambda: viewer.view.zoom > 3.8)
    scale = 10 * 1.25**6
    left, top = 8.5 - 85 / scale, 10.5 - 105 / scale  # what was under the cursor still is
    ys, xs = np.mgrid[0 : WINDOW[1], 0 : WINDOW[0]] + 0.5
    exact = np.stack([ys / scale + top, xs / scale + left])
    clear = (np.abs(exact - np.round(exact)) > 1.01 / scale).all(axis=0)  # not beside a border
    rows, columns = np.floor(exact).astype(int)
    expected = picture[np.clip(rows, 0, 23), np.clip(columns, 0, 31)]
    assert clear.mean() > 0.8
    screen.until(lambda s: (s[: WINDOW[1], : WINDOW[0]] == expected)[clear].all(), viewer)


def test_a_drag_pans_and_a_double_click_shows_all_again(screen: Screen, viewer: Viewer) -> None:
    picture = noise()
    feed(viewer, picture)
    screen.until(shows(enlarged(picture, 10)), viewer)
    viewer.zoom_at(4, (0, 0))
    screen.until(shows(enlarged(picture, 40)), viewer)
    screen.hands("mousemove", 200, 150, "mousedown", 1, "mousemove", 160, 100, "mousemove", 120, 70, "mouseup", 1)
    screen.until(shows(enlarged(picture, 40, 2, 2)), viewer)
    screen.hands("mousemove", 10, 10)  # the button is up
    until(viewer, lambda: not viewer._board.do(0, 10, 10) or True)
    screen.until(shows(enlarged(picture, 40, 2, 2)), viewer)

    def reset(seen: np.ndarray) -> bool:
        if viewer.view.zoom != 1:  # again and again: a busy machine may take its time between the two clicks
            screen.hands("click", "--repeat", 2, "--delay", 20, 1)
            for _ in range(50):
                viewer.pump()
                time.sleep(0.01)
        return shows(enlarged(picture, 10))(seen)

    screen.until(reset, viewer)


def test_keys_zoom_pan_and_reset(screen: Screen, viewer: Viewer) -> None:
    picture = noise()
    feed(viewer, picture)
    screen.until(shows(enlarged(picture, 10)), viewer)
    screen.hands("key", "plus")
    until(viewer, lambda: viewer.view.zoom == 1.25)
    screen.hands("key", "minus")
    until(viewer, lambda: viewer.view.zoom == 1)
    viewer.zoom_at(2, (0, 0))
    screen.until(shows(enlarged(picture, 20)), viewer)
    screen.hands("key", "Right", "key", "Down", "key", "Down")  # a tenth of the window each: 32, 24, 24 pixels
    until(viewer, lambda: viewer.view.y * 24 == pytest.approx(6 + 2 * 24 / 20))
    assert viewer.view.x * 32 == pytest.approx(8 + 32 / 20)
    screen.hands("key", "0")
    screen.until(shows(enlarged(picture, 10)), viewer)


def test_a_frozen_picture_stays_while_frames_are_counted(screen: Screen, viewer: Viewer) -> None:
    first, second = noise(seed=1), noise(seed=2)
    feed(viewer, first)
    screen.until(shows(enlarged(first, 10)), viewer)
    screen.hands("key", "space")
    until(viewer, lambda: viewer.frozen)
    for _ in range(5):
        feed(viewer, second)
    assert (viewer.readback() == first).all()
    # In the corner stands that it is frozen.
    assert (screen.pixels()[40:240, :320] == enlarged(first, 10)[40:]).all()
    assert viewer.passed == 5
    viewer.zoom_at(2, (0, 0))  # what stays may still be looked at
    screen.until(lambda s: (s[40:240, :320] == enlarged(first, 20)[40:]).all(), viewer)
    viewer.freeze(False)
    feed(viewer, second)
    screen.until(shows(enlarged(second, 20)), viewer)
    assert not viewer.frozen


def test_a_snapshot_is_the_picture_itself(screen: Screen, viewer: Viewer, tmp_path: Path) -> None:
    picture = noise(64, 48)
    feed(viewer, picture)
    viewer.zoom_at(2, (5, 5))
    for _ in range(2):
        screen.hands("key", "s")
        until(viewer, lambda: sum(not t.is_alive() for t in viewer._album._threads))
        viewer._album.close()
    for name in ("left-camera-000000.png", "left-camera-000000-2.png"):
        assert (read_png(tmp_path / name) == picture).all()


def test_full_screen_and_back(screen: Screen, viewer: Viewer) -> None:
    picture = np.full((48, 64, 3), (10, 200, 30), np.uint8)
    feed(viewer, picture)
    green = lambda s: int((s == (10, 200, 30)).all(axis=2).sum())  # noqa: E731
    screen.until(lambda s: green(s) == 320 * 240, viewer)
    screen.hands("key", "f")
    screen.until(lambda s: green(s) == 640 * 480, viewer)
    screen.hands("key", "f")
    screen.until(lambda s: green(s) == 320 * 240, viewer)


def test_a_plain_viewer_has_no_hands(screen: Screen) -> None:
    picture = noise()
    with Viewer(size=WINDOW, vsync=False) as viewer:
        feed(viewer, picture)
        before = screen.until(lambda s: s[: WINDOW[1], : WINDOW[0]].all(), viewer)
        screen.hands("mousemove", 20, 20, "click", 4, "key", "q", "key", "space")
        for _ in range(20):
            assert viewer.pump()
            time.sleep(0.005)
        feed(viewer, picture)
        assert (screen.pixels() == before).all()
        with pytest.raises(ValueError, match="made without controls=True"):
            viewer.freeze()


def test_every_key_is_told_of() -> None:
    keys = by_key()
    assert len(keys) == sum(len(row.keys) for row in KEYS), "a key has two meanings"
    told = "\n".join(help_lines(cameras=3))
    for row in KEYS:
        assert not row.what or row.what in told
    assert "1-3" in told
    assert "camera alone" not in "\n".join(help_lines())


def test_the_command_shows_a_camera_and_obeys(screen: Screen, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "camkit", "view", "synthetic", "--size", "64x48", "--window", "320x240",
               "--snapshots", str(tmp_path)]  # fmt: skip
    with subprocess.Popen(command, cwd=TOP, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        # The third of the eight bars is cyan.
        cyan = screen.until(lambda s: np.abs(s[120, 100].astype(int) - (0, 191, 191)).max() < 6)
        assert np.abs(cyan[120, 20].astype(int) - (191, 191, 191)).max() < 6
        screen.hands("mousemove", 100, 120, "click", "--repeat", 12, "--delay", 20, 4)
        screen.until(lambda s: np.abs(s[120:200, 40:280].astype(int) - (0, 191, 191)).max() < 6)
        screen.hands("key", "s")
        end = time.monotonic() + 100
        while not (found := list(tmp_path.glob("Synthetic-camera-*.png"))):
            assert time.monotonic() < end
            time.sleep(0.02)
        screen.hands("key", "space")
        below_the_graph = 4 + 40 + 30
        screen.until(lambda s: re.match(r"FROZEN, [1-9]\d* frames", read(s, 4, below_the_graph)))
        screen.hands("key", "q")
        out, err = process.communicate(timeout=200)
    assert process.returncode == 0, out + err
    assert "frames" in out
    assert re.search(r"\d delivered frame\(s\) not drawn: the picture was frozen", out)
    assert read_png(found[0]).shape == (48, 64, 3)


@pytest.mark.parametrize("display", ["headless", "none"])
def test_the_command_has_nothing_to_show_without_a_window(display: str) -> None:
    command = [sys.executable, "-m", "camkit", "view", "synthetic", "--display", display]
    done = subprocess.run(command, cwd=TOP, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 2
    assert done.stderr == (
        f"camkit: there is nothing to see with --display {display}: 'camkit run' streams without a window\n"
    )


def test_the_commands_help_lists_the_keys(capsys: pytest.CaptureFixture[str]) -> None:
    from camkit.cli import main

    assert main(["view", "--help"]) == 0
    told = capsys.readouterr().out
    assert all(line in told for line in help_lines(cameras=9))


def test_a_viewer_that_is_dropped_goes_with_its_window(screen: Screen) -> None:
    viewer = Viewer(size=(64, 48), controls=True)
    window = viewer._window
    assert window.window is not None
    del viewer
    gc.collect()
    assert window.window is None
