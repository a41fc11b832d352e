"""A window of Wayland under weston, which draws into an X server without hardware: what the compositor says is real."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.xscreen import Screen

TOP = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Wayland is Linux's")

# glfw keeps to one window system for a process, so the windows are a child's.
CHILD = """
import json, sys, threading, time
import camkit, glfw
from camkit.gl_core._pacer import Pacer

class Watched(camkit.Viewer):
    def _pace_by(self, pacer, verdicts):
        self.pacer, self.verdicts = pacer, verdicts
        super()._pace_by(pacer, verdicts)

def run(mode, fps=60, hide=False):
    seen, begun = [], time.monotonic_ns()
    camera = camkit.open("synthetic", format="GREY", size=(64, 48), fps=fps, buffers=12)
    with camera, Watched(size=(96, 64), pacing=mode) as viewer:
        assert viewer._window.wayland, "this is no window of Wayland"
        pipeline = camkit.Pipeline(camera, viewer)
        pipeline.start()
        hidden = False
        while not pipeline.wait(0.01):
            pacer = viewer.pacer if hasattr(viewer, "pacer") else None
            if pacer is not None and pacer.last_shown_ns and (not seen or pacer.last_shown_ns != seen[-1]):
                seen.append(pacer.last_shown_ns)
            if hide and not hidden and viewer.stats().shown > 15:
                hidden = True
                glfw.iconify_window(viewer._window.window)
            sink = viewer.stats()
            if len(seen) > 5 and sink.shown > 15 and (not hide or sink.unseen > 15):
                pipeline.drain()
        stats = pipeline.stats()
        stats.check()
        clock = viewer.pacer.clock
        now = time.monotonic_ns()
        return {
            "pacing": viewer.pacing, "frames": stats.as_dict()["frames"], "seen": seen, "begun": begun, "now": now,
            "ages": stats.latency_us["capture_to_shown"].as_dict(), "presented": clock.presented,
            "discarded": clock.discarded, "clock": clock.clock, "verdicts": viewer.verdicts,
            "next": clock.next_vblank(now), "explain": viewer.explain(), "vsync": viewer._vsync,
        }

print(json.dumps({
    "latch": run("latch"), "smooth": run("smooth", 30), "off": run("off"), "hidden": run(None, hide=True),
}))
"""


class Compositor:
    """weston in a window of an X server, with sockets of its own."""

    def __init__(self, folder: Path, *options: str) -> None:
        program = shutil.which("weston")
        assert program is not None, "the Wayland tests need weston: apt install weston"
        folder.chmod(0o700)
        self.screen = Screen(folder)
        self.socket = folder / "camkit-wayland"
        self.log = folder / "weston.log"
        command = [program, "--backend=x11-backend.so", "--width=320", "--height=240", "--use-pixman", "--idle-time=0",
                   f"--socket={self.socket.name}", f"--log={self.log}", *options]  # fmt: skip
        clean = {name: value for name, value in os.environ.items() if name != "WAYLAND_DISPLAY"}
        self.environment = clean | {"XDG_RUNTIME_DIR": str(folder), "DISPLAY": self.screen.display}
        with (folder / "output").open("wb") as output:
            self.process = subprocess.Popen(command, env=self.environment, stdout=output, stderr=output)
        end = time.monotonic() + 100
        while not self.socket.exists():
            assert self.process.poll() is None, f"weston ended: {self.log.read_text()}"
            assert time.monotonic() < end, f"weston has no socket yet: {self.log.read_text()}"
            time.sleep(0.02)

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(200)
        self.screen.close()


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    compositor = Compositor(tmp_path_factory.mktemp("wayland"))
    try:
        clean = {name: value for name, value in compositor.environment.items() if name != "DISPLAY"}
        environment = clean | {"WAYLAND_DISPLAY": compositor.socket.name, "PYGLFW_LIBRARY_VARIANT": "wayland"}
        child = subprocess.run(
            [sys.executable, "-c", CHILD], env=environment, cwd=TOP, capture_output=True, text=True, timeout=250,
            check=False,
        )  # fmt: skip
        assert child.returncode == 0, child.stderr + compositor.log.read_text()
        yield json.loads(child.stdout)
    finally:
        compositor.close()


@pytest.mark.parametrize("mode", ["latch", "smooth", "off"])
def test_the_compositor_tells_of_every_picture_and_the_counts_add_up(runs: dict[str, Any], mode: str) -> None:
    run = runs[mode]
    pacing, frames = run["pacing"], run["frames"]
    assert run["verdicts"]["wp_presentation"] == pacing_taken(pacing)
    assert pacing["mode"] == mode
    assert frames["captured"] == frames["delivered"] + sum(frames["dropped"].values())
    assert frames["delivered"] == pacing["shown"] + pacing["unseen"]
    assert run["presented"] >= pacing["shown"] > 5
    assert run["presented"] + run["discarded"] <= frames["delivered"]
    assert run["ages"]["count"] == pacing["shown"]
    assert 10_000 < pacing["refresh_us"] < 25_000, "weston says 60 Hz"
    assert run["vsync"] is False, "a hidden window must not stop the pipeline"


def pacing_taken(pacing: dict[str, Any]) -> str:
    assert pacing["clock"] == "wp_presentation"
    return "taken"


@pytest.mark.parametrize("mode", ["latch", "smooth", "off"])
def test_its_times_are_on_our_clock_and_go_forward(runs: dict[str, Any], mode: str) -> None:
    run = runs[mode]
    assert run["clock"] in ("monotonic", "monotonic_raw")
    assert len(run["seen"]) > 3
    assert run["seen"] == sorted(run["seen"])
    assert run["begun"] < run["seen"][0]
    assert run["seen"][-1] < run["now"]
    assert run["ages"]["min"] > 0, "nothing is seen before it is taken"
    assert run["next"] is None or run["now"] < run["next"] < run["now"] + 30_000_000


def test_a_minimised_window_stops_nothing_and_its_pictures_count_as_unseen(runs: dict[str, Any]) -> None:
    pacing, frames = runs["hidden"]["pacing"], runs["hidden"]["frames"]
    assert pacing["shown"] > 5
    assert pacing["unseen"] > 5
    assert frames["delivered"] == pacing["shown"] + pacing["unseen"]


def test_explain_tells_where_the_time_comes_from(runs: dict[str, Any]) -> None:
    words = runs["latch"]["explain"]
    assert "display clock 'wp_presentation': taken" in words
    assert "wp_presentation: every 16." in words
    assert "pacing: latch" in words
    assert "presented" in words
