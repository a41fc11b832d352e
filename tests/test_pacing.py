"""Pacing in a pipeline: a sink that takes each frame at its moment, and what becomes of the others."""

import json
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import camkit
from camkit.gl_core import Offscreen
from camkit.gl_core._pacer import Pacer
from camkit.gl_core._simulated_clock import SimulatedClock

MS = 1_000_000


class Screen(Offscreen):
    """A picture in memory that refreshes as a screen does, on the real clock."""

    def __init__(self, mode: str, refresh_ns: float = 10 * MS) -> None:
        super().__init__()
        self._mode, self._refresh_ns = mode, refresh_ns

    def _open_context(self) -> Any:
        self._pace_by(Pacer(self._mode, SimulatedClock(self._refresh_ns, time.monotonic_ns())), {})
        return super()._open_context()


def fast(fps: float, frames: int | None = None) -> camkit.Camera:
    return camkit.open("synthetic", format="YUYV", size=(64, 48), fps=fps, frames=frames, buffers=8)


@pytest.mark.parametrize(("mode", "policy"), [("latch", "block"), ("smooth", "block"), ("latch", "latest")])
def test_frames_that_give_way_to_newer_ones_are_dropped_late_and_all_adds_up(mode: str, policy: str) -> None:
    screen = Screen(mode)
    with fast(400) as camera:
        pipeline = camkit.Pipeline(camera, screen, policy=policy)
        pipeline.start()
        while pipeline.stats().frames.dropped.late <= 50:  # four frames come for each refresh
            time.sleep(0.01)
        pipeline.stop()
        stats = pipeline.stats()
    stats.check()
    frames, sink = stats.frames, screen.stats()
    assert frames.delivered + frames.dropped.total == frames.captured
    assert frames.dropped.total - frames.dropped.late == frames.dropped.driver + frames.dropped.pool
    assert frames.delivered == frames.displayed == sink.shown + sink.unseen
    assert stats.latency_us["capture_to_shown"].count == sink.shown
    assert stats.latency_us["capture_to_sink"].count == frames.delivered
    assert f"pacing: {mode}" in screen.explain()


@pytest.mark.parametrize("thread", [True, False])
def test_a_limit_delivers_exactly_that_many(thread: bool) -> None:
    screen = Screen("latch")
    with fast(400) as camera:
        stats = camkit.Pipeline(camera, camkit.Step(screen, thread=thread)).run(frames=20)
    stats.check()
    assert stats.frames.delivered == 20
    assert stats.frames.dropped.aborted == 0


def test_what_waits_at_the_end_of_the_stream_is_shown() -> None:
    screen = Screen("smooth")
    with fast(50, 30) as camera:
        stats = camkit.Pipeline(camera, screen).run()
    stats.check()
    assert stats.frames.dropped.aborted == 0
    assert stats.frames.delivered > 0
    assert screen.stats().shown + screen.stats().unseen == stats.frames.delivered


def test_a_run_that_is_broken_off_counts_what_waited() -> None:
    screen = Screen("latch", 5000 * MS)
    with fast(100) as camera:
        pipeline = camkit.Pipeline(camera, screen)
        pipeline.start()
        while not pipeline.stats().frames.dropped.late:
            time.sleep(0.01)
        pipeline.abort()
        pipeline.wait()
        stats = pipeline.stats()
    stats.check()
    assert stats.frames.dropped.aborted >= 1


def test_a_trace_tells_who_gave_way(tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    with fast(400, 300) as camera:
        stats = camkit.Pipeline(camera, Screen("latch")).run(trace=path)
    events = json.loads(path.read_text())["traceEvents"]
    late = [e["args"]["frame"] for e in events if e["ph"] == "i" and e["name"] == "dropped: late"]
    drawn = [e["args"]["frame"] for e in events if e["ph"] == "B" and e["cat"] == "sink"]
    assert len(late) == stats.frames.dropped.late > 0
    assert len(drawn) == stats.frames.delivered
    assert not set(late) & set(drawn)


def test_without_pacing_nothing_waits() -> None:
    screen = Screen("off")
    with fast(400, 60) as camera:
        stats = camkit.Pipeline(camera, screen).run()
    stats.check()
    assert stats.frames.dropped.late == 0
    assert screen.stats().shown + screen.stats().unseen == stats.frames.delivered
    assert screen.pacing is not None
    assert screen.pacing["mode"] == "off"


def test_a_sink_without_a_screen_has_no_pacing() -> None:
    assert Offscreen().pacing is None


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="counts what Linux counts of each thread")
def test_a_paced_sink_sleeps_between_the_frames() -> None:
    before = set(threading.enumerate())
    screen = Screen("latch", 5 * MS)
    with fast(10) as camera:
        pipeline = camkit.Pipeline(camera, screen)
        pipeline.start()
        while screen.stats().shown < 2:
            time.sleep(0.01)
        thread = next(one for one in set(threading.enumerate()) - before if one.name == "camkit-Screen")
        rates = []
        while len(rates) < 8:
            since, frames, slept = time.monotonic(), screen.stats().displayed, sleeps(thread.native_id)
            while screen.stats().displayed == frames:
                time.sleep(0.01)
            more = sleeps(thread.native_id) - slept
            frames, lasted = screen.stats().displayed - frames, time.monotonic() - since
            if lasted > 0.05 * frames:  # else they had been waiting
                rates.append(more / (5 * frames + 10 * lasted))
        pipeline.stop()
    # The wait for a frame, for its moment, for the GPU, and ten looks a second; at 200 refreshes a second it would be
    # twice as much at least, always. When the GPU is late it looks more often.
    assert min(rates) <= 1.5, rates


def sleeps(thread: int | None) -> int:
    with open(f"/proc/self/task/{thread}/status", encoding="ascii") as status:
        return int(next(line for line in status if line.startswith("voluntary")).split()[1])
