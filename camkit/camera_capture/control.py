"""Control: one control of a camera, and what its values mean."""

from __future__ import annotations

import difflib
import operator
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from camkit.errors import ControlReadOnly

if TYPE_CHECKING:
    from camkit.camera_capture._v4l2.controls import RawControl
    from camkit.camera_capture.controls import Controls

Value = Any  # int, bool, str, bytes, a NumPy array of integers, or None: it cannot be read

KINDS = {
    1: "integer",
    2: "boolean",
    3: "menu",
    4: "button",
    5: "integer64",
    7: "string",
    8: "bitmask",
    9: "integer_menu",
    0x100: "u8",
    0x101: "u16",
    0x102: "u32",
}
DTYPES = {
    "integer": "=i4",
    "boolean": "=i4",
    "menu": "=i4",
    "integer64": "=i8",
    "bitmask": "=u4",
    "integer_menu": "=i4",
    "u8": "=u1",
    "u16": "=u2",
    "u32": "=u4",
}
FLAGS = (
    "disabled",
    "grabbed",
    "read_only",
    "update",
    "inactive",
    "slider",
    "write_only",
    "volatile",
    "has_payload",
    "execute_on_write",
    "modify_layout",
    "dynamic_array",
)
SHOWN = 8  # items of a menu that an error names


def snake_case(title: str) -> str:
    """Return the name of a control as programs write it: `Exposure Time, Absolute` is `exposure_time_absolute`."""
    return re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")


def near(name: str, names: Iterable[str]) -> str:
    """Return the end of an error message that names what `name` may have been meant to be."""
    close = difflib.get_close_matches(name, list(names), 3, 0.5)
    return f"; did you mean {' or '.join(map(repr, close))}?" if close else ""


