"""Checks of arguments that say what was given and what is possible."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from camkit.memory_manager._format import PixelFormat

LARGEST = 65536  # pixels on a side: more than any sensor or GPU texture has
MOST_SHOWN = 100  # characters of a wrong value


def shown(value: Any) -> str:
    """Return `repr(value)` for a message, cut short; Python itself refuses to write an int of thousands of digits."""
    if isinstance(value, int) and value.bit_length() > 128:
        return f"an int of {value.bit_length()} bits"
    try:
        text = repr(value)
    except ValueError:
        text = f"a {type(value).__name__} of such an int"
    return text if len(text) <= MOST_SHOWN else f"{text[: MOST_SHOWN - 3]}..."


def check_int(name: str, value: Any, low: int, high: int) -> int:
    """Return `value` as an int within [low, high], or raise TypeError or ValueError naming it."""
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} is a {type(value).__name__}, not an int") from None
    if isinstance(value, bool):
        raise TypeError(f"{name} is a bool, not an int")
    if not low <= number <= high:
        raise ValueError(f"{name} is {shown(number)}, not from {low} to {high}")
    return number


def check_seconds(name: str, value: Any) -> float:
    """Return `value` as seconds within [0, 1e9], or raise TypeError or ValueError naming it."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} is {shown(value)}, not a number of seconds")
    if not 0 <= value <= 1e9:
        raise ValueError(f"{name} is {shown(value)}, not from 0 to 1e9 seconds")
    return float(value)


def check_timeout(value: Any, name: str = "timeout") -> float:
    """Return how many seconds to wait, at most 1e9, which is for ever; or raise TypeError or ValueError naming it."""
    if not hasattr(value, "__float__") and not hasattr(value, "__index__"):  # float() reads texts too
        raise TypeError(f"{name} is {shown(value)}, not a number of seconds")
    try:
        seconds = float(value)
    except OverflowError:
        seconds = float("inf") if value > 0 else -1.0
    if not seconds >= 0:
        raise ValueError(f"{name} is {shown(value)}, not a number of seconds from 0 on")
    return min(seconds, 1e9)


def check_size(size: Any, format: PixelFormat | None = None) -> tuple[int, int]:
    """Return `size` as (width, height) that `format` can have, or raise TypeError or ValueError naming it."""
    if isinstance(size, str):
        raise TypeError(f"size is the text {shown(size)}, not (width, height)")
    try:
        width, height = size
    except (TypeError, ValueError):
        raise TypeError(f"size is {shown(size)}, not (width, height)") from None
    width, height = check_int("width", width, 1, LARGEST), check_int("height", height, 1, LARGEST)
    if format is not None:
        across, down = format.multiple
        if width % across or height % down:
            raise ValueError(
                f"{format.name} cannot be {width}x{height}: its width must be a multiple of {across} and its height "
                f"of {down}"
            )
    return width, height
