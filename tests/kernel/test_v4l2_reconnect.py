"""Cameras that are unplugged while they stream, and come back."""

from __future__ import annotations

import errno
import gc
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import camkit
from tests.kernel.conftest import wait_until
from tests.kernel.outages import SMALL, YUYV, Reader, accounted, camera_is_listed, read_until_away


@pytest.mark.smoke
def test_it_goes_on_where_it_was(plugged):
    with camkit.open(plugged.path, **YUYV, reconnect=True) as camera:
        controls, source = camera.controls, camera.source
        controls.brightness = 20
        first = camera.read()
        before = first.generation, first.discontinuity
        first.close()
        plugged.order("unplug")
        read_until_away(camera)
        away = camera.explain()
        plugged.order("plug")
        frame = camera.read()
        assert before == (1, False)
        assert (frame.generation, frame.discontinuity, frame.size, frame.format) == (2, True, (640, 480), "YUYV")
        assert not camera.read().discontinuity
        assert camera.controls is controls and camera.source is source and controls.brightness == 20
        assert camera.info.path == plugged.path and camera.fps == 30
        stats = camera.stats()
        assert stats.outages == 1 and stats.outage_s > 0 and accounted(camera)
        assert "away now: waiting for 'camkit lab webcam" in away and "serial number 0001" in away
        assert "away once for" in camera.explain() and "away now" not in camera.explain()
        assert camera.stats().outage_s == stats.outage_s, "it is over"


def test_frames_from_before_stay_and_are_not_given_to_the_new_device(plugged):
    with camkit.open(plugged.path, **YUYV, reconnect=True, on_exhausted="drop") as camera:
        held = [camera.read(), camera.read()]
        kept = [frame.array.copy() for frame in held]
        plugged.order("unplug")
        read_until_away(camera)
        plugged.order("plug")
        new = [camera.read(), camera.read()]
        # The frames in our hands keep the old device's number in use.
        assert camera.info.path != plugged.path and Path(camera.info.path).exists()
        assert str(camera.info) == camera.source.name == camera.info.path
        assert {frame.slot for frame in new} & {frame.slot for frame in held}, "the same numbers of buffers"
        copies = [frame.array.copy() for frame in new]
        for frame, copy in zip(held, kept, strict=True):
            np.testing.assert_array_equal(frame.array, copy)
        del frame
        held.clear()  # queued by mistake, the new device would take and fill these numbers
        while camera.stats().dropped.pool < 6:
            with pytest.raises(camkit.CameraTimeout):
                camera.read(timeout=0.05)
        for frame, copy in zip(new, copies, strict=True):
            np.testing.assert_array_equal(frame.array, copy)
        assert accounted(camera)
        del frame
        new.clear()
        assert camera.read().generation == 2


def test_nothing_is_left_open_by_many_outages(plugged, open_files):
    with camkit.open(plugged.path, **YUYV, reconnect=True) as camera:
        camera.read().close()
        before, threads = open_files(), threading.active_count()
        for outage in range(1, 6):
            plugged.order("unplug")
            read_until_away(camera, outage)
            assert open_files()[1] == 0, "a mapping of the old device"
            plugged.order("plug")
            assert camera.read().discontinuity
            assert (open_files(), threading.active_count()) == (before, threads)
        assert camera.stats().outages == 5 and accounted(camera)
    assert open_files()[1] == 0


def test_who_is_blocked_in_a_read_gets_the_next_frame(binding):
    with camkit.open(binding.path, **SMALL, reconnect=True, timeout=2) as camera:
        camera.read().close()
        binding.unbind()
        read_until_away(camera)
        reader = Reader(camera)
        time.sleep(2.5)  # longer than the camera's own limit, which is not for cameras that are not there
        assert reader.is_alive()
        binding.bind()
        reader.join(100)
        assert reader.error is None and reader.frame.discontinuity
        assert camera.stats().outage_s > 2.5
        del reader


