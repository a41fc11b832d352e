"""What comes back after an outage: the same camera, another one, one with less, or one that may not be opened yet."""

from __future__ import annotations

import os
import threading
import time

import pytest

import camkit
from camkit.camera_capture._v4l2 import backend
from tests.kernel.conftest import wait_until
from tests.kernel.outages import SMALL, YUYV, accounted, camera_is_listed, read_until_away

NOBODY = 65534


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
        while f"another camera is at {plugged.path}" not in camera.explain():
            with pytest.raises(camkit.CameraTimeout):
                camera.read(timeout=0.5)
        assert "4711" in camera.explain()
        plugged.order("unplug")
        wait_until(lambda: not os.path.exists(plugged.path), "the end of the other webcam's node")
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
        assert camera.read().format == "YUYV"


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
        waiter = threading.Thread(target=lambda: told.extend(camera.events.wait(timeout=100) for _ in range(3)))
        waiter.start()
        binding.unbind()
        read_until_away(camera)
        time.sleep(0.3)
        assert waiter.is_alive()
        binding.bind()
        assert camera.read().discontinuity
        camera.controls.brightness = 77
        waiter.join(100)
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
