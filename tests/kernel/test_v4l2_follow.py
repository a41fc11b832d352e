"""Streams that follow their source: other signals, lost signals, and what cannot be followed."""

from __future__ import annotations

import itertools
import signal
import threading
import time

import numpy as np
import pytest

import camkit
from camkit.camera_capture._v4l2.follow import Follower
from camkit.errors import (
    FormatNotSupported,
    NoSignal,
    SettingNotSupported,
    SourceChanged,
)
from tests.kernel.conftest import wait_for_frame, wait_until

HDMI = {"input": "HDMI", "format": "YUYV"}
CURRENT, NO_SIGNAL, NO_LOCK, OUT_OF_RANGE, SELECTED, CYCLE = range(6)


@pytest.fixture
def hdmi(any_vivid):
    any_vivid.changed.add("input")
    camkit.open(any_vivid.path, **HDMI, timings="1280x720p60").close()
    yield any_vivid
    if "Disconnect" not in any_vivid.changed:
        any_vivid.set("DV Timings Signal Mode", CURRENT)
        camkit.open(any_vivid.path, **HDMI, timings="1280x720p60").close()
        with camkit.open(any_vivid.path, input="S-Video"):
            any_vivid.set("Standard Signal Mode", CURRENT)


def accounted(camera):
    stats = camera.stats()
    return stats.captured == stats.taken + stats.dropped.total


def kinds(camera):
    return [event.kind for event in camera.events.take()]


def facts(frame):
    return frame.sequence, frame.gap, frame.size, frame.discontinuity


def read_until(camera, size):
    """Read until a frame has this size; return it, and the facts of those before."""
    before = []
    while True:
        frame = wait_for_frame(camera)
        if frame.size == size:
            return frame, before
        before.append(facts(frame))


def test_a_stream_follows_new_timings_and_marks_the_first_frame(hdmi):
    with camkit.open(hdmi.path, **HDMI) as camera:
        first = camera.read()
        before = first.array.copy()
        assert not first.discontinuity
        hdmi.offer(camera, "800x600p60")
        new, old = read_until(camera, (800, 600))
        assert (new.size, new.array.shape, new.discontinuity) == ((800, 600), (600, 800, 2), True)
        assert all(size == (1280, 720) and not marked for _, _, size, marked in old)
        assert new.generation == first.generation + 1
        assert (camera.size, camera.stream.width, camera.stream.fps) == (
            (800, 600),
            800,
            pytest.approx(60.32, rel=1e-3),
        )
        assert camera.timings.width == 800 and camera.stream.stride == 1600
        more = [facts(camera.read()) for _ in range(4)]
        assert not any(marked for *_, marked in more)
        # Numbers and account go on.
        numbers, gaps, *_ = zip(facts(first), *old, facts(new), *more, strict=True)
        assert list(np.diff(numbers)) == [gap + 1 for gap in gaps[1:]] and accounted(camera)
        assert camera.stats().captured == numbers[-1] - numbers[0] + 1
        # The old frame is what it was.
        assert first.array.shape == (720, 1280, 2) and np.array_equal(first.array, before)
        told = {event.kind: event for event in camera.events.take()}
        assert told["source_change"].fields["changes"] == ["resolution"]
        assert told["signal"].fields["timings"]["width"] == 800
        assert told["renegotiated"].fields["before"] == "YUYV 1280x720@60"
        assert told["renegotiated"].fields["after"].startswith("YUYV 800x600@60.3")
        assert "began anew 1 times" in camera.explain() and "ok, 800x600p60" in camera.explain()
        del first, new
        camera.stop()
        camera.start()
        frame = camera.read()
        assert (frame.size, frame.discontinuity) == ((800, 600), False)


def test_frames_that_a_change_overtakes_are_in_the_account(hdmi):
    sizes = itertools.cycle([("800x600p60", (800, 600)), ("1024x768p60", (1024, 768))])
    with camkit.open(hdmi.path, **HDMI) as camera:
        before, lost = camera.read().sequence, 0
        while lost < 2:  # a guest that is held up fills less
            name, size = next(sizes)
            dropped = camera.stats().dropped.driver
            hdmi.offer(camera, name)
            # Whoever fetches the event, the reader learns of it; meanwhile the driver fills all it has.
            assert camera.events.wait(60).kind == "source_change"
            time.sleep(0.2)
            frame = camera.read()
            lost = next(event.fields["frames_lost"] for event in camera.events.take() if event.kind == "renegotiated")
            assert frame.gap == lost and frame.sequence == before + 1 + lost
            assert frame.size == size and frame.discontinuity and accounted(camera)
            assert camera.stats().dropped.driver == dropped + lost
            before = frame.sequence


