"""What the camera hangs on: kernel, driver, USB; read from sysfs, changing nothing."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path
from typing import Any

import camkit
from camkit.camera_capture.info import CameraInfo
from camkit.doctor.kernel_log import kernel_log

USB = {
    "idVendor": "vendor_id",
    "idProduct": "product_id",
    "manufacturer": "manufacturer",
    "product": "product",
    "bcdDevice": "release",
    "speed": "speed_mbit_s",
    "bMaxPower": "power",
    "version": "usb_version",
    "serial": "serial",
}


def describe_machine(info: CameraInfo) -> dict[str, Any]:
    """Describe what a bug report needs.

    Parameters
    ----------
    info : CameraInfo
        The camera.

    Returns
    -------
    dict
        Versions, the kernel's driver, the way from the camera to its USB controller, and what the kernel logged.
    """
    system = platform.uname()
    place = _device_folder(info)
    usb = _usb(place)
    lines, problem = kernel_log(_words(info, place, usb))
    return {
        "camkit": camkit.__version__,
        "python": platform.python_version(),
        "kernel": f"{system.system} {system.release}",
        "architecture": system.machine,
        "distribution": _distribution(),
        "driver": _driver(place, info),
        "usb": usb,
        "log": lines,
        "log_problem": problem,
    }


def _device_folder(info: CameraInfo) -> Path | None:
    """Return the folder of the camera's device in sysfs; None: it has none."""
    if info.path is None:
        return None
    link = Path("/sys/class/video4linux", os.path.basename(os.path.realpath(info.path)), "device")
    return link.resolve() if link.exists() else None


def _driver(place: Path | None, info: CameraInfo) -> dict[str, Any]:
    module = Path("/sys/module", info.driver.replace(" ", ""))
    name = (place / "driver").resolve().name if place is not None and (place / "driver").exists() else info.driver
    module = Path("/sys/module", name) if Path("/sys/module", name).exists() else module
    options = {}
    if (module / "parameters").is_dir():
        for file in sorted((module / "parameters").iterdir()):
            if (value := _read(file)) is not None:
                options[file.name] = value
    return {"name": name, "version": _read(module / "version"), "parameters": options}


def _usb(place: Path | None) -> list[dict[str, Any]]:
    """Return the camera's USB device and each hub above it, down to the controller."""
    found = []
    for folder in [] if place is None else [place, *place.parents]:
        if (folder / "idVendor").exists():
            row: dict[str, Any] = {"port": folder.name}
            row |= {name: value for file, name in USB.items() if (value := _read(folder / file))}
            if folder.name.startswith("usb"):  # a controller, whose number is its place on the PCI bus
                row.pop("serial", None)
            row["others"] = _neighbours(folder)
            found.append(row)
    return found


def _neighbours(folder: Path) -> list[str]:
    """Name the other devices on the same hub: they share its bandwidth."""
    named = []
    for other in sorted(folder.parent.glob("*/idVendor")):
        if other.parent != folder:
            words = (other.parent.name, _read(other.parent / "product") or "", _read(other.parent / "speed") or "")
            named.append(" ".join(filter(None, words)))
    return named


def _words(info: CameraInfo, place: Path | None, usb: list[dict[str, Any]]) -> list[str]:
    """Return what lines about this camera have in them."""
    words = {info.driver, _driver(place, info)["name"]}
    if usb:
        words |= {f"usb {usb[0]['port']}:", f"usb {usb[0]['port']}-", "uvcvideo"}
    return sorted(word for word in words if len(word) > 2)


def _distribution() -> str:
    text = _read(Path("/etc/os-release")) or ""
    found = re.search(r'^PRETTY_NAME="?(.*?)"?$', text, re.MULTILINE)
    return found[1] if found else ""


def _read(file: Path) -> str | None:
    try:
        return file.read_text(errors="replace").strip()
    except OSError:
        return None
