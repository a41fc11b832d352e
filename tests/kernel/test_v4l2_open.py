"""Finding, opening, negotiating and letting go of real devices."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

import camkit.camera_capture
from camkit.camera_capture._v4l2.backend import V4L2Backend
from camkit.camera_capture._v4l2.find import formats, info_of, list_devices
from camkit.camera_capture.info import Request
from camkit.errors import CameraBusy, CameraError, CameraNotFound, FormatNotSupported

TELEVISION, HDMI = 1, 3  # inputs of vivid; 0 is a webcam

NOT_CAMERAS = {
    "video1": "a video output",
    "video2": "a metadata node",
    "vbi0": r"a teletext \(VBI\) node",
    "radio0": "a radio",
    "swradio0": "a software radio",
    "v4l-touch0": "a touch sensor",
    "null": "not a camera but another kind of device",
    "../tmp": "not a camera but a folder",
}


@pytest.mark.smoke
def test_list_names_every_camera_and_nothing_else(webcam):
    # A loopback is there only where its module is; it has tests of its own.
    found = [info for info in list_devices() if info.driver != "v4l2 loopback"]
    assert [info.index for info in found] == [0, 4, int(webcam.path.removeprefix("/dev/video"))]
    assert [info.driver for info in found] == ["vivid", "vivid", "uvcvideo"]
    assert [info.bus for info in found[:2]] == ["platform:vivid-000", "platform:vivid-001"]
    assert len({info.id for info in found}) == 3
    assert not any(info.problem for info in found)
    assert found[0] == info_of("/dev/video0")


def test_list_leaves_a_streaming_camera_alone(vivid, open_camera):
    camera = open_camera(vivid.path, fps=60)
    camera.start()
    camera.read()
    assert vivid.path in [info.path for info in list_devices()]
    assert formats(vivid.path)
    assert camera.read().generation == 1


def test_a_node_that_may_not_be_opened_is_listed_with_the_reason():
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:  # where the mode of the nodes counts
        os.setresuid(65534, 65534, 65534)
        os.write(writer, "|".join(f"{info.path} {info.problem}" for info in list_devices()).encode())
        os._exit(0)
    os.close(writer)
    with open(reader, encoding="utf-8") as pipe:
        lines = pipe.read().split("|")
    os.waitpid(child, 0)
    assert lines[0].startswith("/dev/video0 cannot open: permission denied: it belongs to root:")
    assert "/dev/video4" in lines[4]


@pytest.mark.parametrize("node", NOT_CAMERAS)
def test_other_devices_are_told_apart_and_refused(open_camera, node):
    with pytest.raises(CameraNotFound, match=NOT_CAMERAS[node]) as caught:
        open_camera(f"/dev/{node}")
    assert caught.value.filename == f"/dev/{node}"


def test_no_such_node(open_camera):
    with pytest.raises(CameraNotFound, match="No such file") as caught:
        open_camera("/dev/video99")
    assert caught.value.errno == errno.ENOENT


@pytest.mark.parametrize("source", ["auto", 0, "/dev/video0", Path("/dev/video0"), "platform:vivid-000/vivid"])
def test_all_names_of_a_camera(vivid, source):
    with camkit.camera_capture.open(source, format="YUYV", size=(320, 180), fps=120) as camera:
        assert camera.info == info_of(vivid.path)
        numbers = [frame.sequence for _, frame in zip(range(3), camera, strict=False)]
        assert numbers == sorted(set(numbers))


@pytest.mark.smoke
def test_exactly_what_was_asked(vivid, open_camera):
    camera = open_camera(vivid.path, format="NV12", size=(1280, 720), fps=50)
    assert str(camera.stream) == "NV12 1280x720@50"
    assert camera.stream.differences == {}
    assert "single-planar" in camera.explain()


@pytest.mark.parametrize(
    ("wishes", "nearest", "differences"),
    [
        ({"format": "NV12", "size": (1920, 1080), "fps": 60}, "NV12 1920x1080@30", {"fps": (60.0, 30.0)}),
        ({"format": "GREY", "size": (600, 350), "fps": 30}, "GREY 640x360@30", {"size": ((600, 350), (640, 360))}),
        ({"format": "MJPG", "size": (640, 360)}, "YUYV 640x360@30", {"format": ("MJPG", "YUYV")}),
        ({"size": (640, 360), "fps": 29}, "YUYV 640x360@30", {"fps": (29.0, 30.0)}),
    ],
)
def test_a_difference_is_refused_or_reported(vivid, open_camera, wishes, nearest, differences):
    with pytest.raises(FormatNotSupported, match=f"{vivid.path}.* is not offered; nearest is {nearest}"):
        open_camera(vivid.path, **wishes)
    camera = open_camera(vivid.path, **wishes, match="nearest")
    assert str(camera.stream) == nearest
    assert camera.stream.differences == differences
    assert all(what in camera.explain() for what in differences)


def test_what_was_not_asked_is_left_or_chosen_well(vivid, open_camera):
    open_camera(vivid.path, format="RGB24", size=(1280, 720), fps=10).close()
    camera = open_camera(vivid.path)
    assert str(camera.stream) == "YUYV 1280x720@30"


def test_interlaced_video_is_told(any_vivid, open_camera):
    camera = open_camera(any_vivid.path, format="YUYV", size=(640, 360))
    assert camera.stream.field == "progressive"
    assert "progressive" in camera.explain()
    camera.close()
    any_vivid.input(TELEVISION)
    camera = open_camera(any_vivid.path, format="YUYV")
    assert camera.stream.field == "interlaced"
    assert "interlaced: every other row is of a later moment" in camera.explain()
    camera.start()
    assert camera.read().size == (camera.stream.width, camera.stream.height)


def test_fields_that_make_no_picture_are_refused(any_vivid, open_camera):
    any_vivid.input(HDMI)
    any_vivid.interlace()
    with pytest.raises(FormatNotSupported, match="YUYV .* as top and bottom fields by turns, which camkit cannot"):
        open_camera(any_vivid.path, format="YUYV")


def test_formats_tell_sizes_and_rates(vivid):
    row = {info.name: info for info in formats(vivid.path)}["YUYV"]
    assert (row.fourcc, row.compressed) == ("YUYV", False)
    sizes = {(size.width, size.height): size.fps for size in row.sizes}
    assert max(sizes[640, 360]) == 120 and max(sizes[1920, 1080]) == 30
    assert list(sizes[640, 360]) == sorted(sizes[640, 360], reverse=True)


@pytest.mark.smoke
def test_a_camera_in_use_is_busy(vivid, open_camera):
    first, idle = open_camera(vivid.path, size=(640, 360)), open_camera(vivid.path, size=(640, 360))
    first.start()
    first.read()
    with pytest.raises(CameraBusy, match="it is streaming in this process") as caught:
        open_camera(vivid.path, format="NV12", size=(320, 180))
    assert caught.value.errno == errno.EBUSY and caught.value.filename == vivid.path
    with pytest.raises(CameraBusy):
        idle.start()
    assert first.read().size == (640, 360)
    first.stop()
    idle.start()
    assert idle.read() is not None


def test_what_another_program_set_meanwhile_is_set_back(vivid, open_camera):
    camera = open_camera(vivid.path, format="RGB24", size=(640, 360), fps=60)
    open_camera(vivid.path, format="NV12", size=(320, 180), fps=5).close()
    camera.start()
    assert camera.read().array.shape == (360, 640, 3)
    assert camera.stream.fps == 60


def test_nothing_leaks(vivid, open_camera, open_files):
    camera = open_camera(vivid.path, size=(640, 360), fps=60)
    camera.close()
    before = open_files()
    for _ in range(3):
        camera = open_camera(vivid.path, size=(640, 360), fps=60)
        assert open_files() == (before[0] + 2, 0)
        camera.start()
        assert camera.read() is not None
        buffers = camera.stream.buffers  # each is a dma-buf too; one more breaks waits off
        assert open_files() == (before[0] + 3 + buffers, buffers)
        camera.close()
        camera.close()
        assert open_files() == before
    with pytest.raises(FormatNotSupported):
        open_camera(vivid.path, size=(1, 1))
    assert open_files() == before


def test_an_abandoned_camera_lets_everything_go(vivid, open_files):
    before = open_files()
    camera = V4L2Backend(info_of(vivid.path), Request.make(size=(640, 360), fps=60))
    camera.start()
    frame = camera.read()
    del camera
    assert open_files() == (before[0] + 4, 4)  # the frame's memory, and nothing else
    assert frame.array.shape == (360, 640, 2)
    del frame
    assert open_files() == before


@pytest.mark.parametrize(
    ("button", "what"),
    [
        ("Inject VIDIOC_REQBUFS Error", "get 4 buffers"),
        ("Inject VIDIOC_QBUF Error", "queue buffer 0"),
        ("Inject VIDIOC_STREAMON Error", "cannot start YUYV 640x360@60"),
    ],
)
def test_a_start_that_fails_leaves_nothing_behind(vivid, open_camera, open_files, button, what):
    camera = open_camera(vivid.path, size=(640, 360), fps=60)
    before = open_files()
    vivid.set(button)
    with pytest.raises(CameraError, match=what) as caught:
        camera.start()
    assert caught.value.filename == vivid.path
    assert open_files() == before
    camera.start()
    assert camera.read() is not None
