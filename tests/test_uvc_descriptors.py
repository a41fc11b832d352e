"""The clock frequency in a webcam's descriptors, right and wrong."""

from __future__ import annotations

import sys

import pytest

from lab.uvc_camera.descriptors import Model, configuration_descriptor, device_descriptor

if sys.platform != "linux":
    pytest.skip("the webcam's driver is Linux's", allow_module_level=True)

from camkit.camera_capture._v4l2.uvc_node import clock_hertz, declared_hertz, metadata_node
from camkit.errors import CameraError

WHOLE = device_descriptor(Model()) + configuration_descriptor(Model())


def test_the_control_interface_tells_it() -> None:
    assert declared_hertz(WHOLE, 0) == 48_000_000


def test_another_interface_does_not() -> None:
    assert declared_hertz(WHOLE, 1) == 0


def test_no_cut_or_garbled_descriptor_does_harm() -> None:
    for end in range(len(WHOLE)):
        assert declared_hertz(WHOLE[:end], 0) in (0, 48_000_000)
    for at in range(len(WHOLE)):
        for value in (0, 1, 255):
            assert declared_hertz(WHOLE[:at] + bytes((value,)) + WHOLE[at + 1 :], 0) >= 0
    assert declared_hertz(b"", 0) == declared_hertz(bytes(100), 0) == 0


def test_a_node_that_the_system_does_not_know() -> None:
    assert clock_hertz("/dev/video999") == 0
    with pytest.raises(CameraError, match="no hardware time: "):
        metadata_node("/dev/video999")