@dataclass(frozen=True)
class Control:
    """One control, as the driver described it when `Controls.info` was called; `value` is always the present one.

    Attributes
    ----------
    name : str
        Name in snake_case, as `Controls` takes it.
    title : str
        The driver's name for people.
    kind : str
        `integer`, `boolean`, `menu` (its value is the number of an item), `integer_menu` (likewise), `button`,
        `integer64`, `string`, `bitmask`, `u8`, `u16`, `u32`, or `compound`, whose value is bytes.
    minimum, maximum, step : int
        Range; of a string, of its length; of an array, of each element.
    flags : frozenset of str
        Such as `read_only`, `write_only`, `inactive` (another control rules it now), `volatile` (changes by itself),
        `grabbed` (locked now).
    menu : dict of int to (str or int)
        What the items of a menu say or, in an integer menu, which number they mean.
    dims : tuple of int
        Shape of an array's NumPy value, empty for one value; of a dynamic array, the most elements.
    size : int
        Bytes of a value that is not a plain number, else 0.
    """

    name: str
    title: str
    kind: str
    minimum: int
    maximum: int
    step: int
    flags: frozenset[str]
    menu: dict[int, str | int] = field(hash=False)
    dims: tuple[int, ...]
    size: int
    raw: RawControl = field(repr=False, compare=False)
    owner: Controls = field(repr=False, compare=False)

    @classmethod
    def make(cls, name: str, raw: RawControl, menu: dict[int, str | int], owner: Controls) -> Control:
        """Make one of what the driver tells."""
        kind = KINDS.get(raw.type, "compound")
        flags = {flag for bit, flag in enumerate(FLAGS) if raw.flags >> bit & 1}
        if kind in ("string", "compound") or raw.dims:
            flags.add("has_payload")
        # Of a dynamic array the driver tells how many elements it has now; what it can have is its one dimension.
        elements = raw.dims[0] if "dynamic_array" in flags and raw.dims else raw.elems
        size = raw.elem_size * elements if "has_payload" in flags else 0
        return cls(
            name,
            raw.name,
            kind,
            raw.minimum,
            raw.maximum,
            max(raw.step, 1),
            frozenset(flags),
            menu,
            raw.dims,
            size,
            raw,
            owner,
        )

    @property
    def value(self) -> Value:
        """The present value; None if it cannot be read."""
        return self.owner[self.name]

    @property
    def default(self) -> Value:
        """The value out of the box; None for a button."""
        if self.size:
            return self.owner.default(self.name)
        return self.decode(self.raw.default)

    @property
    def writable(self) -> bool:
        """bool: it can be set, if not always."""
        return "read_only" not in self.flags

    @property
    def readable(self) -> bool:
        """bool: it has a value to read."""
        return "write_only" not in self.flags and self.kind != "button"

    def reset(self) -> None:
        """Set it to its default.

        Raises
        ------
        ControlReadOnly
            It cannot be set, or has no default.
        """
        if self.kind == "button":
            raise ControlReadOnly(f"cannot reset {self.name!r}: a button has no value")
        self.owner[self.name] = self.default

    def decode(self, raw: int | bytes) -> Value:
        """Return the value that the driver's number or bytes mean."""
        if isinstance(raw, int):
            if self.kind == "boolean":
                return bool(raw)
            if self.kind == "bitmask":
                return raw & 0xFFFFFFFF
            return None if self.kind == "button" else raw
        if self.kind in DTYPES:
            values = np.frombuffer(raw, DTYPES[self.kind])
            if not self.dims:
                return int(values[0])
            return values.copy() if "dynamic_array" in self.flags else values.reshape(self.dims).copy()
        if self.kind == "string" and not self.dims:
            return raw.partition(b"\0")[0].decode("utf-8", "replace")
        return raw

    def encode(self, value: Value) -> int | bytes:
        """Return the number or bytes that the driver takes for `value`.

        Raises
        ------
        TypeError, ValueError
            It is not of the control's kind, or out of range; drivers would round that silently.
        """
        if self.kind == "button":
            if value is not True and not (isinstance(value, int) and value == 1):
                raise TypeError(self.refusal(value, "a button is pressed by True"))
            return 1
        if self.size and self.kind in DTYPES:
            return self._encode_array(value)
        if self.kind == "string" and not self.dims:
            return self._encode_string(value)
        if self.size:
            if not isinstance(value, (bytes, bytearray, memoryview)):
                raise TypeError(self.refusal(value, f"it takes {self.size} bytes"))
            if memoryview(value).nbytes != self.size:
                raise ValueError(self.refusal(value, f"it takes exactly {self.size} bytes"))
            return bytes(value)
        return self._encode_number(value)

    def refusal(self, value: Value, why: str) -> str:
        """Return the message of an error."""
        shown = f"an array of shape {value.shape}" if isinstance(value, np.ndarray) else repr(value)
        if len(shown) > 60:
            shown = f"{shown[:57]}..."
        return f"cannot set {self.name!r} of {str(self.owner.camera)!r} to {shown}: {why}"

    @property
    def range(self) -> str:
        """str: which values it takes, in words."""
        if self.kind == "boolean":
            return "it takes True or False"
        if self.menu:
            items = [f"{number} ({text})" for number, text in self.menu.items()]
            more = f" and {len(items) - SHOWN} more" if len(items) > SHOWN else ""
            return f"it takes {', '.join(items[:SHOWN])}{more}"
        if self.kind == "bitmask":
            return f"it takes the bits of 0x{self.maximum & 0xFFFFFFFF:08x}"
        return f"it takes {self.minimum} to {self.maximum} in steps of {self.step}"

    def _encode_number(self, value: Value) -> int:
        if self.kind == "menu" and isinstance(value, str):
            for number, text in self.menu.items():
                if value == text:
                    return number
            texts = [str(text) for text in self.menu.values()]
            raise ValueError(self.refusal(value, self.range + near(value, texts)))
        if isinstance(value, np.bool_):
            value = bool(value)
        try:
            number = operator.index(value)
        except TypeError:
            names = ", or the text of an item" if self.kind == "menu" else ""
            raise TypeError(self.refusal(value, f"{self.range}{names}")) from None
        if self.menu or self.kind in ("menu", "integer_menu"):
            fits = number in self.menu
        elif self.kind == "bitmask":
            fits = number >= 0 and not number & ~(self.maximum & 0xFFFFFFFF)
        else:
            fits = self.minimum <= number <= self.maximum and (number - self.minimum) % self.step == 0
        if not fits:
            raise ValueError(self.refusal(value, self.range))
        return number

    def _encode_string(self, value: Value) -> bytes:
        if not isinstance(value, str):
            raise TypeError(self.refusal(value, "it takes text"))
        data = value.encode()
        fits = self.minimum <= len(data) <= self.maximum and (len(data) - self.minimum) % self.step == 0
        if not fits or b"\0" in data:
            steps = f" in steps of {self.step}" if self.step > 1 else ""
            raise ValueError(self.refusal(value, f"it takes {self.minimum} to {self.maximum} bytes of text{steps}"))
        return data.ljust(self.size, b"\0")

    def _encode_array(self, value: Value) -> bytes:
        dynamic = "dynamic_array" in self.flags
        shape = f"1 to {self.dims[0]} integers" if dynamic else f"integers of shape {self.dims}"
        try:
            array = np.asarray(value)
        except ValueError:  # rows of different lengths
            raise ValueError(self.refusal(value, f"it takes {shape}")) from None
        if array.dtype.kind not in "iub" and array.size:
            raise TypeError(self.refusal(value, f"it takes {shape}"))
        fits = array.ndim == 1 and 1 <= array.size <= self.dims[0] if dynamic else array.shape == self.dims
        if not fits:
            raise ValueError(self.refusal(value, f"it takes {shape}, not {array.shape}"))
        for number in set(array.ravel().tolist()):
            inside = self.minimum <= number <= self.maximum
            if self.kind == "bitmask":
                inside = number >= 0 and not number & ~(self.maximum & 0xFFFFFFFF)
            if not inside or (self.kind != "bitmask" and (number - self.minimum) % self.step):
                raise ValueError(self.refusal(value, f"{number} is not one of its values; {self.range} in each place"))
        return array.astype(DTYPES[self.kind]).tobytes()
