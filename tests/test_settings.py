"""What is decided about inputs, timings, rectangles and events before any driver is asked."""

from __future__ import annotations

import json
import sys
import threading
from dataclasses import replace
from typing import Any

import pytest

import camkit
from camkit.camera_capture.events import Event, Events
from camkit.camera_capture.inputs import Signal, Standard, standard_name
from camkit.camera_capture.selection import Rect, Selection, check_rect
from camkit.camera_capture.timings import REDUCED_FPS, Timings, check_timings, is_named, nearest_timings
from camkit.errors import SettingNotSupported

FULL_HD = Timings(1920, 1080, False, 148_500_000, 3, (88, 44, 148), (4, 5, 36), flags=2)
INTERLACED = Timings(1920, 1080, True, 74_250_000, 3, (528, 44, 148), (2, 5, 15), (2, 5, 16))
VGA = Timings(640, 480, False, 25_175_000, 0, (16, 96, 48), (10, 2, 33))


def test_timings_have_the_names_people_use() -> None:
    assert [str(timings) for timings in (FULL_HD, INTERLACED, VGA)] == ["1920x1080p60", "1920x1080i50", "640x480p59.94"]
    assert (FULL_HD.fps, INTERLACED.fps) == (60.0, 25.0)
    assert str(replace(FULL_HD, flags=REDUCED_FPS)) == "1920x1080p59.94"
    assert Timings(640, 480, False, 0).fps > -1 and str(Timings(640, 480, False, 0)) == "640x480p0"
    assert json.loads(json.dumps(VGA.as_dict()))["name"] == "640x480p59.94"


@pytest.mark.parametrize(
    ("name", "timings", "fits"),
    [
        ("1920x1080p60", FULL_HD, True),
        ("1920x1080P60", FULL_HD, True),
        ("1920x1080p59.94", FULL_HD, False),
        ("1920x1080i60", FULL_HD, False),
        ("1920x1080i50", INTERLACED, True),
        ("1920x1080i25", INTERLACED, False),
        ("640x480p60", VGA, True),
        ("640x480p59.94", VGA, True),
        ("640x480p60.0", VGA, False),
        ("640x481p60", VGA, False),
    ],
)
def test_a_name_means_what_it_says(name: str, timings: Timings, fits: bool) -> None:
    assert is_named(name, timings) == fits


def test_the_nearest_timings_come_first_and_may_be_reduced() -> None:
    names = [str(timings) for timings in nearest_timings("1920x1080p59.94", [VGA, INTERLACED, FULL_HD])]
    assert names == ["1920x1080p59.94", "1920x1080p60", "640x480p59.94", "1920x1080i50"]


def test_a_receiver_measures_the_clock_roughly() -> None:
    assert FULL_HD.same(replace(FULL_HD, pixelclock=148_350_000, flags=0, standards=1))
    assert not FULL_HD.same(replace(FULL_HD, pixelclock=148_000_000))
    assert not FULL_HD.same(replace(FULL_HD, vertical=(4, 5, 37)))
    assert not FULL_HD.same(INTERLACED)


@pytest.mark.parametrize(
    "wish", ["", "1080p", "1920x1080", "1920x1080x60", "1920x1080p", "axbpc", "1920x1080p60 ", "١x١p١"]
)
def test_no_name_of_timings(wish: str) -> None:
    with pytest.raises(ValueError, match="timings is"):
        check_timings(wish)


def test_rectangles_are_checked() -> None:
    assert check_rect("crop", [1, 2, 3, 4]) == Rect(1, 2, 3, 4)
    assert str(Rect(-1, 2, 3, 4)) == "3x4-1+2" and Rect(1, 2, 3, 4).size == (3, 4)
    for wrong in (None, 3, (1, 2, 3), (1, 2, 3, 4, 5), "1234", (1.5, 2, 3, 4), (True, 2, 3, 4)):
        with pytest.raises(TypeError, match="crop is"):
            check_rect("crop", wrong)
    for wrong in ((0, 0, 0, 1), (0, 0, 1, -1), (1 << 40, 0, 1, 1)):
        with pytest.raises(ValueError, match="crop is"):
            check_rect("crop", wrong)
    told = Selection(Rect(0, 0, 1, 1), None, Rect(0, 0, 2, 2)).as_dict()
    assert told == {"rect": [0, 0, 1, 1], "default": None, "bounds": [0, 0, 2, 2]}


def test_a_set_of_standards_has_a_name() -> None:
    known = [Standard("PAL", 0xFF, 25, 625), Standard("PAL-BG", 7, 25, 625), Standard("NTSC", 0xB000, 29.97, 525)]
    assert [standard_name(bits, known) for bits in (0, 0xFF, 7, 3, 0x10, 0xB0FF, 0x1000000)] == [
        "", "PAL", "PAL-BG", "PAL-BG", "PAL", "PAL/PAL-BG/NTSC", "0x1000000"
    ]  # fmt: skip


