"""What USB has room for: who streams on a bus, and how much of it is reserved."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import NamedTuple

from camkit.camera_capture._v4l2.identity import folder_of

DEVICES = Path("/sys/bus/usb/devices")
INTERFACE, ENDPOINT, COMPANION = 4, 5, 0x30  # types of descriptors
VIDEO, STREAMING = 0x0E, 2  # class and subclass of the interface that pictures come from
ISOCHRONOUS = 1
SUPER_SPEED = 5000.0
# What of a bus may be reserved for streams, in Mbit/s, by its speed: 90 % (80 % at 480) of what is left by its coding.
ROOM = {12.0: 10.8, 480.0: 384.0, 5000.0: 3600.0, 10000.0: 8727.0, 20000.0: 17454.0}


class UsbCamera(NamedTuple):
    """A camera on USB, and what it has reserved.

    Attributes
    ----------
    name, place : str
        Product, and the port: bus-port.port...
    bus : int
    speed : float
        Of its connection, Mbit/s.
    reserved : float
        Mbit/s that are its own now, whether it fills them or not; 0: it does not stream, or in bulk.
    nodes : tuple of str
        Its device files.
    """

    name: str
    place: str
    bus: int
    speed: float
    reserved: float
    nodes: tuple[str, ...]


def usb_camera(path: str) -> UsbCamera | None:
    """Describe the camera at `path`; None: it is not on USB."""
    folder = folder_of(path)
    if folder is None or not (folder / "device").exists():
        return None
    return _describe((folder / "device").resolve().parent)


def cameras_on(bus: int, speed: float) -> list[UsbCamera]:
    """List the cameras that share a bus: those of another speed class have wires, or time, of their own."""
    found = []
    for device in sorted(DEVICES.glob("*-*")) if DEVICES.exists() else []:
        if ":" in device.name:
            continue
        camera = _describe(device)
        if camera is not None and camera.bus == bus and (camera.speed >= SUPER_SPEED) == (speed >= SUPER_SPEED):
            found.append(camera)
    return found


def reserved(descriptors: bytes, interface: int, setting: int, speed: float) -> float:
    """Return what the isochronous endpoints of an interface in one of its settings reserve, in Mbit/s.

    Parameters
    ----------
    descriptors : bytes
        Device and configuration as sysfs has them. Sizes and intervals as in USB 2.0, 9.6.6 and USB 3.2, 9.6.7.
    interface, setting : int
        bInterfaceNumber and bAlternateSetting.
    speed : float
        Mbit/s of the connection.
    """
    total, at, inside, packet, interval = 0.0, 0, False, 0, 0
    while at + 2 <= len(descriptors) and descriptors[at] >= 2:
        one = descriptors[at : at + descriptors[at]]
        at += descriptors[at]
        if one[1] == INTERFACE and len(one) >= 9:
            inside, packet = (one[2], one[3]) == (interface, setting), 0
        elif inside and one[1] == ENDPOINT and len(one) >= 7 and one[3] & 3 == ISOCHRONOUS:
            size, interval = struct.unpack_from("<HB", one, 4)
            packet = (size & 0x7FF) * (1 + (size >> 11 & 3))
            if speed < SUPER_SPEED:
                total += _rate(packet, interval, speed)
        elif packet and one[1] == COMPANION and len(one) >= 6:
            total += _rate(struct.unpack_from("<H", one, 4)[0], interval, speed)
            packet = 0
    return total


def _rate(packet: int, interval: int, speed: float) -> float:
    frames = 8000 if speed >= 480 else 1000  # a second
    return float(packet * 8 * frames / (1 << max(0, min(interval, 16) - 1)) / 1e6)


def _describe(device: Path) -> UsbCamera | None:
    try:
        bus, speed = int(_read(device / "busnum")), float(_read(device / "speed"))
        descriptors = (device / "descriptors").read_bytes()
    except (OSError, ValueError):
        return None
    total, video = 0.0, False
    for interface in device.glob(f"{device.name}:*"):
        try:
            kind = int(_read(interface / "bInterfaceClass"), 16), int(_read(interface / "bInterfaceSubClass"), 16)
            number = int(_read(interface / "bInterfaceNumber"), 16)
            setting = int(_read(interface / "bAlternateSetting"))
        except (OSError, ValueError):
            continue
        video = video or kind[0] == VIDEO
        if kind == (VIDEO, STREAMING):
            total += reserved(descriptors, number, setting, speed)
    if not video:
        return None
    nodes = sorted(f"/dev/{node.name}" for node in device.glob("*/video4linux/video*"))
    return UsbCamera(_name(device), device.name, bus, speed, total, tuple(nodes))


def _name(device: Path) -> str:
    try:
        return _read(device / "product")
    except OSError:
        return "a camera without a name"


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace").strip()
