"""Inputs, analogue standards and priority of real drivers."""

from __future__ import annotations

import json

import pytest

import camkit
from camkit.camera_capture.registry import list_settings
from camkit.cli import main
from camkit.errors import CameraBusy, NoSignal, SettingNotSupported


@pytest.fixture
def path(any_vivid):
    any_vivid.changed.add("input")  # so that it is put back
    yield any_vivid.path
    with camkit.open(any_vivid.path, input="S-Video"):
        any_vivid.set("Standard Signal Mode", 0)


def names(camera):
    return [row.name.split()[0] for row in camera.inputs]


def test_inputs_are_told_and_chosen_by_name_and_number(path):
    with camkit.open(path) as camera:
        assert names(camera) == ["Webcam", "TV", "S-Video", "HDMI"]
        assert [row.kind for row in camera.inputs] == ["camera", "tuner", "camera", "camera"]
        assert [row.has_standards for row in camera.inputs] == [False, True, True, False]
        assert [row.has_timings for row in camera.inputs] == [False, False, False, True]
        assert camera.input == camera.inputs[0] and camera.input.current
        full = camera.inputs[2].name
    for wish in (2, full, full.upper(), "s-vid"):
        with camkit.open(path, input=0):
            pass
        with camkit.open(path, input=wish) as camera:
            assert (camera.input.index, camera.size) == (2, (720, 576))
            assert full in camera.explain()
            assert camera.read().size == (720, 576)


@pytest.mark.parametrize("wish", ["Composite", "", 4, -1])
def test_an_input_that_is_not_there(path, wish):
    with camkit.open(path, input=1):
        pass
    with pytest.raises(SettingNotSupported, match=r"with input=.*: there are 0 'Webcam .*', 1 'TV .*3 'HDMI"):
        camkit.open(path, input=wish)
    with camkit.open(path) as camera:
        assert camera.input.index == 1


def test_a_refusal_leaves_the_input_as_it_was(path):
    for wishes in (
        {"size": (100, 100), "input": 2, "fps": 7},
        {"input": 3, "standard": "PAL"},
        {"input": 2, "rotate": 90},
    ):
        with pytest.raises(camkit.CamkitError):
            camkit.open(path, **wishes)
        with camkit.open(path) as camera:
            assert camera.input.index == 0, wishes


def test_the_input_cannot_be_changed_under_a_stream(path):
    with camkit.open(path) as camera:
        camera.read()
        with pytest.raises(CameraBusy, match="open with input 'HDMI"):
            camkit.open(path, input="HDMI")
        assert camera.read() is not None


def test_standards_are_told_and_set(path):
    with camkit.open(path, input="S-Video", standard="ntsc-m") as camera:
        assert (camera.standard, camera.size, round(camera.fps, 2)) == ("NTSC-M", (720, 480), 29.97)
        rows = {row.name: row for row in camera.standards}
        assert (rows["PAL"].fps, rows["PAL"].lines, rows["NTSC"].lines) == (25.0, 625, 525)
        assert (camera.signal.state, camera.signal.standard, camera.timings) == ("ok", "NTSC-M", None)
        assert camera.stream.field == "interlaced"
    with camkit.open(path, input="S-Video") as camera:  # nobody asked, so it stays
        assert camera.standard == "NTSC-M"
    with camkit.open(path, input="S-Video", standard="PAL") as camera:
        assert (camera.standard, camera.read().size) == ("PAL", (720, 576))


def test_the_standard_of_the_signal_is_taken_where_nobody_asks(any_vivid, path):
    with camkit.open(path, input="S-Video", standard="PAL"):
        pass
    any_vivid.set("Standard", 0)  # NTSC-M
    any_vivid.set("Standard Signal Mode", 4)
    for wishes in ({}, {"standard": "auto"}):
        with camkit.open(path, input="S-Video", **wishes) as camera:
            assert (camera.standard, camera.size) == ("NTSC-M", (720, 480))
        with camkit.open(path, input="S-Video", standard="PAL") as camera:  # who asks gets it
            assert camera.standard == "PAL"
    any_vivid.set("Standard Signal Mode", 1)
    with pytest.raises(NoSignal, match=r"cannot tell what comes in at 'S-Video.*no signal"):
        camkit.open(path, input="S-Video", standard="auto")
    with camkit.open(path, input="S-Video") as camera:
        assert camera.signal.lost and camera.input.status == ("no signal",)


