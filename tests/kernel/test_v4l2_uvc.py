"""The real uvcvideo driver, with a USB webcam that writes a number into each picture."""

from __future__ import annotations

import numpy as np
import pytest

from camkit.camera_capture._v4l2.find import list_devices
from camkit.errors import CameraDisconnected, CameraTimeout
from lab.uvc_camera.pictures import mjpg_frame, yuyv_frame
from tests.kernel.conftest import wait_for_frame, wait_until

YUYV = {"format": "YUYV", "size": (640, 480), "fps": 30}
MJPG = {"format": "MJPG", "size": (1280, 720), "fps": 30}


def yuyv_number(frame) -> int:
    """Read the number from row 0: 32 blocks of 8 pixels, the least significant bit first."""
    return sum(1 << bit for bit in range(32) if frame.array[0, bit * 8 + 4, 0] > 125)


def mjpg_number(frame) -> int:
    """Read the number from the application segment behind the start of the picture."""
    data = bytes(frame.array[:16])
    assert data[6:12] == b"CAMKIT"
    return int.from_bytes(data[12:16], "big")


@pytest.mark.smoke
@pytest.mark.parametrize(
    ("wishes", "number_of", "sent"),
    [(YUYV, yuyv_number, yuyv_frame), (MJPG, mjpg_number, mjpg_frame)],
    ids=["YUYV", "MJPG"],
)
def test_every_byte_is_what_the_webcam_sent(webcam, open_camera, wishes, number_of, sent):
    camera = open_camera(webcam.path, **wishes)
    camera.start()
    numbers = []
    for _ in range(6):
        frame = camera.read()
        numbers.append((number_of(frame), frame.sequence))
        assert bytes(frame.array) == sent(*wishes["size"], numbers[-1][0])
        assert (frame.clock, frame.stamp) == ("monotonic", "start_of_exposure")
    # The driver counts what the webcam counts.
    assert len({number - sequence for number, sequence in numbers}) == 1
    stats = camera.stats()
    assert stats.captured == stats.taken + stats.dropped.total


def test_mjpg_takes_the_bytes_it_needs(webcam, open_camera):
    camera = open_camera(webcam.path, **MJPG)
    camera.start()
    frame = camera.read()
    assert frame.array.ndim == 1 and frame.array.nbytes == frame.nbytes
    assert bytes(frame.array[:2]) == b"\xff\xd8" and bytes(frame.array[-2:]) == b"\xff\xd9"
    assert camera.stream.stride == 0 and camera.stream.range == "full"
    assert not frame.keyframe  # every picture is one, and so the driver marks none
    held = [camera.read() for _ in range(4)]
    assert [frame.copied for frame in held] == [False, True, True, True]
    for copy in held:
        assert bytes(copy.array) == mjpg_frame(1280, 720, mjpg_number(copy))


def test_frames_that_the_driver_hides_are_counted(webcam, open_camera):
    camera = open_camera(webcam.path, **YUYV)
    camera.start()
    camera.read()
    webcam.order("fault errbit 3")
    frames = [(f.sequence, f.gap) for f in (camera.read() for _ in range(5))]
    assert sum(gap for _, gap in frames) == camera.stats().dropped.driver >= 3


def test_a_webcam_that_falls_silent(webcam, open_camera):
    camera = open_camera(webcam.path, **YUYV, timeout=1.5)
    camera.start()
    wait_for_frame(camera)
    webcam.order("freeze")
    with pytest.raises(CameraTimeout, match="no frame for 1.5 s"):
        while True:
            camera.read()
    webcam.order("resume")
    assert wait_for_frame(camera) is not None


@pytest.mark.smoke
def test_unplugged_and_plugged_in_again(webcam, open_camera):
    camera = open_camera(webcam.path, **YUYV)
    camera.start()
    frame = camera.read()
    kept = frame.array.copy()
    webcam.order("unplug")
    with pytest.raises(CameraDisconnected, match="is gone"):
        for _ in range(100):
            camera.read()
    np.testing.assert_array_equal(frame.array, kept)
    del frame  # the last hold on the old device, so that the new one gets its number
    camera.close()
    webcam.order("plug")
    wait_until(lambda: webcam.path in [info.path for info in list_devices() if not info.problem], "the webcam")
    camera = open_camera(webcam.path, **YUYV)
    camera.start()
    assert camera.read().size == (640, 480)
