"""What an endpoint reserves of a USB bus, from its descriptors."""

from __future__ import annotations

import struct
import sys

import pytest

if sys.platform != "linux":
    pytest.skip("descriptors come from Linux's sysfs", allow_module_level=True)

from camkit.camera_capture._v4l2.usb import reserved

ISOCHRONOUS, BULK = 5, 2  # with asynchronous timing; bmAttributes


def interface(number: int, setting: int) -> bytes:
    return struct.pack("9B", 9, 4, number, setting, 1, 0x0E, 2, 0, 0)


def endpoint(size: int, interval: int = 1, kind: int = ISOCHRONOUS) -> bytes:
    return struct.pack("<BBBBHB", 7, 5, 0x81, kind, size, interval)


def companion(bytes_per_interval: int) -> bytes:
    return struct.pack("<BBBBH", 6, 0x30, 0, 0, bytes_per_interval)


HIGH = interface(1, 0) + interface(1, 1) + endpoint(0x1400) + interface(1, 2) + endpoint(512, 4) + interface(2, 1)


@pytest.mark.parametrize(
    ("descriptors", "setting", "speed", "mbits"),
    [
        (HIGH, 1, 480.0, 3 * 1024 * 8 * 8000 / 1e6),  # 3 packets of 1024 in each microframe
        (HIGH, 2, 480.0, 512 * 8 * 1000 / 1e6),  # every eighth
        (HIGH, 0, 480.0, 0),
        (HIGH, 7, 480.0, 0),
        (interface(1, 1) + endpoint(1023), 1, 12.0, 1023 * 8 * 1000 / 1e6),
        (interface(1, 1) + endpoint(512, 1, BULK), 1, 480.0, 0),
        (interface(1, 1) + endpoint(1024) + companion(49152), 1, 5000.0, 49152 * 8 * 8000 / 1e6),
        (interface(1, 1) + endpoint(1024, 2) + companion(1024), 1, 5000.0, 1024 * 8 * 4000 / 1e6),
        (b"", 1, 480.0, 0),
        (HIGH[:20], 1, 480.0, 0),  # cut off
        (b"\0" + HIGH, 1, 480.0, 0),
    ],
)
def test_what_a_setting_reserves(descriptors: bytes, setting: int, speed: float, mbits: float) -> None:
    assert reserved(descriptors, 1, setting, speed) == pytest.approx(mbits)
    assert reserved(descriptors, 3, setting, speed) == 0
