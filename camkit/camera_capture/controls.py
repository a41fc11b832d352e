"""Controls: what can be turned on a camera, by name."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from camkit.camera_capture.control import Control, Value, near, snake_case
from camkit.camera_capture.events import Events
from camkit.errors import CameraBusy, CameraDisconnected, CameraError, ControlNotFound, ControlReadOnly

if TYPE_CHECKING:
    from camkit.camera_capture._v4l2.controls import ControlNode, RawControl
    from camkit.camera_capture.info import CameraInfo


PLAIN_FIELDS = ("name", "title", "kind", "minimum", "maximum", "step", "menu", "dims")  # JSON can hold them as they are


class Controlled(Protocol):
    """What has controls: a backend, or a device that is only asked."""

    info: CameraInfo
    events: Events

    def control_node(self) -> ControlNode | None:
        """Return what reads and sets the controls; None: there are none."""


class Controls(Mapping[str, Value]):
    """The controls of a camera: a mapping of names to present values, and an attribute for each name.

    Names are the driver's in snake_case, as the usual tools of V4L2 write them. Reading asks the camera, assigning sets
    at once. May be used from any thread, also while the camera streams.

    A control that shares its name with a method, such as `set`, is reached by `controls["set"]` alone.

    Examples
    --------
    >>> camera.controls.brightness = 10
    >>> camera.controls["power_line_frequency"] = "50 Hz"
    >>> camera.controls.set(auto_exposure=1, exposure_time_absolute=200)  # all or nothing
    >>> camera.controls.info("brightness").maximum
    64
    """

    __slots__ = ("_problems", "_source", "_table")

    def __init__(self, source: Controlled) -> None:
        self._source = source
        self._table: dict[str, RawControl] | None = None
        self._problems: list[str] = []  # why the table lacks a control

    # ---- the mapping ----

    def __getitem__(self, name: str) -> Value:
        control = self._control(name)
        if not control.readable:
            return None
        return control.decode(self._node().read(control.raw, control.size))

    def __setitem__(self, name: str, value: Value) -> None:
        self.set({name: value})

    def __iter__(self) -> Iterator[str]:
        return iter(self._known())

    def __len__(self) -> int:
        return len(self._known())

    def __getattr__(self, name: str) -> Value:
        if name.startswith("_"):  # what copying and pickling look for
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return self[name]

    def __setattr__(self, name: str, value: Value) -> None:
        if name.startswith("_"):
            object.__setattr__(self, name, value)
        else:
            self[name] = value

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {str(self.camera)!r}: {', '.join(self) or 'none'}>"

    @property
    def camera(self) -> CameraInfo:
        """CameraInfo: whose controls they are."""
        return self._source.info

    # ---- one control ----

    def info(self, name: str) -> Control:
        """Describe a control as it is now: its kind, range, step, default, menu and flags.

        Parameters
        ----------
        name : str
            Name in snake_case.

        Returns
        -------
        Control

        Raises
        ------
        ControlNotFound
            There is none of that name; the message tells which are near.
        CameraDisconnected
            The camera is gone.
        """
        node = self._node_of(name)
        raw = node.query(self._known()[name].id)
        probe = Control.make(name, raw, {}, self)
        menu = node.menu(raw) if probe.kind in ("menu", "integer_menu") else {}
        return Control.make(name, raw, menu, self)

    def default(self, name: str) -> Value:
        """Return the value that a control has out of the box; None for a button."""
        control = self._control(name)
        if not control.size:
            return control.default
        return control.decode(self._node().read(control.raw, control.size, default=True))

    def describe(self) -> list[dict[str, Any]]:
        """Describe all controls in what JSON can hold, with their values.

        Returns
        -------
        list of dict
            Most fields of `Control`, `value`, `default`, and `problem`: why something could not be asked for, else
            empty. A control of which the driver could tell nothing has no name.
        """
        found = []
        for name in self:
            control, value, default, problem = self._control(name), None, None, ""
            try:
                control = self.info(name)
                default = _plain(control.default)
                value = _plain(control.value)
            except CameraDisconnected:
                raise
            except CameraError as error:
                problem = str(error)
            facts = {key: getattr(control, key) for key in PLAIN_FIELDS}
            facts |= {"default": default, "value": value, "flags": sorted(control.flags)}
            found.append({**facts, "problem": problem})
        nothing = dict.fromkeys(PLAIN_FIELDS) | {"name": "", "title": "", "kind": "unknown", "menu": {}, "dims": ()}
        nothing |= {"default": None, "value": None, "flags": []}
        return found + [{**nothing, "problem": problem} for problem in self._problems]

    # ---- setting ----

    def set(self, values: Mapping[str, Value] | None = None, /, **more: Value) -> None:
        """Set several controls in one call of the driver: all of them or, unless the hardware fails half way, none.

        Everything is checked before, for drivers round silently what is out of range.

        Parameters
        ----------
        values : mapping of str to value, optional
            Values by name. A menu takes the number or the text of an item, a button True, an array anything that NumPy
            makes an array of integers of.
        **more
            The same as keywords.

        Raises
        ------
        ControlNotFound
            No control has that name.
        ControlReadOnly
            A control cannot be set.
        TypeError, ValueError
            A value is not of the control's kind or not in its range, which the message tells.
        CameraBusy
            A control is locked while the camera streams.
        CameraDisconnected, CameraError
            The camera is gone, or refused.
        """
        wishes = [(self.info(name), value) for name, value in {**(values or {}), **more}.items()]
        for control, value in wishes:
            if not control.writable:
                raise ControlReadOnly(control.refusal(value, "it can only be read"))
        items = [(control.raw, control.encode(value)) for control, value in wishes]
        if not items:
            return
        error, place = self._node().write(items)
        if not error:
            return
        # Where the driver does not tell, a flag may.
        barred = [wish for wish in wishes if wish[0].flags & {"grabbed", "inactive"}]
        culprit = wishes[place : place + 1] or barred or (wishes if len(wishes) == 1 else [])
        if culprit:
            raise self._refused(*culprit[0], error)
        raise self._node().failure(f"set {', '.join(control.name for control, _ in wishes)} together", error)

    def reset(self) -> dict[str, str]:
        """Set every control that can be set to its default.

        Returns
        -------
        dict of str to str
            Controls that could not be set, and why.
        """
        kept = [name for name in self if self._lasting(self.info(name))]
        # Backwards, for drivers list what rules a control before it: once exposure is automatic its time cannot be set.
        return self._restore({name: self.default(name) for name in reversed(kept)})

    def watch(self, *names: str, on: bool = True) -> None:
        """Have changes told by `Camera.events`, as events of kind `control`, whoever makes them.

        Parameters
        ----------
        *names : str
            Controls; none: all.
        on : bool, optional
            False: tell no more.

        Raises
        ------
        ControlNotFound
            No control has that name.
        SettingNotSupported
            The driver does not tell of changes.
        """
        self._source.events.watch_controls([self.info(name) for name in names or self], on)

    # ---- files ----

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the values that make out the camera's present setting to a JSON file.

        Left out are controls that cannot be set, buttons, and those that another control rules at the moment.

        Parameters
        ----------
        path : str or os.PathLike
            File to write.
        """
        values = {name: _plain(self[name]) for name in self if self._lasting(self.info(name))}
        camera = {"name": self.camera.name, "driver": self.camera.driver, "id": self.camera.id}
        text = json.dumps({"camera": camera, "controls": values}, indent=2)
        Path(path).write_text(text + "\n", encoding="utf-8")

    def load(self, path: str | os.PathLike[str]) -> dict[str, str]:
        """Set the controls to what `save` wrote, which may have been for another camera.

        Those that have their value already are left alone. The others are set in one call; if the camera refuses that,
        one after the other.

        Parameters
        ----------
        path : str or os.PathLike
            File to read.

        Returns
        -------
        dict of str to str
            Controls that could not be set, and why; empty when all is as it was.

        Raises
        ------
        ValueError
            The file is not one that `save` wrote.
        OSError
            It cannot be read.
        CameraDisconnected
            The camera is gone.
        """
        try:
            values = json.loads(Path(path).read_text(encoding="utf-8"))["controls"]
            if not isinstance(values, dict):
                raise TypeError("its controls are no object")
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"cannot load {os.fspath(path)!r}: not a file that save() wrote: {error}") from None
        return self._restore(values)

    def _restore(self, values: dict[str, Any]) -> dict[str, str]:
        refused: dict[str, str] = {}
        wishes: dict[str, Value] = {}
        for name, value in values.items():
            try:
                wish = self._unplain(name, value)
                if not _same(self[name], wish):
                    self.info(name).encode(wish)
                    wishes[name] = wish
            except CameraDisconnected:
                raise
            except (AttributeError, TypeError, ValueError, OSError) as error:
                refused[name] = str(error)
        try:
            self.set(wishes)
        except CameraDisconnected:
            raise
        except (AttributeError, TypeError, ValueError, OSError):
            refused |= self._restore_singly(wishes)
        return refused

    def _restore_singly(self, wishes: dict[str, Value]) -> dict[str, str]:
        refused: dict[str, str] = {}
        for _ in range(2):  # the first round may have turned off what ruled another control
            for name in list(refused) or list(wishes):
                try:
                    self[name] = wishes[name]
                    refused.pop(name, None)
                except CameraDisconnected:
                    raise
                except (AttributeError, TypeError, ValueError, OSError) as error:
                    refused[name] = str(error)
            if not refused:
                break
        return refused

    def _unplain(self, name: str, value: Any) -> Value:
        control = self._control(name)
        if isinstance(value, dict) and set(value) == {"hex"}:
            return bytes.fromhex(value["hex"])
        return np.asarray(value) if control.dims and isinstance(value, list) else value

    # ---- the driver ----

    def _known(self) -> dict[str, RawControl]:
        if self._table is None:
            node = self._source.control_node()
            table: dict[str, RawControl] = {}
            found, self._problems = node.controls() if node is not None else ([], [])
            for raw in found:
                name = snake_case(raw.name)
                table[f"{name}_{raw.id:08x}" if name in table or not name else name] = raw
            self._table = table
        return self._table

    def _node_of(self, name: str) -> ControlNode:
        known = self._known()
        if name not in known:
            hint = near(str(name), known) if known else "; it has none at all"
            raise ControlNotFound(f"camera {str(self.camera)!r} has no control {name!r}{hint}")
        return self._node()

    def _node(self) -> ControlNode:
        # Made anew each time: after a fork the backend has another lock.
        node = self._source.control_node()
        assert node is not None  # else there is no name that one could ask for
        return node

    def _control(self, name: str) -> Control:
        self._node_of(name)
        return Control.make(name, self._known()[name], {}, self)

    @staticmethod
    def _lasting(control: Control) -> bool:
        return control.writable and control.readable and not control.flags & {"inactive", "execute_on_write"}

    def _refused(self, control: Control, value: Value, error: int) -> Exception:
        said, path = os.strerror(error), str(self.camera)
        if error == errno.EBUSY:
            locked = "it is locked while the camera streams: stop() first, or end the program that streams from it"
            return CameraBusy(error, control.refusal(value, f"{said}; {locked}"), path)
        if error == errno.ERANGE:
            return ValueError(control.refusal(value, f"{said}; {control.range}"))
        if error == errno.EINVAL:
            return ValueError(control.refusal(value, f"{said}; the driver does not take this value"))
        if error in (errno.EACCES, errno.EIO) and "inactive" in control.flags:
            ruled = "another control, often an automatic one, rules it now: turn that off first"
            return CameraError(error, control.refusal(value, f"{said}; {ruled}"), path)
        if error == errno.EACCES:
            return ControlReadOnly(control.refusal(value, f"{said}; the driver lets nobody set it now"))
        return self._node().failure(f"set {control.name!r} to {value!r}", error)


def _plain(value: Value) -> Any:
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    return value.tolist() if isinstance(value, np.ndarray) else value


def _same(one: Value, other: Value) -> bool:
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return bool(np.array_equal(one, other))
    return bool(one == other)
