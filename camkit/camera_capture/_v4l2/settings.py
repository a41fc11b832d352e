"""V4L2Settings: what can be asked of a V4L2 device beside its formats and controls. Asking changes nothing."""

from __future__ import annotations

import errno
from contextlib import AbstractContextManager
from typing import Any

from camkit.camera_capture._v4l2.device import Device
from camkit.camera_capture._v4l2.inputs import InputNode
from camkit.camera_capture._v4l2.node import Node
from camkit.camera_capture._v4l2.selection import SelectionNode
from camkit.camera_capture._v4l2.signal import chosen_input, detect
from camkit.camera_capture._v4l2.timings import MOST_BLOCKS, TimingsNode
from camkit.camera_capture._v4l2.wishes import PRIORITIES
from camkit.camera_capture.inputs import Input, Signal, Standard, standard_name, standards_of
from camkit.camera_capture.selection import BOUNDS, DEFAULT, TARGETS, Rect, Selection
from camkit.camera_capture.timings import Timings, TimingsRange
from camkit.errors import SettingNotSupported


class V4L2Settings:
    """Ask an open device; see `Settings`, which has the same properties and passes them on.

    Borrows the device.

    Parameters
    ----------
    device : Device
        Open device.
    lock : context manager, optional
        Held during each call; who closes the device must hold it too. Default: nobody closes it meanwhile.
    """

    def __init__(self, device: Device, lock: AbstractContextManager[Any] | None = None) -> None:
        self._device = device
        self._inputs = InputNode(device, lock)
        self._timings = TimingsNode(device, lock)
        self._selections = SelectionNode(device, lock)
        self._whole = Node(device, lock)

    @property
    def inputs(self) -> tuple[Input, ...]:
        current = self._inputs.current()
        return tuple(Input.make(row, current) for row in self._inputs.inputs())

    @property
    def signal(self) -> Signal:
        return detect(self._device).signal

    @property
    def standards(self) -> tuple[Standard, ...]:
        return standards_of(self._inputs.standards())

    @property
    def standard(self) -> str | None:
        id = self._inputs.standard()
        return None if id is None else standard_name(id, self.standards)

    @property
    def timings(self) -> Timings | None:
        return self._timings.current()

    @property
    def offered_timings(self) -> tuple[Timings, ...]:
        return tuple(self._timings.offered())

    @property
    def timings_range(self) -> TimingsRange | None:
        return self._timings.range()

    @property
    def selections(self) -> dict[str, Selection]:
        found = {}
        for name, target in TARGETS.items():
            rect, default, bounds = (self._selections.get(target + which) for which in (0, DEFAULT, BOUNDS))
            if rect is not None:
                found[name] = Selection(Rect(*rect), default and Rect(*default), bounds and Rect(*bounds))
        return found

    @property
    def priority(self) -> str | None:
        value = self._whole.priority()
        return next((name for name, number in PRIORITIES.items() if number == value), None)

    @property
    def edid(self) -> bytes | None:
        input = chosen_input(self._device)
        return self._timings.edid(input.index if input is not None else 0)

    def set_edid(self, data: bytes) -> None:
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"the EDID is {data!r}, not bytes")
        data = bytes(data)
        if len(data) % 128 or len(data) > 128 * MOST_BLOCKS:
            raise ValueError(f"the EDID has {len(data)} bytes; it consists of blocks of 128, {MOST_BLOCKS} at most")
        input = chosen_input(self._device)
        where = f"'{self._device.path}'" + (f" at input {input.name!r}" if input is not None else "")
        error, most = self._timings.set_edid(input.index if input is not None else 0, data)
        if error == errno.E2BIG:
            raise SettingNotSupported(
                f"cannot set the EDID of {where} to {len(data) // 128} blocks: it has room for {most}"
            )
        if error in (errno.ENOTTY, errno.EINVAL):
            why = "its driver does not take these bytes" if self.edid is not None else "it can have none"
            raise SettingNotSupported(f"cannot set the EDID of {where}: {why}")
        if error:
            raise self._whole.failure("set the EDID", error)

    def describe(self) -> dict[str, Any]:
        """Return all of it as what JSON can hold."""
        keys = ("index", "name", "kind", "current", "has_standards", "has_timings")
        inputs = [{key: getattr(row, key) for key in keys} | {"status": list(row.status)} for row in self.inputs]
        timings, edid = self.timings, self.edid
        return {
            "inputs": inputs,
            "signal": self.signal.as_dict(),
            "standard": self.standard,
            "standards": [{"name": row.name, "fps": row.fps, "lines": row.lines} for row in self.standards],
            "timings": None if timings is None else timings.as_dict(),
            "offered_timings": [row.as_dict() for row in self.offered_timings],
            "selections": {name: row.as_dict() for name, row in self.selections.items()},
            "edid": None if edid is None else edid.hex(),
            "priority": self.priority,
        }
