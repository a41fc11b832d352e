"""Pacing of several cameras in one window: one moment for all, frames and counts of each its own."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import camkit
from camkit.gl_core import Grid
from camkit.gl_core._board import ALONE, FREEZE
from camkit.gl_core._grid_pacer import GridPacer, PanePacer
from camkit.gl_core._simulated_clock import SimulatedClock
from tests.test_pacer import HZ_60, MS, SECOND, camera
from tests.xscreen import Screen, own_screen

TOP = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def screen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Screen]:
    with own_screen(tmp_path_factory.mktemp("screen")) as made:
        yield made


class Row:
    """One camera of a simulated grid: the frames that come, those that wait, and those that were drawn."""

    def __init__(self, pacer: PanePacer, fps: float, frames: int, origin: int, room: int) -> None:
        self.pacer, self.room = pacer, room
        self.coming = camera(fps, frames, origin=origin)
        self.next = next(self.coming, None)
        self.waiting: list[tuple[int, int]] = []
        self.fresh, self.overtaken = 0, 0
        self.drawn: list[int] = []
        self.stamp: int | None = None

    def take(self, now: int) -> bool:
        came = False
        while self.next is not None and self.next[0] <= now:
            self.waiting.append(self.next[1:])
            self.fresh, came = self.fresh + 1, True
            self.next = next(self.coming, None)
            if len(self.waiting) > self.room:
                self.waiting.pop(0)
                self.overtaken += 1
                self.fresh = min(self.fresh, len(self.waiting))
        return came

    def draw(self, now: int) -> None:
        chosen = self.pacer.ask(now, self.waiting, self.fresh)
        self.fresh = 0
        if chosen is not None:
            self.overtaken += chosen
            self.stamp, number = self.waiting[chosen]
            self.waiting = self.waiting[chosen + 1 :]
            self.drawn.append(number)


def run(window: GridPacer, rows: list[Row], work: int = 2 * MS) -> list[int]:
    """Do what the grid's thread does, in virtual time; return when the window was drawn."""
    now, begun, wake = 0, [], 0
    while True:
        came = any([row.take(now) for row in rows])
        wake = 0
        if any(row.waiting for row in rows):
            if window.ask(now, [(0, 0)], int(came)) is not None:
                for row in rows:
                    row.draw(now)
                if any(row.stamp is not None for row in rows):
                    begun.append(now)
                    for row in rows:
                        if row.stamp is not None:
                            row.pacer.swap(row.stamp, now, now + work)
                            row.stamp = None
                    window.swap(0, now, now + work)
                    now += work
                    continue
                assert window.ask(now, [(0, 0)], 0) is None, "all stay as they are: the next moment is later"
            wake = window.wake
        moments = [row.next[0] for row in rows if row.next is not None] + [wake] * (wake > 0)
        if not moments:
            break
        now = max(min(moments), now + 1)
    window.hear(now + SECOND)
    return begun


def grid_of(mode: str, *cameras: tuple[float, int]) -> tuple[GridPacer, list[Row]]:
    window = GridPacer("off" if mode == "off" else "latch", SimulatedClock(HZ_60))
    room = max(1, {"off": 0, "latch": 1, "smooth": 6}[mode])
    rows = [Row(window.pane(i, mode), fps, frames, (5 + 3 * i) * MS, room) for i, (fps, frames) in enumerate(cameras)]
    return window, rows


def test_one_moment_for_all_just_before_the_vblank() -> None:
    window, rows = grid_of("latch", (30, 150), (60, 300), (200, 1000))
    begun = run(window, rows)
    # 2 ms of work and 1 ms of slack before the vblank, once the work is known; and never twice in a refresh.
    assert {round(-at % HZ_60 / MS, 3) for at in begun[8:]} == {3.0}
    assert min(later - at for at, later in zip(begun[8:], begun[9:], strict=False)) > 0.9 * HZ_60
    assert window.shown + window.unseen == len(begun)


def test_each_counts_its_own_and_all_adds_up() -> None:
    window, rows = grid_of("latch", (30, 150), (200, 1000))
    run(window, rows)
    slow, fast = rows
    assert slow.drawn == list(range(150))
    assert (slow.overtaken, slow.pacer.shown, slow.pacer.unseen) == (0, 150, 0)
    assert 145 <= slow.pacer.repeats <= 152, "each is shown in two refreshes"
    assert len(fast.drawn) + fast.overtaken == 1000
    assert fast.pacer.shown + fast.pacer.unseen == len(fast.drawn)
    assert fast.pacer.repeats <= 3
    assert slow.pacer.misses == fast.pacer.misses == window.misses == 0
    for row in rows:
        assert row.pacer.capture_to_shown.count == row.pacer.shown
        # The frame before the latch, its way here, and 3 ms from the latch to the screen.
        period_us = 1e6 / (30 if row is slow else 200)
        assert row.pacer.capture_to_shown.p50 <= 1.016 * (min(period_us, HZ_60 / 1000) + 2000 + 3000)
        assert row.pacer.latch_to_swap.count == row.pacer.shown + row.pacer.unseen


