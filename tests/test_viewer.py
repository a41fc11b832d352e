"""Viewer: a real window on a screen of its own (Xvfb), looked at through the screen's memory."""

import ctypes
import gc
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import camkit
from camkit.errors import GLError
from camkit.gl_core import Viewer
from tests.xscreen import Screen, own_screen, pictures_without_python

TOP = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def screen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Screen]:
    with own_screen(tmp_path_factory.mktemp("screen")) as made:
        yield made


def feed(viewer: Viewer, picture: np.ndarray) -> None:
    height, width = picture.shape[:2]
    viewer._feed([np.ascontiguousarray(picture)], "RGB24", (width, height), [3 * width])


def plain(colour: tuple[int, int, int], size: tuple[int, int] = (64, 48)) -> np.ndarray:
    return np.full((size[1], size[0], 3), colour, np.uint8)


def box(seen: np.ndarray, colour: tuple[int, int, int]) -> tuple[int, int]:
    """Width and height of the pixels of a colour."""
    ys, xs = np.nonzero((seen == colour).all(axis=2))
    return (int(np.ptp(xs)) + 1, int(np.ptp(ys)) + 1) if len(xs) else (0, 0)


def test_the_window_shows_the_picture_upright(screen: Screen) -> None:
    picture = plain((200, 40, 10))
    picture[:24] = (10, 60, 220)
    with Viewer(size=(320, 240), vsync=False) as viewer:
        feed(viewer, picture)
        seen = screen.until(lambda s: box(s, (200, 40, 10))[0] == 320, viewer)
        blue, red = (np.nonzero((seen == colour).all(axis=2))[0] for colour in ((10, 60, 220), (200, 40, 10)))
        assert blue.mean() < red.mean()
        assert (viewer.readback() == picture).all()
        assert viewer.description["headless"] is False
        assert viewer.stats().displayed == 1
        assert viewer.pump()
    screen.until(lambda s: box(s, (200, 40, 10)) == (0, 0))


def test_the_shape_is_kept_with_bars(screen: Screen) -> None:
    with Viewer(size=(320, 240), vsync=False) as viewer:
        feed(viewer, plain((0, 255, 0), (40, 10)))
        screen.until(lambda s: box(s, (0, 255, 0)) == (320, 80), viewer)
        feed(viewer, plain((0, 255, 0), (10, 40)))
        screen.until(lambda s: box(s, (0, 255, 0)) == (60, 240), viewer)


def test_a_resized_window_is_filled(screen: Screen) -> None:
    import glfw

    with Viewer(size=(160, 120), vsync=False) as viewer:
        feed(viewer, plain((250, 250, 0)))
        screen.until(lambda s: box(s, (250, 250, 0)) == (160, 120), viewer)
        glfw.set_window_size(viewer._window.window, 400, 300)

        def filled(seen: np.ndarray) -> bool:
            feed(viewer, plain((250, 250, 0)))  # again and again: the server may take its time to tell of the size
            return box(seen, (250, 250, 0)) == (400, 300)

        screen.until(filled, viewer)


class Key(ctypes.Structure):
    """XKeyEvent of the X library."""

    _fields_ = [
        ("type", ctypes.c_int), ("serial", ctypes.c_ulong), ("send_event", ctypes.c_int), ("display", ctypes.c_void_p),
        ("window", ctypes.c_ulong), ("root", ctypes.c_ulong), ("subwindow", ctypes.c_ulong), ("time", ctypes.c_ulong),
        ("x", ctypes.c_int), ("y", ctypes.c_int), ("x_root", ctypes.c_int), ("y_root", ctypes.c_int),
        ("state", ctypes.c_uint), ("keycode", ctypes.c_uint), ("same_screen", ctypes.c_int),
        ("padding", ctypes.c_char * 128),
    ]  # fmt: skip


def press_escape(screen: Screen, window: int) -> None:
    x = ctypes.CDLL("libX11.so.6")
    x.XOpenDisplay.restype = ctypes.c_void_p
    display = ctypes.c_void_p(x.XOpenDisplay(screen.display.encode()))
    keycode = x.XKeysymToKeycode(display, ctypes.c_ulong(0xFF1B))
    for kind in (2, 3):  # pressed, released
        event = Key(type=kind, window=window, keycode=keycode, same_screen=1, time=1)
        x.XSendEvent(display, ctypes.c_ulong(window), 1, ctypes.c_long(kind - 1), ctypes.byref(event))
    x.XSync(display, 0)
    x.XCloseDisplay(display)