def test_unbound_under_a_blocked_read(binding):
    """The driver wakes who waits in poll()."""
    with camkit.open(binding.path, **SMALL) as camera:
        camera.controls.set(percentage_of_dropped_buffers=100)
        camera.start()
        reader = Reader(camera)
        time.sleep(0.3)
        binding.unbind()
        reader.join(100)
        assert isinstance(reader.error, camkit.CameraDisconnected)
        del reader


def test_with_frames_held(binding):
    with camkit.open(binding.path, **SMALL, reconnect=True) as camera:
        camera.controls.brightness = 99
        held = camera.read()
        kept = held.array.copy()
        binding.unbind()
        read_until_away(camera)
        binding.bind()
        assert camera.read().discontinuity
        assert camera.controls.brightness == 99
        np.testing.assert_array_equal(held.array, kept)
        del held


def test_a_pipeline_waits(binding):
    with camkit.open(binding.path, **SMALL, reconnect=True, timeout=2) as camera:
        seen = []
        pipeline = camkit.Pipeline(
            camera, lambda frame: seen.append((frame.generation, frame.discontinuity)), watchdog=2
        )
        pipeline.start()
        wait_until(lambda: len(seen) > 3, "frames")
        binding.unbind()
        wait_until(lambda: camera.stats().outages, "the outage is noticed")
        assert not pipeline.wait(3), "neither the watchdog nor the camera's own limit ends it"
        binding.bind()
        wait_until(lambda: seen[-1][0] == 2, "frames of the next stream")
        pipeline.stop()
        assert [mark for mark in seen if mark[1]] == [(2, True)]
        frames = pipeline.stats().frames
        assert frames.captured == frames.delivered + frames.dropped.total
        assert pipeline.stats().outages == 1 and pipeline.stats().outage_s > 3


def test_a_pipeline_ends_without_it(binding):
    with camkit.open(binding.path, **SMALL) as camera:
        seen = []
        pipeline = camkit.Pipeline(camera, lambda frame: seen.append(frame.sequence))
        pipeline.start()
        wait_until(lambda: len(seen) > 3, "frames")
        binding.unbind()
        with pytest.raises(camkit.CameraDisconnected):
            pipeline.wait(100)
        frames = pipeline.stats().frames
        assert frames.captured == frames.delivered + frames.dropped.total


def test_the_longest_wait(plugged):
    with camkit.open(plugged.path, **YUYV, reconnect=2) as camera:
        camera.read().close()
        plugged.order("unplug")
        with pytest.raises(camkit.CameraDisconnected, match=r"gone and did not come back within 2 s") as caught:
            for _ in range(100):
                camera.read()
        assert (caught.value.errno, caught.value.filename) == (errno.ENODEV, plugged.path)
        assert camera.stats().outage_s >= 2
        plugged.order("plug")
        wait_until(lambda: camera_is_listed(plugged.path), "the webcam")
        assert camera.read().discontinuity, "who reads again tries again"


class Alarm(Exception):
    """Raised by a signal."""


def test_the_wait_can_be_ended(binding, open_files):
    before = open_files()
    camera = camkit.open(binding.path, **SMALL, reconnect=True)
    camera.read().close()
    binding.unbind()
    read_until_away(camera)
    with pytest.raises(camkit.CameraTimeout, match=r"no frame within 0\.1 s"):
        camera.read(timeout=0.1)

    def handler(number, frame):
        raise Alarm

    old = signal.signal(signal.SIGALRM, handler)
    try:
        with pytest.raises(Alarm):
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            camera.read()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
    reader = Reader(camera)
    time.sleep(0.1)
    camera.stop()
    reader.join(100)
    assert isinstance(reader.error, EOFError)
    assert camera.stats().outage_s == camera.stats().outage_s, "a stopped camera is not waited for"
    camera.start()  # begins with the wait
    assert camera.stats().outages == 2
    reader = Reader(camera)
    time.sleep(0.1)
    camera.close()
    reader.join(100)
    assert isinstance(reader.error, ValueError)
    del reader
    gc.collect()
    assert open_files() == before
