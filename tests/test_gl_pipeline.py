"""The sinks at the end of a real pipeline."""

import ctypes
import threading
import time

import numpy as np
import pytest

import camkit
from camkit.gl_core import Offscreen


def test_every_delivered_frame_reaches_the_gpu() -> None:
    with camkit.open("synthetic", format="NV12", size=(160, 120), fps=200) as camera:
        screen = Offscreen()
        stats = camkit.Pipeline(camera, screen, policy="block").run(frames=40)
    assert stats["frames"]["delivered"] == 40
    assert stats["frames"]["displayed"] == 40
    assert stats["latency_us"]["capture_to_gl"]["count"] == 40
    assert stats["copies"]["bytes_per_frame"] >= 160 * 120 * 3 / 2
    assert screen.stats()["refused"] == 0
    assert screen.readback().shape == (120, 160, 3)
    assert "NV12 160x120" in screen.explain()


def test_a_pipeline_may_run_again_with_counts_of_its_own() -> None:
    with camkit.open("synthetic", format="YUYV", size=(64, 48), fps=200) as camera:
        screen = Offscreen()
        screen.expect("YUYV", (64, 48))
        pipeline = camkit.Pipeline(camera, screen)
        for frames in (7, 5):
            stats = pipeline.run(frames=frames)
            assert stats["frames"]["displayed"] == frames
            assert stats["latency_us"]["capture_to_gl"]["count"] == frames
            assert stats["copies"]["per_frame"] == pytest.approx(1)


def test_the_picture_is_the_frame_that_a_stage_saw_last() -> None:
    seen: list[np.ndarray] = []

    def keep(frame: camkit.Frame) -> None:
        seen.append(frame.array.copy())

    with camkit.open("synthetic", format="RGB24", size=(64, 48), fps=200) as camera:
        screen = Offscreen()
        camkit.Pipeline(camera, keep, screen).run(frames=10)
    assert (screen.readback() == seen[9]).all()


def test_damaged_frames_are_counted_and_the_run_goes_on() -> None:
    with camkit.open(
        "synthetic", format="YUYV", size=(64, 48), fps=200, damage=(3, 5), corrupt="deliver", frames=12
    ) as camera:
        screen = Offscreen()
        stats = camkit.Pipeline(camera, screen).run()
    assert stats["frames"]["delivered"] == 12
    assert screen.stats()["refused"] == 2
    assert stats["frames"]["displayed"] == 10
    assert "truncated" in screen.explain()


def test_a_format_that_cannot_be_drawn_stops_the_pipeline_with_its_name() -> None:
    with camkit.open("synthetic", format="RGB24", size=(8192, 32), fps=30) as camera:
        pipeline = camkit.Pipeline(camera, Offscreen())
        with pytest.raises(camkit.FormatNotSupported, match="needs a texture of 24576x32"):
            pipeline.run(frames=3)
        with pytest.raises(camkit.FormatNotSupported):
            pipeline.run(frames=3)


def test_a_snapshot_is_taken_while_the_pipeline_runs() -> None:
    with camkit.open("synthetic", format="YUYV", size=(64, 48), fps=100) as camera:
        screen = Offscreen()
        pipeline = camkit.Pipeline(camera, screen, policy="latest")
        with pipeline:
            pipeline.start()
            while not screen.stats()["displayed"]:
                time.sleep(0.01)
            first = screen.readback()
            while (screen.readback() == first).all():
                time.sleep(0.01)


def test_frames_flow_while_python_is_held() -> None:
    hold = ctypes.PyDLL(None).usleep  # called without giving the GIL up
    with camkit.open("synthetic", format="YUYV", size=(64, 48), fps=100) as camera:
        screen = Offscreen()
        pipeline = camkit.Pipeline(camera, screen, policy="latest")
        with pipeline:
            pipeline.start()
            while screen.stats()["displayed"] < 3:
                time.sleep(0.01)
            before = screen.stats()["displayed"]
            hold(999_999)
            after = screen.stats()["displayed"]
    assert after > before + 3


def test_closing_in_the_middle_from_another_thread_ends_it() -> None:
    with camkit.open("synthetic", format="YUYV", size=(64, 48), fps=100) as camera:
        screen = Offscreen()
        pipeline = camkit.Pipeline(camera, screen)
        pipeline.start()
        closer = threading.Thread(target=pipeline.stop)
        closer.start()
        pipeline.wait(20)
        closer.join()
        assert not pipeline.running
    screen.close()