def wait_for_end(viewer: Viewer) -> None:
    end = time.monotonic() + 100
    while viewer.pump():
        assert time.monotonic() < end, "the window does not notice"
        time.sleep(0.01)


def test_escape_ends(screen: Screen) -> None:
    import glfw

    with Viewer(size=(64, 48), vsync=False) as viewer:
        feed(viewer, plain((1, 2, 3)))
        assert viewer.pump()
        press_escape(screen, glfw.get_x11_window(viewer._window.window))
        wait_for_end(viewer)


def test_the_button_of_the_window_ends(screen: Screen) -> None:
    import glfw

    with Viewer(size=(64, 48), vsync=False) as viewer:
        assert viewer.pump()
        glfw.set_window_should_close(viewer._window.window, True)
        wait_for_end(viewer)
    assert not viewer.pump()
    with pytest.raises(GLError, match="its window was closed; make a new Viewer"):
        feed(viewer, plain((1, 2, 3)))
    viewer.close()


def test_frames_are_drawn_in_another_thread_again_and_again(screen: Screen) -> None:
    failed: list[BaseException] = []
    with Viewer(size=(320, 240), vsync=False) as viewer:

        def run(colour: tuple[int, int, int]) -> None:
            try:
                viewer.start()
                for _ in range(20):
                    feed(viewer, plain(colour))
                viewer.stop()
            except BaseException as error:
                failed.append(error)

        for colour in ((255, 0, 128), (0, 128, 255)):
            thread = threading.Thread(target=run, args=(colour,))
            thread.start()
            while thread.is_alive():
                viewer.pump()
                thread.join(0.005)
            assert not failed
            screen.until(lambda s, c=colour: box(s, c) == (320, 240), viewer)
            assert (viewer.readback() == colour).all()
            assert viewer.stats().displayed == 20


def test_escape_ends_a_pipeline_that_still_gets_frames(screen: Screen) -> None:
    import glfw

    with camkit.open("synthetic", format="YUYV", size=(64, 48), fps=50) as camera, Viewer(size=(128, 96)) as viewer:
        window = glfw.get_x11_window(viewer._window.window)
        pipeline = camkit.Pipeline(camera, viewer, policy="latest")
        pipeline.start()
        while viewer.stats().displayed < 3:
            assert not pipeline.wait(0.01)
        press_escape(screen, window)
        assert pipeline.wait(200)
        frames = pipeline.stats().frames
    assert frames.captured == frames.delivered + frames.dropped.total


def test_pictures_are_shown_while_python_is_held(screen: Screen) -> None:
    # One that needed Python would show those at most that were under way.
    assert pictures_without_python(Viewer(size=(64, 48), vsync=False), 10) > 10


def test_a_resized_window_is_drawn_anew_without_a_new_frame(screen: Screen) -> None:
    import glfw

    resize, shown = threading.Event(), []

    def whiten(frame: camkit.Frame) -> camkit.Frame:
        # The second frame waits until the first was seen to fill the window in its new size.
        if frame.sequence == 1:
            screen.until(lambda s: box(s, (255, 255, 255)) == (160, 120))
            resize.set()
            screen.until(lambda s: box(s, (255, 255, 255)) == (320, 240))
            shown.append(True)
        white = frame.copy()
        white.array[:] = 255
        return white

    camera = camkit.open("synthetic", format="GREY", size=(64, 48), frames=2)
    with camera, Viewer(size=(160, 120), vsync=False) as viewer:
        pipeline = camkit.Pipeline(camera, whiten, viewer)
        pipeline.start()
        while not pipeline.wait(0.01):
            if resize.is_set():
                resize.clear()
                glfw.set_window_size(viewer._window.window, 320, 240)
        assert shown == [True]


def test_vsync_can_be_asked_for(screen: Screen) -> None:
    with Viewer(size=(64, 48), vsync=True) as viewer:
        feed(viewer, plain((9, 9, 9)))
        assert viewer.stats().displayed == 1


