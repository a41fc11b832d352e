"""The whole way on a real driver: capture, a stage, a texture and back; and what the path costs while it runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import camkit
from camkit.camera_capture._v4l2.find import formats
from camkit.memory_manager import FORMATS

SIZE = 320, 180
DRAWN = [name for name, row in FORMATS.items() if row.shader]
SMOKE = ("YUYV", "NV12")
# 75 % bars as vivid draws them: white, yellow, cyan, green, magenta, red, blue, black
BARS = np.array([(1, 1, 1), (1, 1, 0), (0, 1, 1), (0, 1, 0), (1, 0, 1), (1, 0, 0), (0, 0, 1), (0, 0, 0)]) * 0.75 * 255
LUMA = (0.2126, 0.7152, 0.0722)  # ITU-R BT.709, by which vivid makes grey
DRIVER_LEVELS = 4  # vivid's own arithmetic: its 75 % white is Y = 179, not 180.25


def to_rgb(frame):
    """Convert a frame to R, G, B in floating point, without filtering chroma: right in the middle of a bar."""
    row, planes = frame.pixel_format, [plane.astype(float) for plane in frame.planes]
    if row.model == "grey":
        return np.repeat(planes[0][..., None] * 255 / (256**row.itemsize - 1), 3, 2)
    if row.model == "rgb":
        return planes[0][..., [row.order.index(letter) for letter in "RGB"]]
    if row.model == "bayer":
        rgb = np.empty((frame.height, frame.width, 3))
        for i, letter in enumerate("RGB"):
            place = row.order.index(letter)
            rgb[..., i] = planes[0][place // 2 :: 2, place % 2 :: 2].repeat(2, 0).repeat(2, 1)
        return rgb
    if row.shader == "packed":
        at = row.order.index("Y")
        y, u, v = planes[0][..., at], *(planes[0][:, i::2, 1 - at].repeat(2, 1) for i in (0, 1))
    else:
        chroma = planes[1:] if row.shader == "three_planes" else [planes[1][..., row.order.index(c)] for c in "UV"]
        y, u, v = planes[0], *(plane.repeat(row.planes[1][1], 0).repeat(2, 1) for plane in chroma)
    assert (frame.colour.matrix, frame.colour.range) == ("bt601", "limited")
    y, u, v = (y - 16) * 255 / 219, (u - 128) * 255 / 224, (v - 128) * 255 / 224
    red, blue = y + 1.402 * v, y + 1.772 * u
    return np.clip(np.stack([red, (y - 0.299 * red - 0.114 * blue) / 0.587, blue], 2), 0, 255)


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.smoke) if n in SMOKE else n for n in DRAWN])
def test_the_texture_shows_what_the_driver_drew(vivid, name):
    offered = {info.name: info for info in formats(vivid.path)}
    if name not in offered:
        # vivid's single-planar node draws all of the table: one less would make this test pass for nothing.
        pytest.fail(f"vivid does not offer {name}")
    seen = []
    # An emulated machine that does the trials of ways to the GPU has no time for its camera.
    with camkit.open(vivid.path, format=name, size=SIZE, fps=60, timeout=600) as camera, camkit.Offscreen() as screen:
        keep = lambda frame: seen.append(frame.copy())  # noqa: E731
        stats = camkit.Pipeline(camera, keep, screen, watchdog=600).run(frames=10)
        picture = screen.readback().astype(float)
    frames = stats.frames
    assert frames.delivered == frames.displayed == 10 == len(seen)
    assert frames.captured == 10 + frames.dropped.total
    assert stats.latency_us["capture_to_gl"].count == 10
    assert picture.shape == (SIZE[1], SIZE[0], 3)
    reference = to_rgb(seen[-1])
    for i, colour in enumerate(BARS):
        # The inner half of each bar: at the edges chroma is a mixture.
        middle = np.s_[20:-20, i * 40 + 10 : i * 40 + 30]
        assert np.abs(picture[middle] - reference[middle]).max() <= 1, f"bar {i} is not what the frame holds"
        wanted = np.full(3, colour @ LUMA) if FORMATS[name].model == "grey" else colour
        assert np.abs(picture[middle] - wanted).max() <= DRIVER_LEVELS, f"bar {i} is not what vivid draws"


PATH = """
import ctypes, json, sys, time
import camkit

probe = ctypes.CDLL(None)
holding = ctypes.PyDLL(None)  # PyDLL keeps the GIL during a call

def faults(tid):
    fields = open(f"/proc/self/task/{tid}/stat").read().rsplit(")", 1)[1].split()
    return int(fields[7]) + int(fields[9])

# Where a busy machine loses its first frame only later on, code runs then for the first time.
def map_programs():
    for line in open("/proc/self/maps"):
        place, rights, *_, name = line.split(maxsplit=5)
        if ".so" in name or "python" in name:
            begin, end = (int(part, 16) for part in place.split("-"))
            probe.madvise(ctypes.c_void_p(begin), ctypes.c_size_t(end - begin), 23 if "w" in rights else 22)

camera = camkit.open(sys.argv[1], format="YUYV", size=(320, 180), fps=120, timeout=600)
pipeline = camkit.Pipeline(camera, getattr(camkit, sys.argv[2])())
pipeline.start()
while pipeline.stats().frames.delivered < 60:
    time.sleep(0.05)
tid = pipeline._strands[0].thread.native_id
map_programs()
faults(tid)
begin, before = pipeline.stats().frames.delivered, faults(tid)
probe.alloc_probe_count(1)
holding.poll(None, 0, 2500)  # once: whoever asks for the GIL now and then stands still from there
probe.alloc_probe_count(0)
after, end = faults(tid), pipeline.stats().frames.delivered
pipeline.stop()
print(json.dumps({"frames": end - begin, "faults": after - before, "stats": pipeline.stats().as_dict(),
                  "allocations": probe.alloc_probe_ours(tid) + probe.alloc_probe_others(tid)}))
camera.close()
"""


@pytest.mark.parametrize("sink", ["NullSink", "Offscreen"])
def test_capture_allocates_nothing_faults_nothing_and_needs_no_gil(vivid, tmp_path, sink):
    library = tmp_path / "alloc_probe.so"
    source = Path(__file__).parents[1] / "native" / "alloc_probe.c"
    subprocess.run(["gcc", "-O2", "-shared", "-fPIC", source, "-o", library, "-ldl"], check=True)
    child = subprocess.run(
        [sys.executable, "-c", PATH, vivid.path, sink], env=dict(os.environ, LD_PRELOAD=str(library)),
        capture_output=True, text=True, timeout=800, check=False,
    )  # fmt: skip
    assert child.returncode == 0, child.stderr
    got = json.loads(child.stdout)
    # 300 where nothing holds the camera up.
    assert got["frames"] > 10, "frames flowed while the main thread held the GIL"
    # Of the source's thread, which with a null sink is the only one.
    assert (got["faults"], got["allocations"]) == (0, 0)
    if sink == "NullSink":
        assert got["stats"]["copies"]["per_frame"] == 0
