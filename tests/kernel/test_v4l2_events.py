"""Events of real drivers: controls, cameras that go away, ends of stream."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import camkit
from camkit.errors import (
    CameraDisconnected,
    ControlNotFound,
    SettingNotSupported,
)


def accounted(camera):
    stats = camera.stats()
    return stats.captured == stats.taken + stats.dropped.total


def kinds(camera):
    return [event.kind for event in camera.events.take()]


def test_changes_of_controls_are_told(any_vivid):
    with camkit.open(any_vivid.path) as camera, camkit.open(any_vivid.path) as other:
        controls = camera.controls
        before = controls.brightness
        try:
            controls.watch("brightness", "boolean", "integer_64_bits", "string")
            camera.events.take()
            other.controls.brightness = 77
            controls.boolean = not controls.boolean  # one's own too
            controls.integer_64_bits = 1 << 40
            controls.string = "abcd" if controls.string != "abcd" else "efgh"
            controls.contrast = 100  # not watched
            events = [camera.events.wait(60) for _ in range(4)]
            assert [event.kind for event in events] == ["control"] * 4
            told = {event.fields["name"]: event.fields for event in events}
            assert told["brightness"]["value"] == 77 and told["brightness"]["maximum"] == 255
            assert told["brightness"]["changes"] == ["value"] and told["boolean"]["value"] is controls.boolean
            assert told["integer_64_bits"]["value"] == 1 << 40 and told["string"]["value"] is None
            assert camera.events.wait(0) is None
            controls.watch("brightness", on=False)
            other.controls.brightness = 78
            assert camera.events.wait(0) is None
            with pytest.raises(ControlNotFound):
                controls.watch("brightnes")
        finally:
            assert controls.reset() == {}
        assert before == controls.brightness


def test_events_of_controls_leave_the_stream_alone(vivid):
    with camkit.open(vivid.path, size=(320, 180), fps=60) as camera:
        camera.controls.watch("brightness")
        marked, told = 0, []
        camera.events.listen(lambda event: told.append(event.fields.get("value")))
        for value in range(20):
            camera.controls.brightness = value
            while len(told) <= value:  # drivers keep one event of a control, and put the next in its place
                marked += camera.read().discontinuity
        assert told == list(range(20))
        assert not marked and accounted(camera)
        camera.controls.brightness = 128


def test_a_thread_waits_for_events_while_another_streams(vivid):
    with camkit.open(vivid.path, size=(320, 180), fps=60) as camera:
        camera.controls.watch("brightness")
        seen = []
        thread = threading.Thread(target=lambda: seen.extend(event.fields.get("value") for event in camera.events))
        thread.start()
        for count, value in enumerate([*range(10), 128], 1):
            camera.controls.brightness = value
            while len(seen) < count:
                camera.read()
        camera.close()
        thread.join()
    assert seen == [*range(10), 128]


def test_waiting_for_events_does_not_begin_a_stream(vivid):
    with camkit.open(vivid.path) as camera:
        assert camera.events.wait(0.05) is None
        with camkit.open(vivid.path, size=(640, 360)) as other:  # would be busy had a poll begun one
            assert other.read().size == (640, 360)


def test_events_of_the_webcam(webcam):
    with camkit.open(webcam.path) as camera:
        assert camera.events.kinds == ()  # it knows no source change
        with pytest.raises(SettingNotSupported, match="cannot tell of the beginning of frames: its driver has no such"):
            camera.events.watch_frames()
        camera.controls.watch()
        try:
            camera.controls.brightness = 3
            assert camera.events.wait(60).as_dict()["value"] == 3
            camera.read()
            camera.controls.brightness = 4
            camera.read()
            assert camera.events.wait(60).fields["value"] == 4
        finally:
            camera.controls.brightness = 0


def test_waiting_for_events_of_a_camera_that_goes_away(vivid):
    with camkit.open(vivid.path) as camera:
        errors = []

        def wait():
            try:
                while camera.events.wait() is not None:
                    pass
            except CameraDisconnected as error:
                errors.append(error)

        thread = threading.Thread(target=wait)
        thread.start()
        vivid.set("Disconnect")
        thread.join()
        assert len(errors) == 1 and errors[0].filename == vivid.path


ENDING = """
import camkit, sys
with camkit.open(sys.argv[1], format="YUYV", size=(320, 180), fps=60) as camera:
    frames = [(frame.corrupt, frame.keyframe, frame.nbytes < 1 << 20) for frame in camera]
    print(len(frames), any(frame[0] for frame in frames), [frame[1] for frame in frames].count(True))
    print(all(frame[2] for frame in frames))
    try:
        camera.read()
    except EOFError as error:
        print("EOF")
    stats = camera.stats()
    print(stats.captured - stats.taken - stats.dropped.total)
"""


@pytest.mark.parametrize(("how", "count"), [("", 6), ("PROBE_EMPTY", 5), ("PROBE_UNSAID", 6), ("PROBE_LONG", 6)])
def test_a_stream_that_its_driver_ends_is_over_and_no_error(any_vivid, tmp_path, how, count):
    library = tmp_path / "probe.so"
    source = Path(__file__).with_name("end_probe.c")
    subprocess.run(["cc", "-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    environment = os.environ | {"LD_PRELOAD": str(library), "PROBE_LAST": "5"} | ({how: "1"} if how else {})
    child = subprocess.run(
        [sys.executable, "-c", ENDING, any_vivid.path], env=environment, capture_output=True, text=True, timeout=800
    )
    assert child.returncode == 0, child.stderr
    assert child.stdout.split() == [str(count), "False", str(count - 5), "True", "EOF", "0"]
