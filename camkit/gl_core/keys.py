"""What the keys and the mouse do in a window: one table for the window, its help and the command's."""

from typing import NamedTuple

from camkit.gl_core import _board as board


class Key(NamedTuple):
    """A key and what it does; immutable.

    Attributes
    ----------
    keys : tuple of str
        Characters as the keyboard's layout gives them, or glfw's names of keys that have none.
    what : str
        For people.
    action : str
        A method of `Controls`; empty: a gesture.
    gesture : int
        A number of `_board`; -1: none.
    x, y, amount : float
    number : int
        As for `Board.do`.
    """

    keys: tuple[str, ...]
    what: str
    action: str = ""
    gesture: int = -1
    x: float = 0.0
    y: float = 0.0
    amount: float = 0.0
    number: int = -1


STEP = 1.25  # of zoom
SHARE = 0.1  # of the picture's place that an arrow moves it by

KEYS = (
    Key(("h",), "show or hide this list", gesture=board.HELP),
    Key(("o",), "show or hide the overlay of numbers", gesture=board.OVERLAY),
    Key(("i",), "inspect the pixel under the cursor, or not", gesture=board.INSPECTOR),
    Key((" ",), "freeze the picture, or let it go on", gesture=board.FREEZE),
    Key(("s",), "save the picture as PNG", action="snapshot"),
    Key(("+", "="), "zoom in, as the wheel does", gesture=board.ZOOM, amount=STEP),
    Key(("-",), "zoom out", gesture=board.ZOOM, amount=1 / STEP),
    Key(("LEFT",), "move what is seen, as dragging does", gesture=board.PAN, x=SHARE),
    Key(("RIGHT",), "", gesture=board.PAN, x=-SHARE),
    Key(("UP",), "", gesture=board.PAN, y=SHARE),
    Key(("DOWN",), "", gesture=board.PAN, y=-SHARE),
    Key(("0",), "show the whole picture, as a double click does", gesture=board.RESET),
    *(Key((str(n),), "", gesture=board.ALONE, number=n - 1) for n in range(1, 10)),
    Key(("g",), "show all cameras again", gesture=board.ALONE),
    Key(("f",), "full screen, or not", action="full_screen"),
    Key(("q", "ESCAPE"), "quit", action="quit"),
)

NAMES = {" ": "space", "ESCAPE": "Esc", "LEFT": "arrows"}


def by_key() -> dict[str, Key]:
    """Return the row of each key."""
    return {name: row for row in KEYS for name in row.keys}


def help_lines(cameras: int = 1) -> list[str]:
    """Return what people may press, a line each; what only several cameras need is left out for one."""
    lines = []
    for row in KEYS:
        if row.what and (cameras > 1 or row.gesture != board.ALONE):
            lines.append(f"{', '.join(NAMES.get(key, key) for key in row.keys if key != '='):>8}  {row.what}")
    if cameras > 1:
        lines.insert(-3, f"{f'1-{min(9, cameras)}':>8}  show one camera alone, as a click does")
    return lines