@pytest.mark.parametrize("size", [(0, 10), (10, 100000)])
def test_an_impossible_window_is_refused(screen: Screen, size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="size is"):
        Viewer(size=size)


@pytest.mark.parametrize("size", [5, (1,), "ab", (1.5, 2), (64, 48, 1)])
def test_what_is_no_size_is_told(screen: Screen, size: object) -> None:
    with pytest.raises(TypeError, match=r"size is .*, not \(width, height\) in whole numbers"):
        Viewer(size=size)  # type: ignore[arg-type]


def test_a_folder_that_is_none_leaves_no_half_made_window(screen: Screen) -> None:
    with pytest.raises(TypeError, match="not int"):
        Viewer(snapshots=5)  # type: ignore[arg-type]
    gc.collect()


def run_python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    return subprocess.run(
        [sys.executable, "-c", code], env=clean | environment, cwd=TOP, capture_output=True, text=True, timeout=200,
        check=False,
    )  # fmt: skip


OPEN = "from camkit.gl_core import Viewer\ntry: Viewer()\nexcept Exception as error: print(type(error).__name__, error)"


def test_without_a_screen_the_way_out_is_named() -> None:
    for environment in ({}, {"DISPLAY": ":77777"}):
        done = run_python(OPEN, **environment)
        assert done.stdout.startswith("GLError cannot open a window: X11: "), done.stdout + done.stderr
        assert 'display="headless"' in done.stdout
        assert not done.stderr


def test_a_window_left_open_ends_with_the_program(screen: Screen) -> None:
    code = (
        "import numpy as np\nfrom camkit.gl_core import Viewer\nviewer = Viewer(size=(64, 48))\n"
        "viewer._feed([np.zeros((4, 4), np.uint8)], 'GREY', (4, 4), [4])\nkeep = [viewer]\nprint(viewer.pump())"
    )
    done = run_python(code, DISPLAY=screen.display)
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\n", "")


def test_glfw_that_somebody_else_ends_takes_the_window_along_quietly(screen: Screen) -> None:
    code = "import glfw\nfrom camkit.gl_core import Viewer\nviewer = Viewer(size=(64, 48))\nglfw.terminate()"
    done = run_python(code, DISPLAY=screen.display)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_sources_of_the_screen_s_time_say_why_they_cannot_help(screen: Screen) -> None:
    with Viewer(size=(64, 48), vsync=True) as viewer:
        feed(viewer, plain((9, 9, 9)))
        words = viewer.explain()
        pacing = viewer.pacing
        assert pacing is not None
        assert pacing["refresh_us"] is None, "Xvfb refreshes at no rate"
    assert "display clock 'wp_presentation': refused: the window is not one of Wayland" in words
    assert "display clock 'sync_control': refused: cannot ask for vblanks by EGL_CHROMIUM_sync_control" in words
    assert "display clock 'drm': " in words
    assert "display clock 'swap': refused: cannot learn the screen's beat from its swaps" in words
    assert "each frame is drawn when it comes" in words
    document = (TOP / "docs" / "json.md").read_text()
    assert {f"pacing.{name}" for name in pacing} == set(re.findall(r"^\| `(pacing\.\w+)`", document, re.MULTILINE))


def test_a_window_is_closed_where_it_was_opened(screen: Screen) -> None:
    viewer, refused = Viewer("own", (64, 48)), []

    def close() -> None:
        with pytest.raises(GLError, match="cannot close a window in another thread than the one that opened it"):
            viewer.close()
        refused.append(viewer.name)

    thread = threading.Thread(target=close)
    thread.start()
    thread.join()
    assert refused and screen.hands("search", "--name", "^own$")
    viewer.close()
    viewer.close()
    with pytest.raises(subprocess.CalledProcessError):
        screen.hands("search", "--name", "^own$")


def test_a_forked_child_leaves_its_parent_s_window_alone(screen: Screen) -> None:
    with Viewer("kept", (64, 48)) as viewer:
        child = os.fork()
        if not child:
            viewer.close()
            os._exit(not viewer.pump())
        assert os.waitpid(child, 0)[1] == 256, "the child's viewer is closed"
        assert screen.hands("search", "--name", "^kept$") and viewer.pump()
