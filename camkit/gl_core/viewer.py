"""Viewer: show frames in a window."""

import os
import sys
from sys import is_finalizing
from threading import get_ident
from typing import TYPE_CHECKING

from camkit.errors import GLError
from camkit.gl_core._sink import GLSink
from camkit.gl_core.context import WindowContext

if TYPE_CHECKING:
    from camkit.gl_core.context import Context


class Viewer(GLSink):
    """Show frames in a window: their shape is kept, the window may be resized, Esc or its button ends the pipeline.

    Make it and call `pump` and `close` in the main thread, as window systems want; frames are drawn in the pipeline's
    thread, or by `show` in the main thread. The window stays, with the last picture, until `close`.

    Parameters
    ----------
    title : str
    size : (int, int)
        Of the window, in screen coordinates.
    vsync : bool, optional
        Wait for the screen with every picture. Default: yes, but not on Wayland, which never tears and would stop a
        hidden window for ever.
    transfer : str
        How pixels get to the GPU: ``"client"``, ``"pbo"``, or ``"auto"`` for the one that measures best.
    debug : bool, optional
        As for `GLSink`.
    name : str, optional

    Raises
    ------
    GLError
        There is no screen, or no OpenGL 3.3; the message says what to do.
    """

    def __init__(
        self,
        title: str = "camkit",
        size: tuple[int, int] = (1280, 720),
        *,
        vsync: bool | None = None,
        transfer: str = "auto",
        debug: bool | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(transfer=transfer, debug=debug, name=name)
        width, height = size
        if not (0 < width <= 16384 and 0 < height <= 16384):
            raise ValueError(f"size is {size!r}, not two numbers from 1 to 16384")
        self._vsync = vsync if vsync is not None else not _on_wayland()
        self._window: WindowContext | None = WindowContext(title, (width, height), debug=self.debug)
        self._thread = get_ident()
        self._follow_window(self._window)

    def pump(self) -> bool:
        """Serve the window's events; a pipeline does so while it runs. Main thread only.

        Returns
        -------
        bool
            False when the user closed the window or pressed Esc.
        """
        window = self._window
        if window is None:
            return False
        window.poll_events()
        self._follow_window(window)
        return not window.closing

    def close(self) -> None:
        """Close the window. Main thread only, after the pipeline ended. Closing twice is harmless.

        Raises
        ------
        GLError
            A pipeline uses the window still.
        """
        super().close()
        window, self._window = self._window, None
        if window is not None:
            window.destroy()

    def __del__(self) -> None:
        super().__del__()
        if getattr(self, "_window", None) is not None and self._thread == get_ident() and not is_finalizing():
            self.close()

    def _follow_window(self, window: WindowContext) -> None:
        self._set_window_size(*window.pixels)

    def _open_context(self) -> "Context":
        if self._window is None:
            raise GLError(f"cannot start {self.name!r}: its window was closed; make a new Viewer")
        self._window.make_current()
        self._window.set_vsync(self._vsync)
        self._present_by(*self._window.swap_call)
        return self._window

    def _close_context(self, context: "Context") -> None:
        context.release()


def _on_wayland() -> bool:
    return sys.platform == "linux" and bool(os.environ.get("WAYLAND_DISPLAY"))
