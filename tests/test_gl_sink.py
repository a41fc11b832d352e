"""Offscreen as a sink: its size, its readers in other threads, errors of OpenGL, and its end."""

import ctypes
import threading
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import camkit
from camkit.errors import FormatNotSupported, GLError
from camkit.gl_core import Offscreen, _renderer
from camkit.gl_core._gl import Functions
from camkit.gl_core.context import Context
from camkit.gl_core.transfers import NAMES
from camkit.memory_manager import FramePool
from tests.probed import Probed


def test_a_size_of_its_own_fits_the_frame_in() -> None:
    with Offscreen(size=(80, 40)) as screen:
        screen._feed([np.full((20, 20), 200, np.uint8)], "GREY", (20, 20), [20])
        seen = screen.readback()
    assert seen.shape == (40, 80, 3)
    assert (seen[:, 20:60] == 200).all()
    assert (seen[:, :20] == 0).all() and (seen[:, 60:] == 0).all()


def test_the_top_row_stays_on_top_when_scaled() -> None:
    picture = np.repeat(np.arange(0, 200, 20, dtype=np.uint8)[:, None], 10, axis=1)
    with Offscreen(size=(20, 20)) as screen:
        screen._feed([picture], "GREY", (10, 10), [10])
        rows = screen.readback()[:, 10, 0].astype(int)
    assert rows[0] < 10 and rows[-1] > 170
    assert all(a <= b for a, b in pairwise(rows))


@pytest.mark.parametrize("size", [(0, 10), (10, -1), (70000, 10), (1.5, 2), (True, True), 7, "64x48"])
def test_an_impossible_size_is_refused(size: object) -> None:
    with pytest.raises((ValueError, TypeError), match=r"(width|height|size) is "):
        Offscreen(size=size)  # type: ignore[arg-type]


def test_a_size_that_the_gpu_cannot_draw_is_told() -> None:
    with pytest.raises(FormatNotSupported, match="cannot draw a picture of 60000x10"):
        Offscreen(size=(60000, 10)).start()


def test_the_last_picture_outlives_the_context(tmp_path: Path) -> None:
    screen = Offscreen()
    with pytest.raises(GLError, match="nothing was drawn yet"):
        screen.readback()
    screen._feed([np.full((4, 6, 3), (10, 20, 30), np.uint8)], "RGB24", (6, 4), [18])
    screen.close()
    assert (screen.readback() == (10, 20, 30)).all()
    screen.readback()[:] = 0
    assert (screen.readback() == (10, 20, 30)).all()
    screen.save(tmp_path / "p.png")
    with Image.open(tmp_path / "p.png") as image:
        assert image.size == (6, 4)
        assert image.getpixel((5, 3)) == (10, 20, 30)
    assert screen.transfer["path"] in ("client", "pbo")
    assert "RGB24 6x4" in screen.explain()
    screen._feed([np.full((4, 6), 50, np.uint8)], "GREY", (6, 4), [6])
    assert (screen.readback() == 50).all()
    assert screen.stats().displayed == 1
    screen.close()
    screen.close()


def in_thread(work) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_pictures_are_read_from_other_threads_while_frames_flow() -> None:
    screen = Offscreen()
    ready, stop = threading.Event(), threading.Event()

    def run() -> None:
        screen.start()
        grey = 0
        while not stop.is_set():
            grey = (grey + 1) % 256
            screen._feed([np.full((16, 16), grey, np.uint8)], "GREY", (16, 16), [16])
            ready.set()
        screen.stop()

    thread = in_thread(run)
    assert ready.wait(30)
    for _ in range(20):
        seen = screen.readback()
        assert seen.min() == seen.max()
    stop.set()
    thread.join()
    assert screen.readback().shape == (16, 16, 3)


def test_a_sink_in_use_is_not_taken_by_another_thread() -> None:
    screen = Offscreen()
    started, stop = threading.Event(), threading.Event()

    def run() -> None:
        screen.start()
        started.set()
        stop.wait(30)
        screen.stop()

    thread = in_thread(run)
    assert started.wait(30)
    with FramePool(1, format="GREY", size=(8, 8)) as pool, pool.acquire() as frame:
        for forbidden in (screen.start, screen.close, lambda: screen.show(frame)):
            with pytest.raises(GLError, match="use"):
                forbidden()
    with pytest.raises(GLError, match="did not answer for 0.05 s"):
        screen.readback(timeout=0.05)
    stop.set()
    thread.join()
    with pytest.raises(GLError, match="nothing was drawn yet"):
        screen.readback()
    screen.start()
    screen.close()


def test_a_waiting_reader_is_answered_when_the_sink_stops() -> None:
    screen = Offscreen()
    started, stop = threading.Event(), threading.Event()

    def run() -> None:
        screen._feed([np.full((16, 16), 99, np.uint8)], "GREY", (16, 16), [16])
        started.set()
        stop.wait(30)
        screen.stop()

    thread = in_thread(run)
    assert started.wait(30)
    timer = threading.Timer(0.2, stop.set)
    timer.start()
    assert (screen.readback(timeout=200) == 99).all()
    thread.join()
    timer.join()


def no_memory(*args: object, **kwargs: object) -> None:
    raise MemoryError("no memory for a picture")


