"""The frame path at steady state: no allocation, no page fault, no GIL. Counted, thread by thread, not believed.

A child process runs real pipelines under alloc_probe.so (LD_PRELOAD). The GIL is taken hostage: the main thread holds
it until every source has lent so many frames more. A thread that asks for it now and then, such as every hundredth
frame, stands still at the first such frame.

Whoever allocates is told apart by the nearest caller that is known: a module of ours, or an OpenGL driver and what it
stands on. What a driver does within its calls is its own affair, and shows as that.
"""

import json
import os
import subprocess
import sys

import pytest

from tests.xscreen import own_screen

CHILD = """
import ctypes, json, sys, threading, time
from contextlib import ExitStack
import camkit, gl_nodes

probe = ctypes.CDLL(None)
kept = ExitStack()  # what is closed at the end
sinks, drawn_over, pump = [], lambda: None, lambda: None

def faults(tid):
    fields = open(f"/proc/self/task/{tid}/stat").read().rsplit(")", 1)[1].split()
    return int(fields[7]) + int(fields[9])  # minflt, majflt

SETUP
for pipeline in pipelines:
    pipeline.start()
probe.alloc_probe_count(1)  # so that the probe has its own memory, too
end = time.monotonic() + LIMIT
while min(p.stats().frames.delivered for p in pipelines) < FRAMES and time.monotonic() < end:
    time.sleep(0.01)
    pump()
threads = {t.native_id: t.name for t in threading.enumerate() if t.name.startswith("camkit-")}
before = {tid: faults(tid) for tid in threads}
probe.alloc_probe_count(1)
frames = gl_nodes.hold_the_gil([p.source for p in pipelines], FRAMES, LIMIT)
probe.alloc_probe_count(0)
after = {tid: faults(tid) for tid in threads}
drawn_over()
for pipeline in pipelines:
    pipeline.stop()
print(json.dumps({
    "frames": frames,
    "threads": {
        name: {
            "faults": after[tid] - before[tid],
            "ours": probe.alloc_probe_ours(tid),
            "drivers": probe.alloc_probe_drivers(tid),
            "others": probe.alloc_probe_others(tid),
        } for tid, name in threads.items()
    },
    "per_frame": [p.stats().copies.per_frame for p in pipelines],
    "ways": [sink.transfer["path"] for sink in sinks],
}))
kept.close()
"""
FRAMES = 200  # what happens only now and then, such as a look for errors, happens among them

CAMERA = "kept.enter_context(camkit.SyntheticCamera(size=(160, 120), format={format!r}, realtime=False))"
TO_NULL = f'pipelines = [camkit.Pipeline({CAMERA}, camkit.NullSink(), policy="block")]'
TO_PYTHON = f'pipelines = [camkit.Pipeline({CAMERA}, camkit.PyStage(lambda frame: None), policy="block")]'
# Each node that draws has a name, and so has its thread.
COPYING = f"""
sinks = [camkit.Offscreen(transfer=way, name=way) for way in ("client", "pbo", "orphan")]
pipelines = [camkit.Pipeline({CAMERA}, sink, policy="block") for sink in sinks]
"""
# Each from memory that the GPU reads by itself; a memfd stands for a camera's dma-bufs.
LENT = """
sinks = [camkit.Offscreen(transfer=way, name=way) for way in ("import", "persistent", "pinned")]
picture = dict(format={format!r}, size=(160, 120))
memfd = camkit.FramePool(8, format={format!r}, size=(160, 128), backing="memfd", alignment=4096)
pools = [memfd, sinks[1].pool(8, **picture), sinks[2].pinned_pool(8, **picture)]
nodes = [[camkit.PoolSource(pool), sink] for pool, sink in zip(pools, sinks, strict=True)]
nodes[0].insert(1, gl_nodes.StandIn(memfd))
pipelines = [camkit.Pipeline(*those, policy="block") for those in nodes]
"""
READING_BACK = f"""
pipelines = [camkit.Pipeline({CAMERA}, camkit.Render(readback=way, name=way), camkit.NullSink(), policy="block")
             for way in ("pinned", "mapped", "copy", "plain")]
"""
WINDOWS = f"""
import pathlib, re
from tests.test_hud import bottom, lines
from tests.xscreen import Screen
from camkit.gl_core._board import MOVE
options = dict(vsync=False, hud=True, inspector=True)
grid = kept.enter_context(camkit.Grid(["left", "right"], size=(300, 150), **options))
viewer = kept.enter_context(camkit.Viewer(size=(400, 300), name="window", **options))
grid._board.do(MOVE, 201.0, 70.0)
viewer._board.do(MOVE, 201.0, 150.0)
def pump():
    grid.pump()
    viewer.pump()
def drawn_over():
    screen = Screen.__new__(Screen)
    screen.file = pathlib.Path(SCREEN)
    codes = re.compile(r"[0-9]+,[0-9]+  Y [0-9]+ U [0-9]+ V [0-9]+")
    screen.until(lambda seen: lines(seen)[:1] == ["window"] and codes.fullmatch(bottom(seen)))
pipelines = [camkit.Pipeline({CAMERA}, sink, policy="block") for sink in (viewer, *grid)]
"""


