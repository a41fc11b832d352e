"""Cameras that are unplugged while they stream, and come back."""

from __future__ import annotations

import errno
import gc
import os
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import camkit
from camkit.camera_capture._v4l2 import backend
from camkit.camera_capture._v4l2.find import list_devices

YUYV = {"format": "YUYV", "size": (640, 480), "fps": 30}
SMALL = {"format": "YUYV", "size": (320, 180), "fps": 60}
NOBODY = 65534


def accounted(camera) -> bool:
    stats = camera.stats()
    return stats.captured == stats.taken + stats.dropped.total


def read_until_away(camera, outages=1) -> None:
    """Read until the camera's absence was noticed; what was filled before still comes."""
    while camera.stats().outages < outages:
        try:
            camera.read(timeout=0.3).close()
        except camkit.CameraTimeout:
            continue


class Reader(threading.Thread):
    """Read one frame in another thread."""

    def __init__(self, camera, **options) -> None:
        super().__init__()
        self.camera, self.options = camera, options
        self.frame = self.error = None
        self.start()

    def run(self) -> None:
        try:
            self.frame = self.camera.read(**self.options)
        except BaseException as error:
            self.error = error


def wait_until(condition, what: str) -> None:
    """Wait for what another thread, or the kernel, does sooner or later."""
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError(f"waited in vain: {what}")


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
        for _ in range(6):
            with pytest.raises(camkit.CameraTimeout):
                camera.read(timeout=0.05)
        for frame, copy in zip(new, copies, strict=True):
            np.testing.assert_array_equal(frame.array, copy)
        assert camera.stats().dropped.pool > 0 and accounted(camera)
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
    with camkit.open(binding.path, **SMALL, reconnect=True, timeout=0.2) as camera:
        camera.read().close()
        binding.unbind()
        read_until_away(camera)
        reader = Reader(camera)
        time.sleep(0.5)  # longer than the camera's own limit, which is not for cameras that are not there
        assert reader.is_alive()
        binding.bind()
        reader.join(30)
        assert reader.error is None and reader.frame.discontinuity
        assert camera.stats().outage_s > 0.5
        del reader


def test_unbound_under_a_blocked_read(binding):
    """The driver wakes who waits in poll()."""
    with camkit.open(binding.path, **SMALL) as camera:
        camera.controls.set(percentage_of_dropped_buffers=100)
        camera.start()
        reader = Reader(camera)
        time.sleep(0.3)
        binding.unbind()
        reader.join(30)
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
    with camkit.open(binding.path, **SMALL, reconnect=True, timeout=0.2) as camera:
        seen = []
        pipeline = camkit.Pipeline(
            camera, lambda frame: seen.append((frame.generation, frame.discontinuity)), watchdog=0.5
        )
        pipeline.start()
        wait_until(lambda: len(seen) > 3, "frames")
        binding.unbind()
        wait_until(lambda: camera.stats().outages, "the outage is noticed")
        assert not pipeline.wait(1.0), "neither the watchdog nor the camera's own limit ends it"
        binding.bind()
        wait_until(lambda: seen[-1][0] == 2, "frames of the next stream")
        pipeline.stop()
        assert [mark for mark in seen if mark[1]] == [(2, True)]
        frames = pipeline.stats().frames
        assert frames.captured == frames.delivered + frames.dropped.total
        assert pipeline.stats().outages == 1 and pipeline.stats().outage_s > 1


def test_a_pipeline_ends_without_it(binding):
    with camkit.open(binding.path, **SMALL) as camera:
        seen = []
        pipeline = camkit.Pipeline(camera, lambda frame: seen.append(frame.sequence))
        pipeline.start()
        wait_until(lambda: len(seen) > 3, "frames")
        binding.unbind()
        with pytest.raises(camkit.CameraDisconnected):
            pipeline.wait(30)
        frames = pipeline.stats().frames
        assert frames.captured == frames.delivered + frames.dropped.total


