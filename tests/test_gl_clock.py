"""The GPU's clock on the monotonic one, and when the GPU had drawn a frame."""

from __future__ import annotations

import time
from threading import Thread

import pytest

import camkit
from camkit.gl_core._gpu_clock import GpuClock


def test_the_gpu_has_drawn_a_frame_before_it_is_seen_to_have() -> None:
    screen = camkit.Offscreen()
    assert screen.gpu_clock is None
    with camkit.open("synthetic", fps=500, size=(64, 64)) as camera:
        stats = camkit.Pipeline(camera, screen).run(frames=200)
    clock = screen.gpu_clock
    assert clock is not None and (clock.source, clock.target) == ("gpu", "monotonic")
    drawn, seen = (stats.latency_us[name] for name in ("capture_to_drawn", "capture_to_gl"))
    assert drawn.count == seen.count == 200
    # Every single frame; the means leave out how the buckets of a histogram are rounded.
    error = clock.error_at(time.monotonic_ns())
    assert error is not None
    assert drawn.mean <= seen.mean + 50 + error / 1000
    assert drawn.min > 0
    assert clock.steps == 0


def test_the_clock_outlives_its_context() -> None:
    with camkit.open("synthetic") as camera, camkit.Offscreen() as screen:
        screen.show(camera.read())
        clock = screen.gpu_clock
        assert clock is not None
    moment = clock.convert(0)
    answers: list[int] = []
    thread = Thread(target=lambda: answers.append(clock.convert(0)))
    thread.start()
    thread.join()
    assert answers == [moment]
    assert abs(clock.convert(-clock.offset_ns + time.monotonic_ns()) - time.monotonic_ns()) < 10_000_000_000


def test_only_the_sink_reads_the_gpus_clock() -> None:
    with pytest.raises(TypeError, match="comes from a started sink"):
        GpuClock("gpu", "monotonic")
    with camkit.open("synthetic") as camera, camkit.Offscreen() as screen:
        screen.show(camera.read())
        assert screen.gpu_clock is not None
        with pytest.raises(RuntimeError, match="the sink reads the GPU's clock itself"):
            screen.gpu_clock.update()
