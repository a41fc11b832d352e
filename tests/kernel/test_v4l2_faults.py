"""Cameras that go away, fall silent or refuse."""

from __future__ import annotations

import errno

import pytest

from camkit.errors import CameraDisconnected, CameraError, CameraTimeout

SMALL = {"format": "YUYV", "size": (320, 180), "fps": 120}


@pytest.mark.smoke
def test_a_camera_that_goes_away(vivid, open_camera):
    camera = open_camera(vivid.path, **SMALL)
    camera.start()
    frame = camera.read()
    vivid.set("Disconnect")
    with pytest.raises(CameraDisconnected, match="is gone") as caught:
        for _ in range(camera.stream.buffers + 1):
            camera.read()
    assert (caught.value.errno, caught.value.filename) == (errno.ENODEV, vivid.path)
    with pytest.raises(CameraDisconnected):
        camera.read()
    assert frame.array.shape == (180, 320, 2)
    del frame  # it holds the device
    camera.stop()
    with pytest.raises(CameraDisconnected):
        camera.start()
    camera.close()
    with pytest.raises(ValueError, match="closed"):
        camera.start()


def test_a_silent_camera_is_told_from_a_slow_one(vivid, open_camera):
    vivid.set("Percentage of Dropped Buffers", 100)
    camera = open_camera(vivid.path, **SMALL, timeout=0.5)
    camera.start()
    with pytest.raises(CameraTimeout, match="no frame for 0.5 s") as caught:
        camera.read()
    assert (caught.value.errno, caught.value.filename) == (errno.ETIMEDOUT, vivid.path)
    vivid.set("Percentage of Dropped Buffers", 0)
    assert camera.read() is not None


def test_a_stream_that_the_driver_gave_up(vivid, open_camera):
    camera = open_camera(vivid.path, **SMALL)
    camera.start()
    camera.read()
    vivid.set("Inject Fatal Streaming Error")
    with pytest.raises(CameraError, match="given the stream up") as caught:
        for _ in range(camera.stream.buffers + 1):
            camera.read()
    assert caught.value.errno == errno.EIO and not isinstance(caught.value, CameraDisconnected)
    camera.stop()
    camera.start()
    assert camera.read().generation == 2


def test_a_buffer_that_the_driver_does_not_take_back(vivid, open_camera):
    camera = open_camera(vivid.path, **SMALL, buffers=4)
    camera.start()
    frame = camera.read()
    vivid.set("Inject VIDIOC_QBUF Error")
    del frame
    with pytest.raises(CameraError, match=r"cannot give 1 buffer\(s\) back to the driver \(1 went on a second try\)"):
        camera.read()
    # Told once, and the stream is whole again: two frames may be held without a copy.
    held = [camera.read(), camera.read()]
    assert not any(frame.copied for frame in held)
    assert "refused 1 buffers" in camera.explain()