def test_the_longest_wait(plugged):
    with camkit.open(plugged.path, **YUYV, reconnect=0.4) as camera:
        camera.read().close()
        plugged.order("unplug")
        with pytest.raises(camkit.CameraDisconnected, match=r"gone and did not come back within 0\.4 s") as caught:
            for _ in range(camera.stream.buffers + 1):
                camera.read()
        assert (caught.value.errno, caught.value.filename) == (errno.ENODEV, plugged.path)
        assert camera.stats().outage_s >= 0.4
        plugged.order("plug")
        wait_until(lambda: camera_is_listed(plugged.path), "the webcam")
        assert camera.read().discontinuity, "who reads again tries again"


def camera_is_listed(path) -> bool:
    return path in [info.path for info in list_devices() if not info.problem]


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
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with pytest.raises(Alarm):
            camera.read()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
    reader = Reader(camera)
    time.sleep(0.1)
    camera.stop()
    reader.join(30)
    assert isinstance(reader.error, EOFError)
    assert camera.stats().outage_s == camera.stats().outage_s, "a stopped camera is not waited for"
    camera.start()  # begins with the wait
    assert camera.stats().outages == 2
    reader = Reader(camera)
    time.sleep(0.1)
    camera.close()
    reader.join(30)
    assert isinstance(reader.error, ValueError)
    del reader
    gc.collect()
    assert open_files() == before


def test_unplugged_while_it_did_not_stream(binding):
    with camkit.open(binding.path, **SMALL, reconnect=True) as camera:
        binding.unbind()
        camera.start()
        assert camera.stats().outages == 1
        with pytest.raises(camkit.CameraDisconnected, match="reach the device"):
            camera.controls.brightness = 1
        binding.bind()
        assert camera.read().discontinuity


def test_a_camera_that_is_not_there_when_it_is_opened(plugged):
    plugged.order("unplug")
    with pytest.raises(camkit.CameraNotFound):
        camkit.open(plugged.path, reconnect=True)


@pytest.mark.parametrize("reconnect", [False, True])
def test_a_camera_that_is_unplugged_while_it_is_opened(plugged, reconnect, monkeypatch):
    def unplug_first(device, request):
        plugged.order("unplug")
        wait_until(lambda: not os.path.exists(plugged.path), "the end of its node")
        return configure(device, request)

    configure = backend.configure
    monkeypatch.setattr(backend, "configure", unplug_first)
    with pytest.raises(camkit.CameraNotFound, match="unplugged meanwhile"):
        camkit.open(plugged.path, reconnect=reconnect)


def test_another_camera_at_the_same_port_is_not_taken(plugged):
    with camkit.open(plugged.path, **YUYV, reconnect=True) as camera:
        camera.read().close()
        plugged.order("unplug")
        read_until_away(camera)
        plugged.order("serial 4711")
        plugged.order("plug")
        wait_until(lambda: camera_is_listed(plugged.path), "the other webcam")
        with pytest.raises(camkit.CameraTimeout):
            camera.read(timeout=0.5)
        assert f"another camera is at {plugged.path}" in camera.explain() and "4711" in camera.explain()
        plugged.order("unplug")
        plugged.order("serial 0001")
        plugged.order("plug")
        assert camera.read().discontinuity
        assert "another" not in camera.explain()


def test_a_camera_that_comes_back_with_less(plugged):
    with camkit.open(plugged.path, **YUYV, reconnect=True) as camera:
        camera.read().close()
        plugged.order("unplug")
        read_until_away(camera)
        plugged.order("formats MJPG")
        plugged.order("plug")
        said = "the camera is back, but not with YUYV 640x480@30: .*nearest is MJPG 640x480@30"
        with pytest.raises(camkit.FormatNotSupported, match=said):
            camera.read()
        with pytest.raises(camkit.FormatNotSupported):
            camera.read()
        plugged.order("unplug")
        plugged.order("formats YUYV,MJPG")
        plugged.order("plug")
        assert camera.read(timeout=20).format == "YUYV"


