"""Find out what comes in at a V4L2 device, and whether it is what the device is set to."""

from __future__ import annotations

import errno
from typing import NamedTuple

from camkit.camera_capture._v4l2.device import Device
from camkit.camera_capture._v4l2.inputs import InputNode
from camkit.camera_capture._v4l2.timings import TimingsNode
from camkit.camera_capture.inputs import USELESS, Input, Signal, standard_name, standards_of
from camkit.camera_capture.timings import Timings

NO_TIMINGS = {errno.ENOLINK: "no signal", errno.ENOLCK: "no lock", errno.ERANGE: "out of range"}


class Detected(NamedTuple):
    """What comes in, and what a device must be set to for it."""

    signal: Signal
    timings: Timings | None = None
    standard: int = 0
    hidden: bool = False  # the driver does not look at its input while it streams

    def differs(self, device: Device) -> bool:
        """Tell whether the device is set to something else than what comes in."""
        if self.timings is not None:
            current = TimingsNode(device).current()
            return current is None or not self.timings.same(current)
        if self.standard:
            return not self.standard & (InputNode(device).standard() or 0)
        return self.hidden


def chosen_input(device: Device) -> Input | None:
    """Return the input that is chosen, None if the device knows no inputs."""
    node = InputNode(device)
    current = node.current()
    rows = node.inputs() if current is not None else []
    return next((Input.make(row, current) for row in rows if row.number == current), None)


def detect(device: Device) -> Detected:
    """Look at the chosen input; changes nothing.

    Raises
    ------
    CameraDisconnected
        The device is gone.
    """
    input = chosen_input(device)
    if input is None:
        return Detected(Signal("unknown"))
    timings, standard, name, error = None, 0, "", errno.ENOTTY
    if input.has_timings:
        error, timings = TimingsNode(device).detect()
        state = "ok" if timings is not None else NO_TIMINGS.get(error, "unknown")
    elif input.has_standards:
        node = InputNode(device)
        error, standard = node.detect_standard()
        name = "" if error else standard_name(standard, standards_of(node.standards()))
        state = "unknown" if error else "ok" if standard else "no signal"
    else:
        state = "unknown"
    # The status words know better: a receiver may still measure the timings of what it has lost.
    state = next((USELESS[word] for word in input.status if word in USELESS), state)
    signal = Signal(state, input.name, input.status, timings, name)
    return Detected(signal, timings, standard, error == errno.EBUSY)
