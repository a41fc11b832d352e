"""Recordings as cameras."""

from __future__ import annotations

import threading
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import camkit
from tests.recording.conftest import Kept, all_same, keep, play, record


def test_in_real_time_a_frame_is_not_there_before_its_time(tmp_path: Path) -> None:
    path = tmp_path / "slow.mcap"
    record(path, camkit.SyntheticCamera(size=(64, 32), fps=0.5), 2)
    with camkit.open(path) as camera:
        assert camera.read(timeout=1).sequence == 0
        with pytest.raises(camkit.CameraTimeout):
            camera.read(timeout=0)
        assert camera.read().sequence == 1
    with camkit.open(path, realtime=False) as camera:
        assert [camera.read(timeout=0).sequence for _ in range(2)] == [0, 1]


def test_a_looped_replay_goes_on(path: Path, ten: tuple[bytes, list[Kept]]) -> None:
    with camkit.open(path, loop=True, realtime=False) as camera:
        frames = [(f.sequence, f.timestamp_ns, f.discontinuity) for f in (camera.read() for _ in range(25))]
    numbers, times, marks = zip(*frames, strict=True)
    once = [k.record["sequence"] for k in ten[1]]
    assert list(numbers) == [*once, *(n + 11 for n in once), *(n + 22 for n in once[:5])]
    assert all(a < b for a, b in pairwise(times))
    assert [i for i, mark in enumerate(marks) if mark] == [10, 20]


def test_the_beginning_can_be_left_out(path: Path, ten: tuple[bytes, list[Kept]]) -> None:
    first, fourth = (ten[1][i].record["dequeue_ns"] for i in (0, 3))
    played = play(path, start=(fourth - first - 1000) / 1e9)
    assert all_same(played, ten[1][3:])
    assert play(path, start=1000.0) == []


@pytest.mark.parametrize("realtime", [True, False])
def test_times_can_be_shifted_to_now(path: Path, ten: tuple[bytes, list[Kept]], realtime: bool) -> None:
    before = time.monotonic_ns()
    with camkit.open(path, times="now", realtime=realtime) as camera:
        assert camera.stream.clock == "monotonic"
        frames = [(f.timestamp_ns, f.clock, f.dequeue_ns) for f in camera]
        assert camera.latencies()["dequeue"].count == 10
    now = time.monotonic_ns()
    earlier = max(k.record["dequeue_ns"] - k.record["timestamp_ns"] for k in ten[1])
    assert all(before - earlier <= stamp <= had <= now and clock == "monotonic" for stamp, clock, had in frames)
    if realtime:
        recorded = np.diff([k.record["timestamp_ns"] for k in ten[1]])
        assert list(np.diff([stamp for stamp, _, _ in frames])) == list(recorded)


def test_recorded_times_make_no_latency(path: Path) -> None:
    with camkit.open(path, realtime=False) as camera:
        stats = camkit.Pipeline(camera).run()
        assert stats.frames.delivered == 10
        assert all(row.count == 0 for row in stats.latency_us.values())


def test_it_can_be_stopped_and_played_again(path: Path) -> None:
    with camkit.open(path, realtime=False) as camera:
        held = camera.read()
        camera.stop()
        camera.start()
        again = [(frame.sequence, frame.generation) for frame in camera]
        assert again[0] == (held.sequence, held.generation + 1) and len(again) == 10
    assert held.array.shape == (32, 64)  # its memory outlives the camera


@pytest.mark.parametrize("policy", ["copy", "drop", "raise"])
def test_a_reader_that_keeps_frames_gets_what_was_agreed(
    path: Path, ten: tuple[bytes, list[Kept]], policy: Any
) -> None:
    with camkit.open(path, realtime=False, on_exhausted=policy, buffers=4) as camera:
        held = [camera.read(), camera.read()]
        if policy == "raise":
            with pytest.raises(camkit.PoolExhausted, match="no buffer for frame 2"):
                camera.read()
        elif policy == "copy":
            third = camera.read()
            assert third.copied and keep(third).pixels == ten[1][2].pixels
        else:
            with pytest.raises(EOFError):
                camera.read()
            assert camera.stats().dropped.pool == 8
        held.clear()


def test_a_blocked_reader_goes_on_when_a_frame_comes_back(path: Path) -> None:
    with camkit.open(path, realtime=False, on_exhausted="block", buffers=4) as camera:
        held = [camera.read(), camera.read()]
        timer = threading.Timer(0.1, held.clear)
        timer.start()
        assert camera.read().sequence == 2
        timer.join()
        assert camera.stats().dropped.pool == 0


def test_closing_ends_a_reader_that_waits(tmp_path: Path) -> None:
    path = tmp_path / "slow.mcap"
    record(path, camkit.SyntheticCamera(size=(64, 32), fps=0.5), 2)
    camera = camkit.open(path, timeout=None)
    camera.read()
    closer = threading.Timer(0.1, camera.close)
    closer.start()
    assert next(camera, None) is None
    closer.join()


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"realtime": 1}, TypeError),
        ({"loop": "yes"}, TypeError),
        ({"start": -1}, ValueError),
        ({"start": float("nan")}, ValueError),
        ({"start": "1"}, TypeError),
        ({"times": "then"}, ValueError),
        ({"damage": "ignore"}, ValueError),
        ({"faults": 1}, TypeError),
        ({"stride": 3}, TypeError),
    ],
)
def test_wrong_options_are_named(path: Path, options: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error, match=next(iter(options))):
        camkit.open(path, **options)