def test_a_node_that_may_not_be_opened_yet(binding):
    """Where udev runs, the node has its rights only some time after the driver has made it."""
    os.chmod(binding.path, 0o666)
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.setgroups([])
            os.setresuid(NOBODY, NOBODY, NOBODY)
            with camkit.open(binding.path, **SMALL, reconnect=True) as camera:
                camera.read().close()
                os.write(tell, b"s")
                read_until_away(camera)
                os.write(tell, b"a")
                while "permission denied" not in camera.explain():
                    with pytest.raises(camkit.CameraTimeout):
                        camera.read(timeout=0.2)
                os.write(tell, b"p")
                assert camera.read().discontinuity
                status = 0
        finally:
            os._exit(status)
    assert os.read(told, 1) == b"s"
    binding.unbind()
    assert os.read(told, 1) == b"a"
    binding.bind()
    assert os.read(told, 1) == b"p"
    os.chmod(binding.path, 0o666)
    assert os.waitpid(child, 0)[1] == 0
    os.close(told)
    os.close(tell)


def test_vivids_own_disconnect(vivid):
    """The node stays, dead until its last user has closed it: which the camera itself is."""
    os.close(vivid.fd)
    try:
        with camkit.open(vivid.path, **SMALL, reconnect=True) as camera:
            camera.read().close()
            camera.controls.disconnect = True
            frames = [camera.read() for _ in range(camera.stream.buffers + 1)]
            assert [frame.generation for frame in frames if frame.discontinuity] == [2]
            del frames
    finally:
        vivid.fd = os.open(vivid.path, os.O_RDWR | os.O_NONBLOCK)


def test_a_webcams_own_clock_comes_back_with_it(plugged):
    with camkit.open(plugged.path, **YUYV, reconnect=True, hardware_time="auto") as camera:
        camera.read().close()
        plugged.order("unplug")
        read_until_away(camera)
        plugged.order("plug")
        assert camera.read().discontinuity
        assert any(camera.read().hardware_ns is not None for _ in range(60))
        assert accounted(camera)


def test_who_waits_for_events_waits_on(binding):
    with camkit.open(binding.path, **SMALL, reconnect=True) as camera:
        camera.controls.watch("brightness")
        camera.read().close()
        told = []
        waiter = threading.Thread(target=lambda: told.extend(camera.events.wait(timeout=30) for _ in range(3)))
        waiter.start()
        binding.unbind()
        read_until_away(camera)
        time.sleep(0.3)
        assert waiter.is_alive()
        binding.bind()
        assert camera.read().discontinuity
        camera.controls.brightness = 77
        waiter.join(30)
        assert [event.kind for event in told] == ["disconnected", "reconnected", "control"]
        assert told[1].fields["path"] == camera.info.path and told[1].fields["away_s"] >= 0.3


def test_the_ring_of_a_camera_that_is_away_does_not_grow(vivid):
    with camkit.open(vivid.path, **SMALL, reconnect=True) as camera:
        camera.read().close()
        vivid.set("Disconnect")
        read_until_away(camera)
        with pytest.raises(camkit.CameraError, match="cannot grow the ring: there is no stream just now"):
            camera.grow(1)


def test_a_camera_that_refused_a_buffer_and_went(vivid):
    with camkit.open(vivid.path, **SMALL, reconnect=True) as camera:
        frame = camera.read()
        vivid.set("Inject VIDIOC_QBUF Error")
        frame.close()
        vivid.set("Disconnect")
        read_until_away(camera)
        assert camera.stats().outages == 1 and accounted(camera)


def test_a_camera_that_went_before_its_new_signal_was_looked_at(vivid):
    hdmi = {"input": "HDMI", "format": "YUYV"}
    vivid.changed.add("input")
    with camkit.open(vivid.path, **hdmi, timings="1280x720p60", reconnect=True) as camera:
        camera.read().close()
        menu = camera.controls.info("dv_timings").menu
        vivid.set("DV Timings", next(number for number, text in menu.items() if text == "800x600p60"))
        vivid.set("DV Timings Signal Mode", 4)
        assert camera.events.wait(60).kind == "source_change"
        vivid.set("Disconnect")
        read_until_away(camera)
    vivid.reopen()
    vivid.set("DV Timings Signal Mode", 0)
    camkit.open(vivid.path, **hdmi, timings="1280x720p60").close()
