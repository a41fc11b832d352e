"""Find the V4L2 cameras of this machine."""

from __future__ import annotations

import errno
import glob
import os
import re
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

from camkit.camera_capture._v4l2.controls import ControlNode
from camkit.camera_capture._v4l2.device import Device
from camkit.camera_capture._v4l2.reasons import reason
from camkit.camera_capture._v4l2.settings import V4L2Settings
from camkit.camera_capture.controls import Controls
from camkit.camera_capture.events import Events
from camkit.camera_capture.info import CameraInfo, FormatInfo
from camkit.errors import CameraError, CameraNotFound


def list_devices() -> list[CameraInfo]:
    """List the cameras of this machine, by number. Asking changes nothing on a camera, also not on one in use.

    Returns
    -------
    list of CameraInfo
        A node that cannot be opened is listed too, and `problem` says why.

    Raises
    ------
    CameraError
        /dev cannot be read, for one because too many files are open.
    """
    try:
        names = os.listdir("/dev")
    except OSError as error:
        raise reason("/dev", "look for cameras", error.errno or errno.EIO) from None
    numbers = (re.fullmatch(r"video(\d+)", name) for name in names)
    found = []
    for index in sorted(int(match[1]) for match in numbers if match):
        path = f"/dev/video{index}"
        try:
            found.append(info_of(path))
        except CameraNotFound:
            continue
        except CameraError as error:
            name = system_name(index)
            found.append(CameraInfo("v4l2", name, path, index, "", "", stable_id(path, "", name), error.strerror or ""))
    return found


def info_of(path: str | os.PathLike[str]) -> CameraInfo:
    """Tell what camera is at `path`, which may be a link.

    Raises
    ------
    CameraNotFound
        There is none, or it is another kind of device.
    CameraError
        The system does not let us ask.
    """
    with Device(path, write=False) as device:
        number = re.fullmatch(r"/dev/video(\d+)", os.path.realpath(path))
        return CameraInfo(
            kind="v4l2",
            name=device.card,
            path=device.path,
            index=int(number[1]) if number else None,
            driver=device.driver,
            bus=device.bus,
            id=stable_id(device.path, device.bus, device.card),
        )


def formats(path: str | os.PathLike[str]) -> tuple[FormatInfo, ...]:
    """List everything that the camera at `path` offers; changes nothing on it.

    Returns
    -------
    tuple of FormatInfo
    """
    with Device(path, write=False) as device:
        return device.formats()


def controls(path: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """Describe the controls of the camera at `path`, with their values; changes nothing on it.

    Returns
    -------
    list of dict
        As of `Controls.describe`.
    """
    with Device(path, write=False) as device:
        asked = SimpleNamespace(
            info=info_of(path), events=Events(), control_node=lambda: ControlNode(device, nullcontext())
        )
        return Controls(asked).describe()


def settings(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Describe inputs, signal, standards, timings and selections of the camera at `path`; changes nothing on it.

    Returns
    -------
    dict
        As of `V4L2Settings.describe`.
    """
    with Device(path, write=False) as device:
        return V4L2Settings(device).describe()


def stable_id(path: str, bus: str, name: str) -> str:
    """Return the link that udev made from the serial number, else place and name."""
    node = os.path.realpath(path)
    for link in sorted(glob.glob("/dev/v4l/by-id/*")):
        if os.path.realpath(link) == node:
            return os.path.basename(link)
    return f"{bus}/{name}" if bus else node


def system_name(index: int) -> str:
    """Return the name that the kernel gave to /dev/video<index>."""
    try:
        with open(f"/sys/class/video4linux/video{index}/name", encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return f"video{index}"
