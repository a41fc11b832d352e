"""Know a camera again after it was unplugged: what the kernel tells of a node without opening it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

NODES = Path("/sys/class/video4linux")


class Identity(NamedTuple):
    """What makes out a camera.

    Attributes
    ----------
    name : str
        The kernel's name of the node.
    role : str
        Which of its device's nodes it is: one for pictures, others for metadata.
    place : str
        Path of the device on its bus; for USB that is the port. Empty: the node belongs to no device.
    model, serial : str
        Vendor and product, and serial number, of a USB device; empty: it is another kind, or has none.
    """

    name: str
    role: str
    place: str
    model: str = ""
    serial: str = ""

    def __str__(self) -> str:
        facts = [f"serial number {self.serial}"] if self.serial else []
        return ", ".join([repr(self.name), *facts, f"at {os.path.basename(self.place) or 'no bus'}"])


def identify(node: Path) -> Identity | None:
    """Return the identity of a node, given by its folder in sysfs; None: it has gone."""
    try:
        name, role = _read(node / "name"), _read(node / "index")
    except OSError:
        return None
    device = node / "device"
    if not device.exists():
        return Identity(name, role, "")
    interface = device.resolve()
    usb = interface.parent
    try:
        model = f"{_read(usb / 'idVendor')}:{_read(usb / 'idProduct')}"
    except OSError:
        return Identity(name, role, str(interface))
    try:
        serial = _read(usb / "serial")
    except OSError:
        serial = ""
    return Identity(name, role, str(interface), model, serial)


def folder_of(path: str) -> Path | None:
    """Return the folder in sysfs of the node at `path`; None: there is none."""
    try:
        number = os.stat(path).st_rdev
    except OSError:
        return None
    folder = Path(f"/sys/dev/char/{os.major(number)}:{os.minor(number)}")
    return folder.resolve() if folder.exists() else None


def present() -> dict[str, Identity]:
    """Return the identities of all nodes for video, by path, in the order of their numbers."""
    try:
        names = os.listdir(NODES)
    except OSError:  # no driver was ever loaded
        return {}
    numbers = sorted(int(match[1]) for name in names if (match := re.fullmatch(r"video(\d+)", name)))
    found = ((f"/dev/video{number}", identify(NODES / f"video{number}")) for number in numbers)
    return {path: identity for path, identity in found if identity is not None}


def is_same(one: Identity, other: Identity, others: frozenset[str] = frozenset()) -> bool:
    """Tell whether a camera is the one that was known as `one`.

    A serial number is known again at any port, except at those of `others`: places of cameras that were there while
    `one` was, for cheap cameras all have the same number. Without it a camera is known by its place.
    """
    if (one.name, one.role, one.model, one.serial) != (other.name, other.role, other.model, other.serial):
        return False
    return one.place == other.place or bool(one.serial and other.place not in others)


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace").strip()