def test_smooth_gives_each_camera_its_own_even_place() -> None:
    window, rows = grid_of("smooth", (50, 500), (59.94, 600), (24, 240))
    run(window, rows)
    for row, fps in zip(rows, (50, 59.94, 24), strict=True):
        frames = len(row.drawn) + row.overtaken
        assert row.overtaken <= 3, "only while its beat was not known"
        assert row.pacer.shown + row.pacer.unseen == len(row.drawn)
        refreshes = frames / fps * 60
        assert abs(row.pacer.shown + row.pacer.repeats - refreshes) <= 4
    # Not a moment is asked for more than one window.
    assert window.shown <= 600 + 4


def test_a_hidden_window_is_unseen_by_every_pane_and_another_screen_is_learnt() -> None:
    clock = SimulatedClock(HZ_60)
    window = GridPacer("latch", clock)
    rows = [Row(window.pane(i, "latch"), 60, 120, 5 * MS, 1) for i in range(2)]
    clock.hide()
    run(window, rows)
    for row in rows:
        row.pacer.close()
    assert [(row.pacer.shown, row.pacer.unseen) for row in rows] == [(0, len(row.drawn)) for row in rows]
    clock.hide(False)
    clock.change(SECOND / 100, 0)
    rows = [Row(window.pane(i, "latch"), 60, 300, 5 * SECOND, 1) for i in range(2)]
    run(window, rows)
    assert clock.restarts > 0
    assert all(row.pacer.shown > 200 and row.pacer.repeats > 100 for row in rows)


def test_a_pane_whose_run_is_over_is_told_nothing_more() -> None:
    window, rows = grid_of("latch", (60, 60), (60, 60))
    run(window, rows)
    shown = rows[0].pacer.shown
    rows[0].pacer.close()
    rows[0].pacer.close()
    more = Row(window.pane(1, "latch"), 60, 60, 5 * SECOND, 1)
    run(window, [more])
    assert rows[0].pacer.shown == shown
    assert more.pacer.shown == 60
    with pytest.raises(IndexError, match="no pane 16"):
        window.pane(16, "latch")


@pytest.fixture
def beating(monkeypatch: pytest.MonkeyPatch) -> SimulatedClock:
    """A display that beats at 50 Hz, for a screen that has no hardware to tell its time."""
    clock = SimulatedClock(20 * MS, time.monotonic_ns())
    monkeypatch.setattr("camkit.gl_core._grid_loop.find_clock", lambda window, waits: (clock, {"simulated": "taken"}))
    return clock


def cameras(*kinds: tuple[float, int | None]) -> list[camkit.Camera]:
    return [
        camkit.open("synthetic", format="GREY", size=(64, 48), fps=fps, frames=frames, buffers=12)
        for fps, frames in kinds
    ]


def run_all(grid: Grid, sources: list[camkit.Camera], policy: str = "block") -> list[camkit.PipelineStats]:
    pipelines = [camkit.Pipeline(one, pane, policy=policy) for one, pane in zip(sources, grid, strict=True)]
    for pipeline in pipelines:
        pipeline.start()
    for pipeline in pipelines:
        assert pipeline.wait(60)
    for one in sources:
        one.close()
    return [pipeline.stats() for pipeline in pipelines]


@pytest.mark.parametrize("mode", ["latch", "smooth", "off"])
def test_a_real_grid_counts_every_frame_of_each(screen: Screen, beating: SimulatedClock, mode: str) -> None:
    with Grid(2, size=(202, 80), pacing=mode) as grid:
        found = run_all(grid, cameras((400, 200), (10, 5)))
        for pane, stats in zip(grid, found, strict=True):
            stats.check()
            sink = pane.stats()
            assert stats.frames.delivered == stats.frames.displayed + sink.overtaken
            assert sink.displayed == sink.shown + sink.unseen > 0
            assert stats.frames.dropped.late == 0
            assert stats.latency_us["capture_to_shown"].count == sink.shown
            assert pane.pacing is not None
            assert (pane.pacing["mode"], pane.pacing["clock"]) == (mode, "simulated")
            assert pane.pacing["shown"] == sink.shown
            assert "display clock 'simulated': taken" in pane.explain()
            assert f"pacing: {mode}" in pane.explain()
        if mode != "off":
            assert grid[0].overtaken > 0, "eight frames came for each refresh"
            assert grid[0].latencies()["latch_to_swap"].count > 0
        else:
            assert "latch_to_swap" not in grid[0].latencies()


