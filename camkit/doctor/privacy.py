"""Leave out what tells one camera of a kind from another: a report goes to strangers."""

from __future__ import annotations

import re
from typing import Any

HIDDEN = "(serial left out)"
LOGGED = re.compile(r"(SerialNumber: ).*")  # not SerialNumber=3, which is a number of the descriptor
LONG_ENOUGH = 5  # a shorter serial number may be part of anything, so that only whole words of it are hidden


def without_serials(value: Any, serials: list[str]) -> Any:
    """Return what JSON can hold without the serial numbers.

    Parameters
    ----------
    value : object
        Dicts, lists, texts, numbers.
    serials : list of str
        Serial numbers that are known.
    """
    if isinstance(value, dict):
        return {
            key: HIDDEN if key == "serial" and item else without_serials(item, serials) for key, item in value.items()
        }
    if isinstance(value, list):
        return [without_serials(item, serials) for item in value]
    if not isinstance(value, str):
        return value
    text = LOGGED.sub(rf"\1{HIDDEN}", value)
    for serial in serials:
        if len(serial) >= LONG_ENOUGH:
            text = text.replace(serial, HIDDEN)
        else:  # in the name that udev makes: usb-Maker_Model_SERIAL-video-index0
            text = re.sub(rf"_{re.escape(serial)}(?=-video-index)", f"_{HIDDEN}", text)
    return text


def known_serials(machine: dict[str, Any]) -> list[str]:
    """Return the serial numbers of the camera and of what it hangs on, the longest first."""
    found = {row["serial"] for row in machine["usb"] if row.get("serial")}
    return sorted(found, key=len, reverse=True)
