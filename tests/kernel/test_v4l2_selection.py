"""Crop, compose and turns of real drivers."""

from __future__ import annotations

import numpy as np
import pytest

import camkit
from camkit.camera_capture.selection import Rect
from camkit.errors import CameraBusy, SettingNotSupported

HDMI = {"input": "HDMI", "timings": "1280x720p60", "format": "YUYV"}


@pytest.fixture
def path(any_vivid):
    any_vivid.changed.add("input")
    yield any_vivid.path
    if "Disconnect" not in any_vivid.changed:
        for name in ("Enable Capture Scaler", "Enable Capture Composing", "Enable Capture Cropping"):
            any_vivid.set(name, 1)
        camkit.open(any_vivid.path, **HDMI, crop=(0, 0, 1280, 720)).close()


def luma(frame):
    return frame.array[..., 0].astype(int)


def test_a_frame_has_the_size_of_the_crop_and_its_pixels(path):
    with camkit.open(path, **HDMI, crop=(0, 0, 1280, 720)) as camera:
        assert (camera.size, camera.crop, camera.compose) == ((1280, 720), (0, 0, 1280, 720), (0, 0, 1280, 720))
        whole = luma(camera.read())
    crop = Rect(100, 50, 640, 360)
    with camkit.open(path, **HDMI, crop=crop) as camera:
        assert (camera.size, camera.crop, camera.stream.differences) == ((640, 360), crop, {})
        assert camera.selections["crop"].bounds == camera.selections["crop"].default == (0, 0, 1280, 720)
        assert camera.compose == (0, 0, 640, 360)
        part = luma(camera.read())
    # Still bars: the columns say what was cut out.
    assert np.abs(part[100] - whole[150, 100:740]).max() <= 2
    assert len(set(whole[150].tolist())) >= 8


def test_a_size_beside_the_crop_scales(path):
    with camkit.open(path, **HDMI, crop=(0, 0, 1280, 720), size=(320, 180)) as camera:
        assert (camera.size, camera.crop, camera.compose) == ((320, 180), (0, 0, 1280, 720), (0, 0, 320, 180))
        small = luma(camera.read())
    with camkit.open(path, **HDMI, size=(1280, 720)) as camera:
        # The picture fills the frame again, though the last one had made it small.
        assert camera.compose == (0, 0, 1280, 720)
        whole = luma(camera.read())
    assert np.abs(small[90, 10:310:20] - whole[360, 40:1240:80]).max() <= 2


def test_without_a_scaler_the_crop_makes_the_size(any_vivid, path):
    camkit.open(path, **HDMI).close()
    any_vivid.set("Enable Capture Scaler", 0)
    with camkit.open(path, **HDMI, crop=(16, 8, 640, 360)) as camera:
        assert (camera.size, camera.crop) == ((640, 360), (16, 8, 640, 360))
        assert camera.read().size == (640, 360)
        with pytest.raises(
            CameraBusy, match=r"crop 1280x720\+0\+0, which would change the size of frames: stop\(\) first"
        ):
            camera.crop = (0, 0, 1280, 720)
        with pytest.raises(SettingNotSupported, match=r"compose would become 320x180\+0\+0"):
            camera.crop = (0, 0, 320, 180)  # there would be nothing in the rest of the frame
        assert (camera.crop, camera.compose) == ((16, 8, 640, 360), (0, 0, 640, 360))


def test_compose_puts_the_picture_where_it_was_asked_for(path):
    place = Rect(64, 32, 320, 180)
    with camkit.open(path, **HDMI, size=(640, 360), compose=place) as camera:
        assert (camera.size, camera.compose) == ((640, 360), place)
        picture = luma(camera.read())
    inside = picture[32:212, 64:384]
    assert inside.max() > 150 and picture[300:].max() < 40 and picture[:, 400:].max() < 40


def test_what_is_not_offered_is_refused_with_the_nearest(path):
    camkit.open(path, **HDMI, crop=(0, 0, 1280, 720)).close()
    with pytest.raises(SettingNotSupported, match=r"it lies within 1280x720\+0\+0; nearest is 1280x720\+0\+0"):
        camkit.open(path, **HDMI, crop=(0, 0, 1281, 720))
    with pytest.raises(SettingNotSupported, match=r"crop='64x64\+0\+0': for frames of 1280x720 nearest is"):
        camkit.open(path, **HDMI, crop=(0, 0, 64, 64), size=(1280, 720))
    with camkit.open(path) as camera:
        assert camera.crop == (0, 0, 1280, 720)  # as it was
    with camkit.open(path, **HDMI, crop=(0, 0, 1281, 720), match="nearest") as camera:
        assert camera.stream.differences == {"crop": ((0, 0, 1281, 720), (0, 0, 1280, 720))}
        assert "crop (0, 0, 1280, 720) instead of (0, 0, 1281, 720)" in camera.explain()


def test_crop_is_set_while_it_streams_where_frames_keep_their_size(path):
    with camkit.open(path, **HDMI, crop=(0, 0, 640, 360)) as camera:
        before = luma(camera.read())
        camera.crop = (0, 0, 1280, 720)
        assert camera.crop == (0, 0, 1280, 720)
        for _ in range(camera.stream.buffers + 1):
            frame = camera.read()
        after = luma(frame)
        assert frame.size == (640, 360) and not frame.discontinuity
        assert np.abs(after - before).max() > 50  # another part of the bars
        with pytest.raises(SettingNotSupported, match="it lies within"):
            camera.crop = (700, 0, 640, 720)
        # There is a limit to scaling: so small a picture would cut the crop, which was asked for.
        with pytest.raises(SettingNotSupported, match=r"crop would become 256x256\+0\+0"):
            camera.compose = (10, 10, 64, 64)
        assert (camera.crop, camera.compose) == ((0, 0, 1280, 720), (0, 0, 640, 360))
        assert camera.read() is not None
        camera.stop()
        camera.crop = (0, 0, 320, 180)  # now frames may change with it
        assert (camera.size, camera.stream.width) == ((320, 180), 320)
        camera.start()
        assert camera.read().size == (320, 180)
    with pytest.raises(ValueError, match="closed"):
        camera.crop = (0, 0, 320, 180)


def test_the_input_without_rectangles_says_so(path):
    with camkit.open(path, input="Webcam") as camera:
        assert camera.selections == {} and camera.crop is None
        with pytest.raises(SettingNotSupported, match="its input 'Webcam .*' has no such rectangle"):
            camera.crop = (0, 0, 64, 64)


def test_flips_turn_the_picture(any_vivid, path):
    any_vivid.set("Test Pattern", 0)
    with camkit.open(path, input=0, format="YUYV", size=(320, 180), hflip=False, vflip=False) as camera:
        plain = luma(camera.read())
    with camkit.open(path, input=0, format="YUYV", size=(320, 180), hflip=True) as camera:
        assert camera.controls.horizontal_flip is True
        mirrored = luma(camera.read())
    assert np.abs(plain[90, ::-1] - mirrored[90])[20:300:40].max() <= 2
    assert np.abs(plain[90] - mirrored[90]).max() > 50
    with camkit.open(path, input=0, hflip=False, vflip=True) as camera:
        assert (camera.controls.horizontal_flip, camera.controls.vertical_flip) == (False, True)
    with pytest.raises(SettingNotSupported, match="rotate=90: it has no such control"):
        camkit.open(path, input=0, hflip=True, rotate=90)
    with camkit.open(path, input=0, vflip=False) as camera:
        assert camera.controls.horizontal_flip is True or camera.controls.horizontal_flip is False