def test_where_the_refresh_is_not_known_each_frame_is_drawn_when_it_comes(screen: Screen) -> None:
    with Grid(["one", "two"], size=(202, 80), pacing="smooth") as grid:
        found = run_all(grid, cameras((100, 30), (100, 30)))
        for pane, stats in zip(grid, found, strict=True):
            assert pane.stats().displayed + pane.overtaken == stats.frames.delivered
            assert "the next vblank is not known; each frame is drawn when it comes" in pane.explain()
            assert "display clock 'swap': refused" in pane.explain()


def until(found: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not found():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_what_is_out_of_sight_is_unseen_and_what_is_frozen_is_counted(screen: Screen, beating: SimulatedClock) -> None:
    with Grid(2, size=(202, 80), pacing="latch") as grid:
        hidden, shown = grid
        grid._board.do(ALONE, number=1)
        until(lambda: grid.alone == 1)
        sources = cameras((50, None), (50, None))
        pipelines = [camkit.Pipeline(one, pane) for one, pane in zip(sources, grid, strict=True)]
        for pipeline in pipelines:
            pipeline.start()
        until(lambda: shown.stats().shown and hidden.stats().displayed)
        grid._board.do(FREEZE, number=1)
        until(lambda: shown.stats().frozen)
        for pipeline, pane in zip(pipelines, grid, strict=True):
            pipeline.stop()
            sink = pane.stats()
            assert pipeline.stats().frames.delivered == sink.displayed + sink.overtaken + sink.frozen
            assert sink.displayed == sink.shown + sink.unseen
        assert hidden.stats().shown == hidden.stats().frozen == 0
        for one in sources:
            one.close()


def test_each_camera_has_its_own_renderer(screen: Screen) -> None:
    told: list[Any] = []
    ends: list[str] = []

    class Renderer:
        def __call__(self, ctx: Any, textures: Any) -> None:
            told.append((ctx.size, ctx.box, ctx.upward, ctx.frame.size, textures[0].size, threading.get_ident()))

        def context_ends(self) -> None:
            ends.append(threading.current_thread().name)

    def fails(ctx: Any, textures: Any) -> None:
        raise ValueError("told to")

    with Grid(3, size=(300, 80), on_draw=[Renderer(), None, fails], live=[True, False, False]) as grid:
        assert [pane.live for pane in grid] == [True, False, False]
        sources = cameras((100, 20), (100, 20), (100, 20))
        pipelines = [camkit.Pipeline(one, pane) for one, pane in zip(sources, grid, strict=True)]
        for pipeline in pipelines:
            pipeline.start()
        with pytest.raises(camkit.PipelineError, match="told to"):
            pipelines[2].wait(60)
        for pipeline, pane in zip(pipelines[:2], grid, strict=False):
            assert pipeline.wait(60)
            assert pane.stats().displayed + pane.overtaken == pipeline.stats().frames.delivered > 0
            assert pane.stats().on_gpu == 0, "its frames have all gone back"
        assert len(told) == grid[0].stats().displayed, "once for each frame, whatever the others do"
        assert set(told) == {((64, 48), (0, 0, 64, 48), False, (64, 48), (64, 48), grid._thread.ident)}
    assert ends == ["camkit-grid"]


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"pacing": "never"}, ValueError, "pacing is 'never', not one of 'off', 'latch', 'smooth'"),
        ({"on_draw": 7}, TypeError, "on_draw is 7, not one for all cameras, nor a list with one for each"),
        ({"on_draw": [print]}, ValueError, "on_draw is for 1, and there are 2 cameras"),
        ({"on_draw": [print, 5]}, TypeError, "on_draw is 5, not a function"),
        ({"live": [True] * 3}, ValueError, "live is for 3, and there are 2 cameras"),
    ],
)
def test_wrong_options_are_refused(screen: Screen, options: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        Grid(2, **options)


def test_the_command_paces_several_and_accounts_for_every_frame(screen: Screen) -> None:
    command = [sys.executable, "-m", "camkit", "view", "synthetic", "synthetic", "--size", "64x48", "--fps", "100",
               "--pacing", "smooth", "--frames", "30", "--json"]  # fmt: skip
    done = subprocess.run(command, cwd=TOP, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    for report in json.loads(done.stdout)["cameras"]:
        frames, gl = report["frames"], report["gl"]
        assert frames["delivered"] == 30
        assert frames["displayed"] + gl["overtaken_frames"] + gl["refused_frames"] + gl["frozen_frames"] == 30
        assert report["pacing"]["mode"] == "smooth"
        assert report["pacing"]["shown"] + report["pacing"]["unseen"] == frames["displayed"]