def test_many_changes_in_a_row_leak_nothing(hdmi, open_files):
    with camkit.open(hdmi.path, **HDMI) as camera:
        camera.read()
        before = open_files()
        sizes = {"800x600p60": (800, 600), "640x480p72": (640, 480), "1024x768p60": (1024, 768)}
        for _ in range(3):
            for name, size in sizes.items():
                hdmi.offer(camera, name)
                assert read_until(camera, size)[0].discontinuity
        assert open_files() == before and accounted(camera)
        assert camera.source.generation == 1 + 3 * len(sizes)
    assert camera.events.wait() is not None  # what happened can be read afterwards


def test_a_held_view_of_the_old_stream_outlives_the_new_one(hdmi):
    with camkit.open(hdmi.path, **HDMI) as camera:
        views = [camera.read().array for _ in range(2)]
        kept = [view.copy() for view in views]
        hdmi.offer(camera, "640x480p72")
        for _ in range(3):
            read_until(camera, (640, 480))
        hdmi.offer(camera, "800x600p60")
        read_until(camera, (800, 600))
    assert all(np.array_equal(view, copy) for view, copy in zip(views, kept, strict=True))


def test_an_error_instead_by_choice(hdmi):
    with camkit.open(hdmi.path, **HDMI, on_change="raise") as camera:
        camera.read()
        hdmi.offer(camera, "800x600p60")
        for _ in range(2):  # not told once and then forgotten
            with pytest.raises(SourceChanged, match=r"ok, 800x600p60.* than YUYV 1280x720@60 was set up for; stop\(\)"):
                for _ in range(1000):
                    camera.read()
        assert camera.size == (1280, 720) and accounted(camera)
        camera.stop()
        camera.start()
        assert camera.read().size == camera.size == (800, 600)
        assert "renegotiated" not in kinds(camera)


def test_what_was_asked_for_must_still_hold(hdmi):
    with camkit.open(hdmi.path, **HDMI, timings="1280x720p60") as camera:
        camera.read()
        hdmi.offer(camera, "800x600p60")
        for _ in range(2):
            with pytest.raises(
                SourceChanged, match="the signal is 800x600p60.* and timings='1280x720p60' was asked for"
            ):
                for _ in range(1000):
                    camera.read()
        hdmi.offer(camera, "1280x720p60")  # it comes back, and so does the stream
        frame = camera.read()
        assert frame.size == (1280, 720) and frame.discontinuity and accounted(camera)
    with camkit.open(hdmi.path, **HDMI, timings="1280x720p60", match="nearest") as camera:
        camera.read()
        hdmi.offer(camera, "800x600p60")
        assert read_until(camera, (800, 600))[0].discontinuity
        name, got = camera.stream.differences["timings"]
        assert (name, got.partition("p")[0]) == ("1280x720p60", "800x600")
    offered = {"size": (1280, 720), "timings": None}
    hdmi.set("DV Timings Signal Mode", CURRENT)
    with camkit.open(hdmi.path, **HDMI, **offered) as camera:
        camera.read()
        hdmi.offer(camera, "1920x1080p60")
        for _ in range(1000):  # this size holds: the device scales
            if camera.read().discontinuity:
                break
        assert camera.size == (1280, 720) and camera.timings.width == 1920


def test_a_signal_that_camkit_cannot_take_is_an_error_until_it_changes(hdmi):
    with camkit.open(hdmi.path, **HDMI) as camera:
        camera.read()
        hdmi.offer(camera, "1920x1080i25")
        for _ in range(2):
            with pytest.raises(FormatNotSupported, match="by turns"):
                for _ in range(1000):
                    camera.read()
        hdmi.offer(camera, "800x600p60")
        assert camera.read().size == (800, 600) and accounted(camera)


