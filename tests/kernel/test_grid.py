"""Cameras on real drivers side by side in a window, of which one is unplugged."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

import camkit
from camkit.gl_core import Grid
from tests.kernel.conftest import wait_until
from tests.kernel.outages import SMALL, YUYV
from tests.xscreen import own_screen


def show(stack: ExitStack, grid: Grid, *cameras: camkit.Camera) -> list[camkit.Pipeline]:
    """Let each camera show its newest frame, whatever becomes of the others."""
    pipelines = [
        camkit.Pipeline(stack.enter_context(camera), pane, policy="latest")
        for camera, pane in zip(cameras, grid, strict=True)
    ]
    for pipeline in pipelines:
        stack.callback(pipeline.stop)
        pipeline.start()
    return pipelines


def test_who_is_unplugged_leaves_the_other_be_and_comes_back(vivid, plugged, tmp_path: Path) -> None:
    with own_screen(tmp_path), ExitStack() as stack:
        grid = stack.enter_context(Grid(["vivid", "webcam"], size=(402, 150), vsync=False, hud=True))
        webcam = camkit.open(plugged.path, **YUYV, reconnect=True)
        pipelines = show(stack, grid, camkit.open(vivid.path, **SMALL), webcam)

        def shown(number: int) -> int:
            grid.pump()
            return pipelines[number].stats().frames.displayed

        def more_of(*numbers: int) -> None:
            before = [shown(number) for number in numbers]
            wait_until(
                lambda: all(shown(number) > old + 5 for number, old in zip(numbers, before, strict=True)),
                f"more pictures of {numbers}",
            )

        more_of(0, 1)
        plugged.order("unplug")
        wait_until(lambda: webcam.stats().outages, "the webcam's absence is noticed")
        more_of(0)
        plugged.order("plug")
        more_of(0, 1)  # at another node perhaps: the grid still shows a frame of the old one
        for pipeline in pipelines:
            pipeline.stop()
            pipeline.wait(200)
            pipeline.stats().check()
        # It is told of by the name that it had when the run began.
        assert list(pipelines[1].stats().inputs) == [plugged.path] and webcam.stats().outages == 1


def test_without_reconnect_it_is_that_panes_failure_alone(vivid, plugged, tmp_path: Path) -> None:
    with own_screen(tmp_path), ExitStack() as stack:
        grid = stack.enter_context(Grid(2, size=(402, 150), vsync=False))
        first, second = show(stack, grid, camkit.open(vivid.path, **SMALL), camkit.open(plugged.path, **YUYV))
        wait_until(lambda: first.stats().frames.displayed and second.stats().frames.displayed, "both are seen")
        plugged.order("unplug")
        with pytest.raises(camkit.CameraDisconnected, match="is gone"):
            second.wait(200)
        before = first.stats().frames.displayed
        wait_until(lambda: first.stats().frames.displayed > before + 5, "the other camera goes on")
        first.stop()
        first.wait(200)
        first.stats().check()
        second.stats().check()
