"""Digital video timings and EDID of a real driver."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import camkit
from camkit.camera_capture.timings import Timings
from camkit.cli import main
from camkit.errors import CameraBusy, FormatNotSupported, NoSignal, SettingNotSupported

DOCUMENT = Path(__file__).parents[2] / "docs" / "settings.md"
USUAL = {"input": "HDMI", "timings": "1280x720p60"}


@pytest.fixture
def hdmi(any_vivid):
    any_vivid.changed.add("input")
    camkit.open(any_vivid.path, **USUAL).close()
    yield any_vivid
    any_vivid.set("DV Timings Signal Mode", 0)
    camkit.open(any_vivid.path, **USUAL).close()


def offer(vivid, name):
    """Let a signal of these timings come in."""
    with camkit.open(vivid.path) as camera:
        menu = camera.controls.info("dv_timings").menu
    vivid.set("DV Timings", next(number for number, text in menu.items() if text == name))
    vivid.set("DV Timings Signal Mode", 4)


def test_timings_are_told_and_set_by_name(hdmi):
    with camkit.open(hdmi.path, input="HDMI", timings="1920x1080p60") as camera:
        timings = camera.timings
        assert (str(timings), timings.fps, timings.pixelclock) == ("1920x1080p60", 60.0, 148_500_000)
        assert (camera.size, camera.fps) == ((1920, 1080), 60.0)
        assert timings in camera.offered_timings and len(camera.offered_timings) > 100
        assert camera.timings_range.max_width == 4096
        assert camera.signal.timings == timings
        assert camera.read().size == (1920, 1080)
    with camkit.open(hdmi.path, input="HDMI", timings=timings) as camera:
        assert camera.timings == timings
    with camkit.open(hdmi.path, input="HDMI", timings="640x480p60") as camera:  # 59.94 in truth
        assert (str(camera.timings), camera.size) == ("640x480p59.94", (640, 480))


@pytest.mark.parametrize("timings", ["640x480p60", "1920x1080p60"])
def test_the_documents_first_program_takes_any_signal(hdmi, timings, capsys):
    camkit.open(hdmi.path, input="HDMI", timings=timings).close()
    [program] = re.findall(r"```python\n(import camkit\n.*?)```", DOCUMENT.read_text(), re.DOTALL)
    exec(program.replace("/dev/video0", hdmi.path).replace("in camera:", "in (camera.read(),):"), {})
    assert "signal on input" in capsys.readouterr().out


def test_what_is_detected_is_taken_where_nobody_asks(hdmi):
    offer(hdmi, "800x600p60")
    for wishes in ({}, {"timings": "auto"}):
        camkit.open(hdmi.path, **USUAL).close()
        with camkit.open(hdmi.path, input="HDMI", **wishes) as camera:
            assert (camera.size, camera.timings.width) == ((800, 600), 800)
            assert not camera.read().discontinuity
    with camkit.open(hdmi.path, **USUAL) as camera:  # who asks gets it
        assert (camera.size, camera.signal.timings.width) == ((1280, 720), 800)


@pytest.mark.parametrize(("mode", "state"), [(1, "no signal"), (2, "no lock"), (3, "out of range")])
def test_no_usable_signal(hdmi, mode, state):
    hdmi.set("DV Timings Signal Mode", mode)
    with pytest.raises(NoSignal, match=rf"what comes in at 'HDMI.*'{'.*'}{state if mode < 3 else 'no lock'}"):
        camkit.open(hdmi.path, input="HDMI", timings="auto")
    with camkit.open(hdmi.path, input="HDMI") as camera:
        assert camera.signal.lost and camera.signal.timings is None
        assert str(camera.timings) == "1280x720p60"


@pytest.mark.parametrize(
    ("wish", "why"),
    [
        ("1920x1080p61", "nearest are 1920x1080p60, 1920x1080p59.94, 1920x1080p50"),
        ("1920x1080p59.94", "nearest is 1920x1080p60"),  # vivid takes it for the other
        ("4096x4096p24", "nearest are 4096x2160p24"),
        (Timings(1000, 1000, False, 1), "its driver does not take them for 'HDMI"),
    ],
)
def test_timings_that_are_not_there(hdmi, wish, why):
    with pytest.raises(SettingNotSupported, match=why):
        camkit.open(hdmi.path, input="HDMI", timings=wish)
    with camkit.open(hdmi.path) as camera:
        assert str(camera.timings) == "1280x720p60"


def test_the_nearest_timings_are_told(hdmi):
    with camkit.open(hdmi.path, input="HDMI", timings="1921x1080p60", match="nearest") as camera:
        assert camera.stream.differences == {"timings": ("1921x1080p60", "1920x1080p60")}


def test_interlaced_timings_are_refused_as_camkit_cannot_weave(hdmi):
    with pytest.raises(FormatNotSupported, match="by turns"):
        camkit.open(hdmi.path, input="HDMI", timings="1920x1080i50")
    with camkit.open(hdmi.path) as camera:
        assert str(camera.timings) == "1280x720p60"  # put back


def test_timings_cannot_be_changed_under_a_stream(hdmi):
    with camkit.open(hdmi.path, **USUAL) as camera:
        camera.read()
        with pytest.raises(CameraBusy, match="set timings 1920x1080p60"):
            camkit.open(hdmi.path, input="HDMI", timings="1920x1080p60")
        assert camera.read() is not None


def test_edid_is_read_and_written_as_bytes(hdmi):
    with camkit.open(hdmi.path, **USUAL) as camera:
        edid = camera.edid
        # One block or two: resetting vivid's controls cuts it.
        assert len(edid) in (128, 256) and edid.startswith(b"\x00" + b"\xff" * 6 + b"\x00")
        try:
            camera.edid = edid[:128]
            assert camera.edid == edid[:128]
            camera.edid = b""
            assert camera.edid == b"" and camera.signal.state == "no signal"
            for wrong, error in ((edid[:100], ValueError), ("text", TypeError), (edid[:128] * 4, SettingNotSupported)):
                with pytest.raises(error, match="EDID"):
                    camera.edid = wrong
        finally:
            camera.edid = edid
        assert camera.edid == edid
        camera.start()
        with pytest.raises(CameraBusy, match="set the EDID"):
            camera.edid = edid
    with camkit.open(hdmi.path, input=0) as camera:
        assert camera.edid is None
        with pytest.raises(SettingNotSupported, match="EDID of '/dev/video.*' at input 'Webcam .*': it can have none"):
            camera.edid = edid


def test_run_command_takes_them(hdmi, capsys):
    wishes = ["--input", "HDMI", "--timings", "800x600p60", "--crop", "320x240+16+8"]
    rest = ["--format", "YUYV", "--frames", "3", "--display", "none", "--json"]
    assert main(["run", "--source", hdmi.path, *wishes, *rest]) == 0
    source = json.loads(capsys.readouterr().out)["source"]
    assert (source["width"], source["height"]) == (320, 240) and source["fps"] == pytest.approx(60.32, rel=1e-3)
    assert main(["run", "--source", hdmi.path, "--input", "Composite", *rest]) == 5
    assert "with input='Composite'" in capsys.readouterr().err
    assert main(["run", "--source", "synthetic", "--input", "1", *rest]) == 2
    assert "no option 'input'" in capsys.readouterr().err


def test_info_command_tells_them(hdmi, capsys):
    offer(hdmi, "800x600p60")
    assert main(["info", hdmi.path, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["timings"]["name"], told["signal"]["timings"]["width"]) == ("1280x720p60", 800)
    assert "1920x1080p60" in [row["name"] for row in told["offered_timings"]]
    assert told["selections"]["crop"]["bounds"] == [0, 0, 1280, 720] and len(told["edid"]) in (256, 512)
    assert main(["info", hdmi.path]) == 0
    out = capsys.readouterr().out
    assert "1280x720p60" in out and "crop" in out and "800x600" in out