def test_a_snapshot_that_fails_is_told_to_who_asked_and_harms_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    # The stage's frames are of a pool that counts what is released twice.
    pool, screen = FramePool(8, format="GREY", size=(64, 32)), Offscreen()

    def copied(frame: camkit.Frame) -> camkit.Frame:
        copy = pool.acquire(like=frame)
        copy.array[:] = frame.array
        return copy

    def more_frames() -> None:
        before = screen.stats().displayed
        while screen.stats().displayed < before + 5:
            assert not pipeline.wait(0.01)

    with camkit.open("synthetic", format="GREY", size=(64, 32), fps=200) as camera:
        pipeline = camkit.Pipeline(camera, copied, screen)
        pipeline.start()
        more_frames()
        for _ in range(3):
            with monkeypatch.context() as patch:
                patch.setattr(_renderer, "numpy", SimpleNamespace(empty=no_memory, uint8=np.uint8))
                with pytest.raises(GLError, match="of 'Offscreen' back: no memory for a picture") as caught:
                    screen.readback()
            assert isinstance(caught.value.__cause__, MemoryError)
            more_frames()
            assert screen.readback().shape == (32, 64, 3)
        pipeline.stop()
        frames = pipeline.stats().frames
    assert frames.displayed == frames.delivered > 15
    assert (pool.stats().misuses, pool.stats().in_use) == (0, 0)


def test_a_last_picture_that_cannot_be_kept_ends_the_use_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Offscreen()
    screen._feed([bytes(16)], "GREY", (4, 4), [4])
    with monkeypatch.context() as patch:
        patch.setattr(_renderer, "numpy", SimpleNamespace(empty=no_memory, uint8=np.uint8))
        screen.close()
    with pytest.raises(GLError, match="back: no memory for a picture"):
        screen.readback()
    screen._feed([bytes(16)], "GREY", (4, 4), [4])
    screen.close()
    assert (screen.readback() == 0).all()


def spoil(screen: Probed) -> None:
    """Make the driver note an error, as a drawing that fails does."""
    ctypes.CFUNCTYPE(None, ctypes.c_uint)(screen.probe.get_proc("glEnable"))(0xFFFF)


class Silent(Probed):
    """Has a driver without KHR_debug, which is not heard but only asked."""

    def _open_context(self) -> Context:
        context = super()._open_context()
        get_proc = context.get_proc
        context.functions = Functions(lambda name: 0 if name.startswith("glDebug") else get_proc(name))
        return context


def test_an_error_of_opengl_is_found_among_many_frames() -> None:
    screen = Silent()

    def feed() -> None:
        screen._feed([bytes(16)], "GREY", (4, 4), [4])

    feed()
    spoil(screen)
    for _ in range(63):
        feed()
    with pytest.raises(GLError, match="cannot draw frame 0: OpenGL said GL_INVALID_ENUM on"):
        feed()
    feed()
    screen.close()
    assert screen.stats().displayed == 65, "the frame that failed is not one of them"


def test_an_error_of_the_last_drawings_is_found_at_the_end() -> None:
    screen = Probed()
    screen._feed([bytes(16)], "GREY", (4, 4), [4])
    spoil(screen)
    with pytest.raises(GLError, match="OpenGL said GL_INVALID_ENUM"):
        screen.close()
    with pytest.raises(GLError, match="cannot read the picture of 'Probed' back: .*GL_INVALID_ENUM"):
        screen.readback()
    screen.close()


def test_expected_frames_are_prepared_for_at_the_start() -> None:
    screen = Offscreen()
    screen.expect("yuyv", (64, 32), 140)
    screen.start()
    assert screen.transfer["path"] in {*NAMES} - {"auto"}
    assert "YUYV 64x32" in screen.explain()
    screen.stop()
    for wrong in (dict(size=(63, 32)), dict(size=(0, 0)), dict(size=(64, 32), stride=100)):
        with pytest.raises(ValueError, match="YUYV"):
            screen.expect("YUYV", **wrong)
    screen.expect("MJPG", (64, 32))
    with pytest.raises(FormatNotSupported, match="MJPG cannot be drawn"):
        screen.start()
    screen.close()


def test_a_failed_start_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Offscreen()
    monkeypatch.setattr(screen, "_open_context", lambda: (_ for _ in ()).throw(GLError("no driver")), raising=False)
    for _ in range(2):
        with pytest.raises(GLError, match="no driver"):
            screen.start()
    monkeypatch.undo()
    screen.start()
    screen.close()


def test_two_sinks_of_one_thread_do_not_mix() -> None:
    with Offscreen() as first, Offscreen() as second:
        for grey in (10, 20, 30):
            first._feed([np.full((4, 4), grey, np.uint8)], "GREY", (4, 4), [4])
            second._feed([np.full((8, 8), grey + 100, np.uint8)], "GREY", (8, 8), [8])
            assert (first.readback() == grey).all()
            assert (second.readback() == grey + 100).all()


def test_a_sink_that_is_dropped_gives_its_context_up() -> None:
    contexts = []
    for _ in range(3):
        screen = Probed()
        screen._feed([bytes(16)], "GREY", (4, 4), [4])
        contexts.append(screen.probe)
        del screen
    for context in contexts:
        with pytest.raises(GLError, match="was given up"):
            context.make_current()