def test_a_signal_is_lost_only_where_that_is_known() -> None:
    assert [Signal(state).lost for state in ("ok", "unknown", "no signal", "no lock", "out of range")] == [
        False, False, True, True, True
    ]  # fmt: skip
    assert str(Signal("ok", "HDMI", timings=VGA)) == "signal on input 'HDMI': ok, 640x480p59.94"
    assert json.dumps(Signal("ok", "HDMI", ("x",), VGA).as_dict())


def test_events_are_bounded_and_the_lost_ones_counted() -> None:
    events = Events(limit=3)
    for number in range(5):
        events.add("test", number, number=number)
    assert (len(events), events.lost) == (3, 2)
    assert events.wait(0) == Event("test", 2, {"number": 2})
    assert [event.as_dict() for event in events.take()] == [
        {"kind": "test", "time_ns": 3, "number": 3},
        {"kind": "test", "time_ns": 4, "number": 4},
    ]
    assert events.wait(0) is None and events.take() == []


@pytest.mark.parametrize("timeout", [float("nan"), -1, float("inf"), "1", True])
def test_a_wait_that_cannot_end_is_refused(timeout: Any) -> None:
    events = Events()
    events.close()  # a wait that is not refused ends all the same
    with pytest.raises((TypeError, ValueError), match="timeout is"):
        events.wait(timeout)


def test_a_listener_that_cannot_listen_is_refused_at_once() -> None:
    events = Events()
    with pytest.raises(TypeError, match="listener is 5"):
        events.listen(5)  # type: ignore[arg-type]
    events.add("one")


def test_a_thread_that_waits_is_woken_and_ends_with_the_camera() -> None:
    events, seen = Events(), []
    thread = threading.Thread(target=lambda: seen.extend(event.kind for event in events))
    thread.start()
    for kind in ("one", "two"):
        events.add(kind)
    events.close()
    thread.join()
    assert seen == ["one", "two"]


def test_listeners_hear_all_until_they_end() -> None:
    events, heard = Events(limit=1), []
    end = events.listen(lambda event: heard.append(event.kind))
    events.add("one")
    events.add("two")
    end()
    end()
    events.add("three")
    assert heard == ["one", "two"] and [event.kind for event in events.take()] == ["three"]


def test_a_camera_that_has_none_of_it_says_so() -> None:
    with camkit.open("synthetic") as camera:
        assert (camera.inputs, camera.input, camera.signal.state, camera.standard) == ((), None, "unknown", None)
        assert (camera.timings, camera.edid, camera.crop, camera.selections, camera.priority) == (None,) * 3 + (
            {},
            None,
        )
        for name, value in (("crop", (0, 0, 1, 1)), ("compose", (0, 0, 1, 1)), ("edid", b"")):
            with pytest.raises(SettingNotSupported, match="synthetic"):
                setattr(camera, name, value)
        with pytest.raises(SettingNotSupported):
            camera.events.watch_frames()
        camera.controls.watch()  # none there, none refused
        waiter = threading.Thread(target=camera.events.wait)
        waiter.start()
    waiter.join()
    assert camera.events.wait() is None


@pytest.mark.skipif(sys.platform != "linux", reason="V4L2 is Linux")
@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"rotate": 45}, ValueError, "rotate is 45, not one of 0, 90, 180, 270"),
        ({"rotate": 360}, ValueError, "rotate is 360, not one of 0, 90, 180, 270"),
        ({"rotate": 90.0}, TypeError, "rotate is 90.0, not one of 0, 90, 180, 270"),
        ({"rotate": False}, TypeError, "rotate is False, not one of 0, 90, 180, 270"),
        ({"hflip": 1}, TypeError, "hflip is 1"),
        ({"input": True}, TypeError, "input is True"),
        ({"standard": 1}, TypeError, "standard is 1"),
        ({"timings": 1}, TypeError, "timings is 1"),
        ({"priority": "high"}, ValueError, "background, interactive, record"),
        ({"on_change": "ignore"}, ValueError, "renegotiate, raise"),
        ({"on_no_signal": "ignore"}, ValueError, "wait, raise"),
        ({"crop": "all"}, TypeError, "crop is 'all'"),
    ],
)
def test_options_are_checked(options: dict[str, object], error: type[Exception], words: str) -> None:
    from camkit.camera_capture._v4l2.wishes import Wishes

    with pytest.raises(error, match=words):
        Wishes.make(options)
    assert Wishes.make({"stride": 3}) == Wishes()
