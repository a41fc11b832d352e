"""Grid: several cameras in one window, each in its place and at its own pace."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import camkit
from camkit.gl_core import Grid
from tests.test_hud import lines
from tests.xscreen import Screen, own_screen

WINDOW = (402, 302)  # two by two panels of 200x150, two pixels apart
SHADES = (40, 90, 140, 190)


@pytest.fixture(scope="module")
def screen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Screen]:
    with own_screen(tmp_path_factory.mktemp("screen")) as made:
        yield made


class Shown:
    """Four cameras of one shade each in a grid; the second is slow, and the third fails when it is told to."""

    def __init__(self, grid: Grid) -> None:
        self.grid, self.fail = grid, threading.Event()
        self.cameras = [camkit.open("synthetic", format="GREY", size=(80, 60), fps=fps) for fps in (60, 1, 60, 30)]
        stages = [self._painted(i) for i in range(4)]
        self.pipelines = [
            camkit.Pipeline(camera, camkit.PyStage(stage, writes=True), pane, policy="latest")
            for camera, stage, pane in zip(self.cameras, stages, grid, strict=True)
        ]

    def _painted(self, number: int) -> Callable[[camkit.Frame], None]:
        def paint(frame: camkit.Frame) -> None:
            if number == 2 and self.fail.is_set():
                raise ValueError("told to")
            frame.array[:] = SHADES[number]

        return paint

    def __enter__(self) -> "Shown":
        for pipeline in self.pipelines:
            pipeline.start()
        return self

    def __exit__(self, *args: object) -> None:
        for pipeline in self.pipelines:
            pipeline.abort()
            try:
                pipeline.wait(200)
            except camkit.PipelineError:
                assert self.fail.is_set()
        for camera in self.cameras:
            camera.close()

    def until(self, screen: Screen, found: Callable[[np.ndarray], object]) -> np.ndarray:
        end = time.monotonic() + 100
        while not found(seen := screen.pixels()):
            assert time.monotonic() < end
            self.grid.pump()
            time.sleep(0.02)
        return seen


def place(number: int) -> tuple[slice, slice]:
    """Rows and columns of a panel below its text."""
    y, x = 152 * (number // 2), 202 * (number % 2)
    return slice(y + 105, y + 150), slice(x, x + 200)


def all_in_their_places(seen: np.ndarray) -> bool:
    return all((seen[place(i)] == SHADES[i]).all() for i in range(4))


def test_cameras_keep_their_places_their_pace_and_their_troubles(screen: Screen, tmp_path: Path) -> None:
    screen.hands("mousemove", 630, 470)
    with Grid(["north", "east", "south", "west"], size=WINDOW, vsync=False, hud=True, snapshots=tmp_path) as grid:
        with Shown(grid) as shown:
            seen = shown.until(screen, all_in_their_places)
            assert (seen[150:152, :402] == 0).all()
            assert (seen[:302, 200:202] == 0).all()
            for i, name in enumerate(("north", "east", "south", "west")):
                x, y = 202 * (i % 2), 152 * (i // 2)
                shown.until(screen, lambda s, n=name, a=x, b=y: lines(s[b:, a:])[:1] == [n])
            assert [int(pane.readback()[30, 40, 0]) for pane in grid] == list(SHADES)
            slow = grid[1].stats().displayed
            fast = grid[0].stats().displayed
            shown.until(screen, lambda s: grid[0].stats().displayed >= fast + 40)
            assert grid[1].stats().displayed - slow < 40

            # A click shows one alone, its number all of them again.
            screen.hands("mousemove", 300, 60, "click", 1)
            shown.until(screen, lambda s: (s[180:300, 2:398] == SHADES[1]).all())
            assert grid.alone == 1
            screen.hands("key", "2")
            shown.until(screen, all_in_their_places)
            screen.hands("key", "4")
            shown.until(screen, lambda s: (s[180:300, 2:398] == SHADES[3]).all())
            screen.hands("key", "g")
            shown.until(screen, all_in_their_places)

            # The wheel reaches the panel under the cursor only, and so does the key that saves.
            screen.hands("mousemove", 300, 60, "click", 4, "key", "s")
            shown.until(screen, lambda s: grid[1].view.zoom == 1.25)
            assert [pane.view.zoom for pane in grid] == [1, 1.25, 1, 1]
            shown.until(screen, lambda s: list(tmp_path.glob("*.png")))
            assert [path.name.partition("-")[0] for path in tmp_path.glob("*.png")] == ["east"]

            # One camera fails: its pane says so and keeps its last picture, and the others go on.
            shown.fail.set()
            with pytest.raises(camkit.PipelineError):
                shown.pipelines[2].wait(200)
            grid[2].alert("unplugged")
            shown.until(screen, lambda s: lines(s[152:])[:1] == ["unplugged"])
            fast = grid[0].stats().displayed
            shown.until(screen, lambda s: grid[0].stats().displayed >= fast + 20)
            shown.until(screen, all_in_their_places)
        for pane, pipeline in zip(grid, shown.pipelines, strict=True):
            frames = pipeline.stats().frames
            assert frames.captured == frames.delivered + frames.dropped.total
            assert pane.stats().displayed + pane.overtaken == frames.delivered
        assert [int(pane.readback()[30, 40, 0]) for pane in grid] == list(SHADES)  # the last pictures stay


def test_what_a_pane_cannot_draw_is_its_own_cameras_failure(screen: Screen) -> None:
    with Grid(2, size=WINDOW, vsync=False) as grid:
        with pytest.raises(TypeError, match="put it at the end of a pipeline"):
            grid[0].show(camkit.FramePool(1, format="GREY", size=(8, 8)).acquire())
        pipeline = camkit.Pipeline(camkit.open("synthetic", format="GREY", size=(80, 60), frames=3), grid[0])
        pipeline.run()
        assert len(grid) == 2
        assert grid[0].stats().displayed + grid[0].overtaken == 3
    with pytest.raises(camkit.GLError, match="the grid was closed"):
        pipeline.run()


@pytest.mark.parametrize("count", [0, 17])
def test_a_window_has_room_for_so_many(screen: Screen, count: int) -> None:
    with pytest.raises(ValueError, match=f"panels is {count}"):
        Grid(count)


@pytest.mark.parametrize("names", ["left", [1, 2], None, 1.5])
def test_names_are_names(screen: Screen, names: object) -> None:
    with pytest.raises(TypeError, match="names is .*, not a number of cameras"):
        Grid(names)  # type: ignore[arg-type]


def test_a_grid_without_room_is_refused(screen: Screen) -> None:
    with pytest.raises(ValueError, match=r"size is \(0, 5\)"):
        Grid(2, size=(0, 5))