@pytest.mark.parametrize(("mode", "state"), [(NO_SIGNAL, "no signal"), (NO_LOCK, "no lock"), (OUT_OF_RANGE, "no lock")])
def test_without_a_signal_frames_are_no_pictures(hdmi, mode, state):
    with camkit.open(hdmi.path, **HDMI, timeout=0.5) as camera:
        wait_for_frame(camera)
        camera.events.take()
        hdmi.set("DV Timings Signal Mode", mode)
        with pytest.raises(NoSignal, match=rf"no picture to be had: signal on input 'HDMI.*{state}"):
            for _ in range(1000):
                camera.read()
        assert camera.signal.lost and camera.signal.state == state
        assert f": {state}" in camera.explain() and camera.stats().dropped.corrupt > 0
        hdmi.set("DV Timings Signal Mode", CURRENT)
        frame = wait_for_frame(camera)
        assert frame.gap >= camera.stats().dropped.corrupt > 0 and not frame.corrupt and accounted(camera)
        states = [event.fields["state"] for event in camera.events.take() if event.kind == "signal"]
        assert states == [state, "ok"]


def test_frames_without_a_signal_are_delivered_as_corrupt_by_choice(hdmi):
    with camkit.open(hdmi.path, **HDMI, corrupt="deliver") as camera:
        assert not camera.read().corrupt
        hdmi.set("DV Timings Signal Mode", NO_SIGNAL)
        assert any(camera.read().corrupt for _ in range(1000))
        hdmi.set("DV Timings Signal Mode", CURRENT)
        assert any(not camera.read().corrupt for _ in range(1000))


def test_no_signal_is_an_error_at_once_by_choice(hdmi):
    with camkit.open(hdmi.path, **HDMI, on_no_signal="raise") as camera:
        camera.read()
        hdmi.set("DV Timings Signal Mode", NO_SIGNAL)
        for _ in range(2):
            with pytest.raises(NoSignal):
                for _ in range(1000):
                    camera.read()
        hdmi.set("DV Timings Signal Mode", CURRENT)
        assert camera.read() is not None
        camera.stop()
        hdmi.set("DV Timings Signal Mode", NO_SIGNAL)
        with pytest.raises(NoSignal):
            camera.start()


def test_a_stream_begins_without_a_signal_and_waits_for_one(hdmi):
    hdmi.set("DV Timings Signal Mode", NO_SIGNAL)
    with camkit.open(hdmi.path, **HDMI) as camera:
        camera.start()
        back = threading.Timer(0.3, lambda: hdmi.offer(camera, "800x600p60"))
        back.start()
        frame = camera.read()
        back.join()
        assert (frame.size, camera.size) == ((800, 600), (800, 600))


def test_a_signal_that_never_settles_is_an_error_and_no_hang(hdmi):
    with camkit.open(hdmi.path, **HDMI, timeout=0.7) as camera:
        wait_for_frame(camera)
        hdmi.set("DV Timings Signal Mode", CYCLE)
        with pytest.raises((camkit.CameraTimeout, FormatNotSupported, SettingNotSupported)):
            for _ in range(200):
                hdmi.set("DV Timings Signal Mode", CYCLE)
                camera.read()
                hdmi.set("DV Timings Signal Mode", CURRENT)
        assert accounted(camera)


def test_a_change_while_stopped_is_there_at_the_start(hdmi):
    with camkit.open(hdmi.path, **HDMI) as camera:
        camera.read()
        camera.stop()
        hdmi.offer(camera, "800x600p60")
        camera.start()
        frame = camera.read()
        assert (frame.size, camera.size, frame.discontinuity) == ((800, 600), (800, 600), False)


def test_analogue_standards_are_followed_too(hdmi):
    with camkit.open(hdmi.path, input="S-Video", standard="PAL"):
        pass
    with camkit.open(hdmi.path, input="S-Video", format="YUYV", timeout=0.5) as camera:
        assert wait_for_frame(camera).size == (720, 576)
        hdmi.set("Standard", 0)
        hdmi.set("Standard Signal Mode", SELECTED)
        frame, _ = read_until(camera, (720, 480))
        assert frame.discontinuity and camera.standard == "NTSC-M" and camera.fps == pytest.approx(29.97, rel=1e-3)
        hdmi.set("Standard Signal Mode", NO_SIGNAL)
        with pytest.raises(NoSignal, match="no signal"):
            for _ in range(1000):
                camera.read()
    hdmi.set("Standard Signal Mode", CURRENT)
    with camkit.open(hdmi.path, input="S-Video", standard="NTSC-M") as camera:
        camera.read()
        hdmi.set("Standard", 4)  # PAL-BGH
        hdmi.set("Standard Signal Mode", SELECTED)
        with pytest.raises(SourceChanged, match="the signal is PAL.* and standard='NTSC-M' was asked for"):
            for _ in range(1000):
                camera.read()