@pytest.fixture
def run(alloc_probe, gl_nodes):
    """Have a child run pipelines. Returns what it counted while it held the GIL."""

    def run(setup, format="YUYV", limit=100):
        body = CHILD.replace("SETUP", setup.replace("{format!r}", repr(format)))
        body = body.replace("FRAMES", str(FRAMES)).replace("LIMIT", str(limit))
        path = os.pathsep.join([os.path.dirname(gl_nodes.__file__), *sys.path])
        child = subprocess.run(
            [sys.executable, "-c", body], env=os.environ | {"LD_PRELOAD": str(alloc_probe), "PYTHONPATH": path},
            capture_output=True, text=True, timeout=250, check=False,
        )  # fmt: skip
        assert child.returncode == 0, child.stderr
        return json.loads(child.stdout)

    return run


def assert_steady(got, *drawing):
    """Nothing of ours allocates; in a thread that calls OpenGL its driver may."""
    assert got["frames"] >= FRAMES, "frames flowed while the main thread held the GIL"
    drawers = [f"camkit-{name}" for name in drawing]
    assert set(drawers) <= set(got["threads"])
    for name, counts in got["threads"].items():
        assert counts["ours"] == counts["others"] == 0, (name, counts)
        if name in drawers:
            assert counts["faults"] < FRAMES, (name, counts, "a new page for each frame")
        else:
            assert counts["drivers"] == counts["faults"] == 0, (name, counts)


def test_the_probe_sees_allocations(alloc_probe):
    body = (
        "import ctypes, threading, camkit\n"
        "probe, tid = ctypes.CDLL(None), threading.get_native_id()\n"
        "probe.alloc_probe_count(1)\n"
        "pools = [camkit.FramePool(1, 4096) for _ in range(5)]\n"
        "probe.alloc_probe_count(0)\n"
        "print(probe.alloc_probe_ours(tid))\n"
    )
    child = subprocess.run(
        [sys.executable, "-c", body], env=dict(os.environ, LD_PRELOAD=str(alloc_probe)), capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert int(child.stdout) >= 5, "camkit's own allocations are told from others"


def test_whoever_takes_the_gil_stands_still(run):
    assert run(TO_PYTHON, limit=3)["frames"] < 50


@pytest.mark.parametrize("format", ["YUYV", "NV12", "RGB24"])
def test_capture_to_a_null_sink_allocates_nothing_faults_nothing_and_needs_no_gil(run, format):
    got = run(TO_NULL, format)
    assert_steady(got)
    assert got["per_frame"] == [0]


def test_capture_to_a_texture_allocates_nothing_of_ours_and_needs_no_gil(run):
    got = run(COPYING)
    assert got["ways"] == ["client", "pbo", "orphan"]
    assert_steady(got, *got["ways"])


def test_nor_do_the_ways_without_a_copy(run):
    got = run(LENT)
    assert got["ways"] == ["import", "persistent", "pinned"]
    assert_steady(got, *got["ways"])
    assert got["per_frame"] == [0, 0, 0]


def test_nor_does_a_picture_that_comes_back_as_a_frame(run):
    assert_steady(run(READING_BACK), "pinned", "mapped", "copy", "plain")


def test_nor_do_windows_with_all_that_is_drawn_over_them(run, tmp_path):
    with own_screen(tmp_path) as screen:
        got = run(WINDOWS.replace("SCREEN", repr(str(screen.file))))
    assert_steady(got, "window", "grid")
