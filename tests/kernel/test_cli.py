"""The command on real drivers: its account, its picture, and its exit codes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

CAMKIT = [sys.executable, "-m", "camkit"]
BARS = 8


def camkit_command(*arguments):
    return subprocess.run([*CAMKIT, *arguments], capture_output=True, text=True, timeout=800)


def start_streaming(path, *arguments):
    """Start a run without end, and return when its buffers are mapped."""
    process = subprocess.Popen(
        [*CAMKIT, "run", "--source", path, "--display", "none", "--json", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while path not in Path(f"/proc/{process.pid}/maps").read_text():
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    return process


def reference(pixels):
    """Convert (N, 3) Y, Cb, Cr of limited range by BT.601 to R, G, B in floating point."""
    y, cb, cr = (pixels.astype(float) - (16, 128, 128)).T
    y = y * 255 / 219
    red = y + 1.402 * cr * 255 / 224
    blue = y + 1.772 * cb * 255 / 224
    green = (y - 0.299 * red - 0.114 * blue) / 0.587
    return np.clip(np.stack([red, green, blue], 1), 0, 255)


@pytest.mark.smoke
def test_a_run_on_a_driver_delivers_all_and_shows_the_right_colours(vivid, open_camera, tmp_path):
    picture = tmp_path / "s.png"
    done = camkit_command(
        "run", "--source", vivid.path, "--format", "YUYV", "--size", "640x360", "--frames", "120",
        "--display", "headless", "--snapshot", str(picture), "--json", "--timeout", "600",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    frames, source = report["frames"], report["source"]
    assert frames["delivered"] == frames["displayed"] == 120
    assert frames["captured"] == 120 + sum(frames["dropped"].values())
    assert (source["kind"], source["driver"], source["device"]) == ("v4l2", "vivid", vivid.path)
    assert (source["format"], source["width"], source["height"]) == ("YUYV", 640, 360)
    assert (source["memory"], source["clock"], source["field"]) == ("mmap", "monotonic", "progressive")
    assert report["latency_us"]["capture_to_gl"]["count"] == 120
    camera = open_camera(vivid.path, format="YUYV", size=(640, 360))
    camera.start()
    row = camera.read().array[180]
    columns = np.arange(BARS) * 80 + 40  # even: there Cb stands beside Y, and Cr beside the next
    codes = np.stack([row[columns, 0], row[columns, 1], row[columns + 1, 1]], 1)
    with Image.open(picture) as image:
        shown = np.asarray(image.convert("RGB"))[180, columns]
    assert len({tuple(colour) for colour in shown}) == BARS
    assert np.abs(shown - reference(codes)).max() <= 2


def test_interlaced_video_is_reported(vivid):
    vivid.input(1)  # television
    done = camkit_command("run", "--source", vivid.path, "--frames", "2", "--display", "none", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["source"]["field"] == "interlaced"
    assert any("interlaced" in line for line in report["explain"])


def test_a_busy_camera_has_its_code(vivid):
    first = start_streaming(vivid.path, "--size", "640x360")
    try:
        done = camkit_command("run", "--source", vivid.path, "--size", "320x180", "--frames", "1", "--display", "none")
        assert done.returncode == 4
        assert done.stderr.startswith("camkit: ") and done.stderr.count("\n") == 1
        assert f"{vivid.path!r}: cannot set" in done.stderr
        assert f"it is streaming in process {first.pid} (" in done.stderr
    finally:
        first.send_signal(signal.SIGINT)
        out, _ = first.communicate(timeout=800)
    assert first.returncode == 0
    frames = json.loads(out)["frames"]
    assert frames["captured"] == frames["delivered"] + sum(frames["dropped"].values())


def test_a_refused_mode_has_its_code(vivid):
    done = camkit_command("run", "--source", vivid.path, "--format", "YUYV", "--size", "641x361", "--frames", "1")
    assert done.returncode == 5
    assert "nearest is YUYV 640x360" in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.parametrize("way", ["mmap", "userptr"])
@pytest.mark.parametrize("command", ["run", "record"])
def test_the_way_into_memory_can_be_chosen(vivid, tmp_path, command, way):
    output = ["--display", "none"] if command == "run" else [str(tmp_path / "v.mcap")]
    done = camkit_command(command, *output, "--source", vivid.path, "--frames", "3", "--io", way, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["source"]["io"] == way


def test_a_way_into_memory_that_is_none_is_a_bad_argument(vivid):
    done = camkit_command("run", "--source", vivid.path, "--io", "magic", "--frames", "1")
    assert done.returncode == 2
    assert "io is 'magic', not one of auto, expbuf, mmap" in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.smoke
def test_a_camera_that_goes_away_has_its_code(vivid):
    process = start_streaming(vivid.path)
    vivid.set("Disconnect")
    out, err = process.communicate(timeout=800)
    assert process.returncode == 6
    assert "is gone" in err.splitlines()[-1]
    report = json.loads(out)
    assert report["error"]["type"] == "CameraDisconnected"
    # On a slow machine the camera may go after its buffers are mapped and before it streams: then there are no frames.
    if frames := report.get("frames"):
        assert frames["captured"] == frames["delivered"] + sum(frames["dropped"].values())


def test_an_unplugged_camera_is_waited_for(plugged):
    process = start_streaming(plugged.path, "--reconnect", "60")
    plugged.order("unplug")
    assert process.stderr.readline() == f"camkit: {plugged.path!r} is gone: waiting until it is plugged in again\n"
    plugged.order("plug")
    assert "is back" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=800)
    assert process.returncode == 0, err
    report = json.loads(out)
    assert report["outages"] == 1 and report["outage_s"] > 0 and report["error"] is None
    assert "1, the camera was away for" in err
    frames = report["frames"]
    assert frames["captured"] == frames["delivered"] + sum(frames["dropped"].values())
    assert any("away once for" in line for line in report["explain"])


def test_a_camera_that_stays_away_has_its_code(plugged):
    process = start_streaming(plugged.path, "--reconnect", "0.5")
    plugged.order("unplug")
    _, err = process.communicate(timeout=800)
    assert process.returncode == 6, err
    assert "did not come back within 0.5 s" in err.splitlines()[-1]


def test_a_silent_camera_has_its_code(vivid):
    vivid.set("Percentage of Dropped Buffers", 100)
    done = camkit_command("run", "--source", vivid.path, "--timeout", "0.3", "--display", "none")
    assert done.returncode == 7
    assert done.stderr.splitlines()[-1].startswith("camkit: ")


def test_auto_takes_the_real_camera(vivid):
    done = camkit_command("run", "--display", "none", "--frames", "2", "--json")
    assert done.returncode == 0
    assert f"--source auto takes {vivid.path!r}" in done.stderr
    assert json.loads(done.stdout)["source"]["kind"] == "v4l2"


def test_list_and_info_agree_with_the_driver(vivid):
    cameras = json.loads(camkit_command("list", "--json").stdout)["cameras"]
    mine = next(row for row in cameras if row["path"] == vivid.path)
    assert mine["driver"] == "vivid"
    told = json.loads(camkit_command("info", mine["id"], "--json").stdout)
    assert told["path"] == vivid.path
    yuyv = next(row for row in told["formats"] if row["name"] == "YUYV")
    assert {(size["width"], size["height"]) for size in yuyv["sizes"]} >= {(640, 360), (1280, 720)}