def test_another_colour_space_begins_anew(hdmi):
    with camkit.open(hdmi.path, **HDMI) as camera:
        before = camera.read().colour
        camera.controls.colorspace = "SMPTE 170M" if before.primaries != "smpte170m" else "Rec. 709"
        for _ in range(1000):
            frame = camera.read()
            if frame.colour != before:
                break
        assert frame.discontinuity and camera.stream.primaries == frame.colour.primaries != before.primaries


def test_stop_and_close_from_another_thread_end_a_read_during_changes(hdmi):
    for way in ("stop", "close"):
        with camkit.open(hdmi.path, **HDMI) as camera:
            camera.start()
            over, failures = threading.Event(), []

            def reading(camera=camera, failures=failures):
                try:
                    for _ in camera:
                        pass
                except BaseException as error:
                    failures.append(error)

            def changing(camera=camera, over=over):
                while not over.is_set():
                    for mode in (NO_SIGNAL, SELECTED, CURRENT):
                        hdmi.set("DV Timings Signal Mode", mode)

            threads = [threading.Thread(target=reading), threading.Thread(target=changing)]
            for thread in threads:
                thread.start()
            camera.events.wait()
            camera.events.wait()
            getattr(camera, way)()
            over.set()
            for thread in threads:
                thread.join()
            assert failures == [] and accounted(camera)
            hdmi.set("DV Timings Signal Mode", CURRENT)


def test_a_pipeline_and_the_gpu_follow(hdmi):
    sizes = []
    # A busy machine that does the trials of ways to the GPU has no time for its camera.
    with camkit.open(hdmi.path, **HDMI, timeout=600) as camera, camkit.Offscreen() as screen:

        def stage(frame):
            sizes.append(frame.size)
            if len(sizes) == 5:
                hdmi.offer(camera, "800x600p60")
            return frame

        pipeline = camkit.Pipeline(camera, stage, screen)
        pipeline.start()
        wait_until(lambda: sizes.count((800, 600)) > 10 or not pipeline.running, "frames of the new size")
        pipeline.stop()
        stats = pipeline.stats()
        picture = screen.readback()
    assert sizes[0] == (1280, 720) and sizes[-1] == (800, 600) and picture.shape == (600, 800, 3)
    frames = stats.frames
    assert frames.delivered == frames.displayed > 10
    assert frames.captured == frames.delivered + frames.dropped.total
    assert "the picture changed from YUYV 1280x720 to YUYV 800x600" in screen.explain()
    # The bars are bars again, not the old rows in a new width.
    assert np.ptp(picture[100:500].astype(int), axis=0).max() <= 8


def test_a_stream_that_cannot_begin_anew_has_neither_buffers_to_wait_for_nor_a_ring(hdmi):
    with camkit.open(hdmi.path, **HDMI, on_exhausted="block") as camera:
        camera.read().close()
        hdmi.offer(camera, "1920x1080i25")
        for _ in range(2):
            with pytest.raises(FormatNotSupported, match="by turns"):
                for _ in range(1000):
                    camera.read().close()
            with pytest.raises(camkit.CameraError, match="cannot grow the ring: there is no stream just now"):
                camera.grow(1)
        hdmi.offer(camera, "1280x720p60")
        assert camera.read().discontinuity and accounted(camera)


def test_a_signal_handler_in_the_midst_of_a_look_does_not_wait_for_itself(hdmi, monkeypatch):
    """Python's handlers run wherever the reader is in Python: there it cannot end its own reading."""
    look = Follower.look

    def interrupted(self):
        signal.raise_signal(signal.SIGUSR1)
        return look(self)

    before = signal.signal(signal.SIGUSR1, lambda *_: getattr(camera, end)())
    try:
        for end in ("stop", "close"):
            with camkit.open(hdmi.path, **HDMI, timings=None) as camera:
                camera.read().close()
                with monkeypatch.context() as patch:
                    patch.setattr(Follower, "look", interrupted)
                    hdmi.offer(camera, "800x600p60" if end == "stop" else "1280x720p60")
                    with pytest.raises(RuntimeError, match=f"cannot {end} camera .* from within its own read"):
                        for _ in range(1000):
                            camera.read().close()
                assert camera.read().discontinuity and accounted(camera)
    finally:
        signal.signal(signal.SIGUSR1, before)