def test_a_standard_that_is_not_there(path):
    with pytest.raises(SettingNotSupported, match="standard='PALPLUS': there are NTSC, NTSC-M"):
        camkit.open(path, input="TV", standard="PALPLUS")
    with pytest.raises(SettingNotSupported, match="its input 'HDMI .*' has no standard"):
        camkit.open(path, input="HDMI", standard="PAL")
    with pytest.raises(SettingNotSupported, match="its input 'TV .*' has no timings"):
        camkit.open(path, input="TV", timings="auto")


def test_priority_keeps_others_out(path):
    with camkit.open(path, size=(320, 180)) as camera:
        assert camera.priority == "interactive"
    with camkit.open(path, size=(320, 180), priority="record") as camera:
        assert camera.priority == "record"
        with pytest.raises(CameraBusy, match="somebody has opened it with priority 'record'"):
            camkit.open(path, size=(640, 360))
        assert camera.size == (320, 180)
    # The fixture has it open too, and with the usual priority.
    with pytest.raises(CameraBusy, match="somebody has opened it with priority 'interactive'"):
        camkit.open(path, size=(640, 360), priority="background")
    with camkit.open(path, size=(640, 360)) as camera:
        assert camera.read().size == (640, 360)


def test_asking_changes_nothing(path):
    with camkit.open(path, input="S-Video", standard="NTSC-M"):
        pass
    before = list_settings(path)
    for _ in range(2):
        assert list_settings(path) == before
    assert before["standard"] == "NTSC-M" and before["inputs"][2]["current"]
    with camkit.open(path) as camera:
        camera.read()
        assert list_settings(path) == before  # also beside a stream
        assert camera.read() is not None


def test_info_command_tells_them(path, capsys):
    with camkit.open(path, input="S-Video", standard="NTSC-M"):
        pass
    assert main(["info", path, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [row["name"].split()[0] for row in told["inputs"]] == ["Webcam", "TV", "S-Video", "HDMI"]
    assert (told["standard"], told["signal"]["state"], told["timings"], told["priority"]) == (
        "NTSC-M", "ok", None, "interactive"
    )  # fmt: skip
    assert {"name": "PAL", "fps": 25.0, "lines": 625} in told["standards"]
    assert main(["info", path]) == 0
    out = capsys.readouterr().out
    assert any(line.split()[:3] == ["*", "2", "S-Video"] for line in out.splitlines()), out
    assert "NTSC-M" in out


def test_the_webcam_has_one_input_and_no_more(webcam):
    with camkit.open(webcam.path) as camera:
        assert len(camera.inputs) == 1 and camera.input.kind == "camera"
        assert camera.signal.state == "unknown" and not camera.signal.lost
        assert (camera.standard, camera.standards, camera.timings, camera.offered_timings) == (None, (), None, ())
        assert (camera.edid, camera.selections, camera.crop, camera.timings_range) == (None, {}, None, None)
    for wish, why in {
        "standard": "has no standard", "timings": "has no timings", "crop": "has no such rectangle",
        "compose": "has no such rectangle", "rotate": "no such control", "hflip": "no such control",
    }.items():  # fmt: skip
        value = {"standard": "PAL", "timings": "auto", "rotate": 0, "hflip": True}.get(wish, (0, 0, 64, 64))
        with pytest.raises(SettingNotSupported, match=why):
            camkit.open(webcam.path, **{wish: value})
    with camkit.open(webcam.path, input=0, priority="record") as camera:
        assert camera.read() is not None
