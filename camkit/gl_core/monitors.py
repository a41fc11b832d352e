"""Which monitor a window is on."""

from typing import Any, NamedTuple


class Box(NamedTuple):
    """A part of the desktop, in screen coordinates; immutable."""

    x: int
    y: int
    width: int
    height: int


def shared(one: Box, other: Box) -> int:
    """Return the area that two boxes have in common."""
    wide = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    high = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    return max(wide, 0) * max(high, 0)


def most_of(window: Box, monitors: list[Box]) -> int:
    """Return the number of the monitor that shows most of a window; the first one where none shows any."""
    return max(range(len(monitors)), key=lambda i: (shared(window, monitors[i]), -i))


def box_of(glfw: Any, monitor: Any) -> Box:
    """Return where on the desktop a monitor is."""
    x, y = glfw.get_monitor_pos(monitor)
    mode = glfw.get_video_mode(monitor)
    return Box(x, y, mode.size.width, mode.size.height)
