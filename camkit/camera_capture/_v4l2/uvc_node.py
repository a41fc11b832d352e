"""Find the metadata node beside a USB webcam's video node, and how fast the webcam says that its clock runs."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from camkit.errors import CameraError

NODES = Path("/sys/class/video4linux")

# USB Video Class 1.5, sections 3.5 and 3.7.2: the header of the interface that controls the camera.
INTERFACE, CLASS_SPECIFIC, VC_HEADER = 4, 0x24, 1
VIDEO, CONTROL = 0x0E, 1
CLOCK_AT = 7


def metadata_node(path: str) -> str:
    """Return the device file of the metadata node that belongs to the webcam at `path`.

    Raises
    ------
    CameraError
        There is none; the message says why.
    """
    node = NODES / os.path.basename(os.path.realpath(path))
    try:
        driver = (node / "device" / "driver").resolve().name
        place, index = (node / "device").resolve(), int((node / "index").read_text())
        if driver != "uvcvideo":
            raise _none(path, f"its driver is {driver}, and only USB webcams on uvcvideo tell their own clock's time")
        for other in NODES.iterdir():
            # The driver makes a stream's metadata node right behind its video node.
            if (other / "device").resolve() == place and int((other / "index").read_text()) == index + 1:
                return f"/dev/{other.name}"
    except CameraError:  # an OSError too, and one that has told already
        raise
    except (OSError, ValueError) as error:
        raise _none(path, f"{NODES} does not tell: {error}") from None
    raise _none(path, "this kernel's uvcvideo made none (Linux 4.16 and newer do)")


def clock_hertz(path: str) -> int:
    """Return the clock frequency in the descriptors of the webcam at `path`; 0 if they do not tell."""
    interface = NODES / os.path.basename(os.path.realpath(path)) / "device"
    try:
        number = int((interface / "bInterfaceNumber").read_text(), 16)
        return declared_hertz((interface.resolve().parent / "descriptors").read_bytes(), number)
    except (OSError, ValueError):
        return 0


def declared_hertz(descriptors: bytes, number: int) -> int:
    """Return dwClockFrequency of control interface `number`; 0 if the descriptors of the device hold none."""
    at, ours = 0, False
    while at + 2 <= len(descriptors) and descriptors[at] >= 2:
        part = descriptors[at : at + descriptors[at]]
        if part[1] == INTERFACE and len(part) >= 9:
            ours = part[2] == number and (part[5], part[6]) == (VIDEO, CONTROL)
        elif ours and part[1] == CLASS_SPECIFIC and len(part) >= CLOCK_AT + 4 and part[2] == VC_HEADER:
            return int.from_bytes(part[CLOCK_AT : CLOCK_AT + 4], "little")
        at += len(part)
    return 0


def _none(path: str, why: str) -> CameraError:
    return CameraError(errno.ENODEV, f"no hardware time: {why}; leave hardware_time out", path)
