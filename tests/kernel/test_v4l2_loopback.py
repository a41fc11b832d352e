"""The loopback driver: a camera that is an output too, frames of any length, and buffers that are not left alone."""

from __future__ import annotations

import errno

import numpy as np
import pytest

from camkit.camera_capture._v4l2.find import list_devices
from camkit.errors import CameraError, CameraTimeout, FormatNotSupported

SIZE = (64, 32)
WHOLE = 64 * 32 * 2


MARK = b"\xff\xd8"  # what a JPEG begins with


def picture(value: int, length: int = WHOLE) -> bytes:
    return bytes([value]) * length


def jpeg(value: int, length: int = WHOLE) -> bytes:
    return (MARK + picture(value))[:length]


def start(camera) -> None:
    """Start, and take what was written before: the driver needs a frame to begin with and may show it again."""
    camera.start()
    with pytest.raises(CameraTimeout):
        for _ in range(camera.stream.buffers + 1):
            camera.read(timeout=0.05)


@pytest.fixture
def fed(loopback):
    """Give the loopback with a first frame of YUYV in it, without which nothing can stream."""
    loopback.feed("YUYV", *SIZE)
    loopback.write(picture(0))
    return loopback


def test_a_node_that_is_an_output_too_is_a_camera(fed, open_camera):
    assert fed.path in [info.path for info in list_devices()]
    camera = open_camera(fed.path, format="YUYV", size=SIZE)
    start(camera)
    fed.write(picture(7))
    np.testing.assert_array_equal(camera.read().array, np.full((32, 64, 2), 7, np.uint8))


def test_without_a_feed_there_is_nothing_to_open(loopback, open_camera):
    with pytest.raises(FormatNotSupported, match=f"{loopback.path}.*no format at all.*the program that feeds it"):
        open_camera(loopback.path)


damaged = pytest.mark.parametrize(
    ("fourcc", "make", "bad"),
    [
        ("YUYV", picture, [picture(9, WHOLE // 2), b"", picture(9, WHOLE - 1)]),
        ("MJPG", jpeg, [b"", MARK[:1], picture(9), MARK[::-1], b"\x00" + MARK]),
    ],
    ids=["too short", "without a start"],
)


@damaged
def test_a_frame_that_is_not_whole_is_damaged(loopback, open_camera, fourcc, make, bad):
    loopback.feed(fourcc, *SIZE)
    loopback.write(make(0))
    camera = open_camera(loopback.path, format=fourcc, size=SIZE, corrupt="deliver")
    start(camera)
    told = []
    for written in (make(9), *bad, make(9)):
        loopback.write(written)
        frame = camera.read()
        told.append((frame.nbytes, frame.corrupt))
    assert told == [(WHOLE, False), *((len(written), True) for written in bad), (WHOLE, False)]
    assert camera.stats().dropped.corrupt == 0


@damaged
def test_a_frame_that_is_not_whole_is_dropped_and_counted(loopback, open_camera, fourcc, make, bad):
    loopback.feed(fourcc, *SIZE)
    loopback.write(make(0))
    camera = open_camera(loopback.path, format=fourcc, size=SIZE)
    start(camera)
    before = camera.stats().captured
    for count, written in enumerate(bad, 1):
        loopback.write(written)
        with pytest.raises(CameraTimeout):
            camera.read(timeout=0.05)
        assert camera.stats().dropped.corrupt == count
    loopback.write(make(2))
    frame = camera.read()
    assert (bytes(frame.array.ravel()), frame.corrupt, frame.gap) == (make(2), False, len(bad))
    stats = camera.stats()
    assert stats.captured == stats.taken + stats.dropped.total == before + 1 + len(bad)


def test_the_shortest_frame_of_motion_jpeg_is_its_mark(loopback, open_camera):
    loopback.feed("MJPG", *SIZE)
    loopback.write(jpeg(0))
    camera = open_camera(loopback.path, format="MJPG", size=SIZE)
    start(camera)
    loopback.write(MARK)
    assert bytes(camera.read().array) == MARK


def test_what_the_driver_writes_again_does_not_reach_a_held_frame(fed, open_camera):
    camera = open_camera(fed.path, format="YUYV", size=SIZE, buffers=4)
    start(camera)
    held = []
    for value in range(1, 5):
        fed.write(picture(value))
        held.append(camera.read())
    for value in range(5, 9):  # twice around the driver's two buffers, with no place for another copy
        fed.write(picture(value))
        with pytest.raises(CameraTimeout):
            camera.read(timeout=0.05)
    assert [bytes(frame.array.ravel()) for frame in held] == [picture(value) for value in range(1, 5)]
    assert {frame.memory for frame in held} == {camera.stream.memory} == {"heap"}
    assert all(frame.copied for frame in held)
    assert "each frame is copied" in camera.explain()
    held.clear()
    fed.write(picture(9))
    frame = camera.read()
    assert (bytes(frame.array.ravel()), frame.gap) == (picture(9), 4)


def test_a_feed_that_ends_is_a_silent_camera(fed, open_camera):
    camera = open_camera(fed.path, format="YUYV", size=SIZE, timeout=0.2)
    camera.start()
    with pytest.raises(CameraTimeout, match="see to the camera"):
        while True:
            camera.read()


@pytest.mark.parametrize("policy", ["drop", "block", "raise"])
def test_only_copies_can_be_had(fed, open_camera, policy):
    with pytest.raises(CameraError, match='must be copied; open it with on_exhausted="copy"') as caught:
        open_camera(fed.path, on_exhausted=policy)
    assert (caught.value.errno, caught.value.filename) == (errno.EOPNOTSUPP, fed.path)
