"""Controls: from the keys and the mouse of a window to the board of its pictures."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from camkit.gl_core import _board as gestures
from camkit.gl_core.keys import by_key

if TYPE_CHECKING:
    from camkit.gl_core._board import Board
    from camkit.gl_core.window import WindowContext

DOUBLE_S = 0.35  # between the two clicks of a double one
DOUBLE_PIXELS = 6


class Controls:
    """Hand what a window's user does to its board, and do what is not the board's. For the main thread.

    Parameters
    ----------
    window : WindowContext
    board : Board
    snapshot : callable
        Called without arguments for a snapshot of what is under the cursor.
    keys : bool
        False: only follow the cursor.
    """

    def __init__(
        self, window: "WindowContext", board: "Board", snapshot: Callable[[], object], *, keys: bool = True
    ) -> None:
        self._window, self._board = window, board
        self._glfw: Any = window.glfw
        self._keys = by_key()
        self._snapshot = snapshot
        self._clicked = (-DOUBLE_S, 0.0, 0.0)
        self._place: tuple[float, float] | None = None  # of the cursor, in pixels
        glfw = self._glfw
        glfw.set_cursor_pos_callback(window.window, self._move)
        glfw.set_cursor_enter_callback(window.window, self._enter)
        if keys:
            glfw.set_char_callback(window.window, self._char)
            glfw.set_key_callback(window.window, self._key)
            glfw.set_mouse_button_callback(window.window, self._button)
            glfw.set_scroll_callback(window.window, self._wheel)

    def quit(self) -> None:
        """End as the window's button does."""
        self._glfw.set_window_should_close(self._window.window, True)

    def full_screen(self) -> None:
        """Fill the monitor that shows most of the window, or go back to where the window was."""
        self._window.toggle_full_screen()

    def snapshot(self) -> None:
        """Save the picture."""
        self._snapshot()

    def press(self, name: str) -> None:
        """Do what a key does; nothing if it has no meaning."""
        row = self._keys.get(name)
        if row is None:
            return
        if row.action:
            getattr(self, row.action)()
        else:
            self._board.do(row.gesture, row.x, row.y, amount=row.amount, number=row.number)

    def _char(self, window: object, code: int) -> None:
        self.press(chr(code))

    def _key(self, window: object, key: int, scancode: int, action: int, mods: int) -> None:
        glfw = self._glfw
        named = {getattr(glfw, f"KEY_{name}"): name for name in ("LEFT", "RIGHT", "UP", "DOWN", "ESCAPE")}
        if action != glfw.RELEASE and key in named:
            self.press(named[key])

    def _move(self, window: object, x: float, y: float) -> None:
        self._place = self._window.to_pixels(x, y)
        self._board.do(gestures.MOVE, *self._place)

    def _cursor(self) -> tuple[float, float]:
        # Where it was with this event. The system tells where it is by now, which may be much further.
        if self._place is None:
            self._place = self._window.to_pixels(*self._glfw.get_cursor_pos(self._window.window))
        return self._place

    def _enter(self, window: object, inside: bool) -> None:
        if not inside:
            self._board.do(gestures.LEAVE)

    def _button(self, window: object, button: int, action: int, mods: int) -> None:
        glfw = self._glfw
        if button != glfw.MOUSE_BUTTON_LEFT:
            return
        x, y = self._cursor()
        if action != glfw.PRESS:
            self._board.do(gestures.RELEASE, x, y)
            return
        now, before = glfw.get_time(), self._clicked
        near = max(abs(x - before[1]), abs(y - before[2])) <= DOUBLE_PIXELS
        if now - before[0] < DOUBLE_S and near:
            self._board.do(gestures.MOVE, x, y)
            self._board.do(gestures.RESET)
            now = -DOUBLE_S  # a third click begins anew
        self._clicked = (now, x, y)
        self._board.do(gestures.PRESS, x, y)

    def _wheel(self, window: object, across: float, up: float) -> None:
        self._board.do(gestures.WHEEL, *self._cursor(), amount=up)
