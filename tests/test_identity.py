"""Knowing a camera again, from what sysfs tells of it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

if sys.platform != "linux":
    pytest.skip("cameras are known by Linux's sysfs", allow_module_level=True)

from camkit.camera_capture._v4l2.identity import Identity, identify, is_same
from camkit.camera_capture.info import Request

CAMERA = Identity("Cam", "0", "/sys/devices/usb1/1-1/1-1:1.0", "046d:0825", "A1")
PLAIN = CAMERA._replace(serial="")


@pytest.mark.parametrize(
    ("known", "seen", "others", "same"),
    [
        (CAMERA, CAMERA, (), True),
        (CAMERA, CAMERA._replace(place="/port2"), (), True),
        (CAMERA, CAMERA._replace(place="/port2"), ("/port2",), False),  # its twin, with the same serial number
        (CAMERA, CAMERA._replace(serial="B2"), (), False),
        (CAMERA, CAMERA._replace(serial=""), (), False),
        (CAMERA, CAMERA._replace(model="046d:0826"), (), False),
        (CAMERA, CAMERA._replace(role="1"), (), False),
        (CAMERA, CAMERA._replace(name="Other"), (), False),
        (PLAIN, PLAIN, (), True),
        (PLAIN, PLAIN._replace(place="/port2"), (), False),
        (CAMERA, CAMERA, (CAMERA.place,), True),
    ],
)
def test_which_camera_is_taken_for_the_same(known: Identity, seen: Identity, others: tuple[str], same: bool) -> None:
    assert is_same(known, seen, frozenset(others)) is same


@pytest.fixture
def node(tmp_path: Path) -> Path:
    """Give a node's folder as in sysfs: a USB camera with a serial number."""
    usb = tmp_path / "usb1" / "1-1"
    interface = usb / "1-1:1.0"
    folder = interface / "video4linux" / "video7"
    folder.mkdir(parents=True)
    (folder / "name").write_text("Cam\n")
    (folder / "index").write_text("0\n")
    (folder / "device").symlink_to(interface)
    for name, text in {"idVendor": "046d", "idProduct": "0825", "serial": "A1"}.items():
        (usb / name).write_text(text + "\n")
    return folder


def test_what_sysfs_tells(node: Path) -> None:
    place = str(node.parent.parent.resolve())
    assert identify(node) == Identity("Cam", "0", place, "046d:0825", "A1")
    usb = node.parent.parent.parent
    (usb / "serial").unlink()
    assert identify(node) == Identity("Cam", "0", place, "046d:0825", "")
    (usb / "idVendor").unlink()
    assert identify(node) == Identity("Cam", "0", place)
    (node / "device").unlink()
    assert identify(node) == Identity("Cam", "0", "")
    (node / "name").unlink()
    assert identify(node) is None


@pytest.mark.parametrize(
    ("asked", "seconds"), [(False, 0.0), (True, float("inf")), (2, 2.0), (0.5, 0.5)], ids=["no", "yes", "2", "0.5"]
)
def test_how_long_to_wait(asked: bool | float, seconds: float) -> None:
    assert Request.make(reconnect=asked).reconnect == seconds


@pytest.mark.parametrize(
    ("asked", "error"), [("yes", TypeError), (None, TypeError), (0, ValueError), (-1, ValueError), (1e10, ValueError)]
)
def test_a_wait_that_is_none(asked: object, error: type[Exception]) -> None:
    with pytest.raises(error, match="reconnect is"):
        Request.make(reconnect=asked)  # type: ignore[arg-type]
