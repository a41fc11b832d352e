"""Viewer: show frames in a window."""

import math
import os
import weakref
from collections.abc import Callable
from operator import index
from sys import is_finalizing
from threading import get_ident
from typing import TYPE_CHECKING, Any

from camkit.errors import GLError
from camkit.gl_core import _board as gestures
from camkit.gl_core._board import Board
from camkit.gl_core._overlay import Overlay
from camkit.gl_core._pacer import MODES, Pacer
from camkit.gl_core._sink import GLSink
from camkit.gl_core.album import Album
from camkit.gl_core.captions import Caption
from camkit.gl_core.context import headless
from camkit.gl_core.controls import Controls
from camkit.gl_core.display_clock import find_clock
from camkit.gl_core.keys import help_lines
from camkit.gl_core.window import WindowContext

if TYPE_CHECKING:
    from collections.abc import Callable

    from camkit.gl_core._on_draw import DrawContext, Texture
    from camkit.gl_core._view import View
    from camkit.gl_core.context import Context
    from camkit.performance_core.pipeline import Pipeline


LARGEST = 16384  # side of a window


class Viewer(GLSink):
    """Show frames in a window: their shape is kept, the window may be resized, Esc or its button ends the pipeline.

    With `controls` its user may zoom (wheel), pan (drag), freeze and save the picture, and more: `h` lists the keys.
    Then the newest frame is held for as long as it is on show, which takes one buffer of the camera.

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
    pacing : {"latch", "smooth", "off"}, optional
        When frames are drawn. ``"latch"`` takes the newest just before the screen's next refresh, so that what is seen
        is as young as can be; ``"smooth"`` gives each its even place in time, for a camera and a screen of different
        rates, and costs a fixed delay; ``"off"`` draws each frame when it comes. Where the next refresh is not known
        the others do that too, and `explain` says so. Default: ``"latch"``, but ``"off"`` with ``vsync=False``.
    transfer : str
        How pixels get to the GPU: the name of a way, or ``"auto"`` for the best that this driver does right; `explain`
        lists them all.
    on_draw, live, debug : optional
        As for `GLSink`.
    name : str, optional
        Also of the pictures that are saved.
    controls : bool
        Whether keys and mouse do anything but Esc.
    hud : bool
        Draw name, rate, drops and a graph of latencies over the picture.
    inspector : bool
        Tell position and value of the pixel under the cursor, in the format that the source delivers. `controls` and
        this hold the newest frame.
    snapshots : path
        Folder for pictures that are saved by a key or by `snapshot`.

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
        pacing: str | None = None,
        transfer: str = "auto",
        on_draw: "Callable[[DrawContext, tuple[Texture, ...]], object] | None" = None,
        live: bool = False,
        debug: bool | None = None,
        name: str | None = None,
        controls: bool = False,
        hud: bool = False,
        inspector: bool = False,
        snapshots: str | os.PathLike[str] = ".",
    ) -> None:
        super().__init__(transfer=transfer, on_draw=on_draw, live=live, debug=debug, name=name)
        size = window_size(size)
        self._pacing = check_pacing(pacing, vsync)
        self._album = Album(snapshots, weakly(self.tell))
        self._window: WindowContext | None = WindowContext(title, size, debug=self.debug)
        self._vsync = vsync if vsync is not None else self._window.wayland is None
        self._thread = get_ident()
        self._follow_window(self._window)
        self._board: Board | None = None
        self._caption: Caption | None = None
        if controls or hud or inspector:
            self._board = Board(overlay=hud, inspector=inspector)
            self._use_board(self._board, 0, Overlay(self._board, "\n".join(help_lines())))
            self._caption = Caption(self.name, self._board.panels[0], self)
            self._controls = Controls(self._window, self._board, weakly(self.snapshot), keys=controls)

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
        if self._board is not None and self._caption is not None:
            self._board.set_scale(window.content_scale)
            if self._caption.update():
                self._board.refresh()
            self._refresh()
        return not window.closing

    def close(self) -> None:
        """Close the window. Main thread only, after the pipeline ended. Closing twice is harmless.

        Raises
        ------
        GLError
            A pipeline uses the window still, or another thread has opened it.
        """
        super().close()
        self._album.close()
        if self._window is not None:
            self._window.destroy()
            self._window = None

    @property
    def frozen(self) -> bool:
        """bool: the picture stays as it is, while frames go on coming and are counted."""
        return self._board is not None and self._board.panels[0].frozen

    def freeze(self, on: bool = True) -> None:
        """Keep the picture as it is from the next drawing on, or let it go on. Needs `controls`."""
        self._needed_board("cannot be frozen").do(gestures.FREEZE, number=int(on))

    @property
    def passed(self) -> int:
        """int: frames that came since the picture was frozen."""
        return self._board.panels[0].passed if self._board is not None else 0

    @property
    def view(self) -> "View":
        """View: zoom and pan; whoever asks gets what the last drawing had. Needs `controls`."""
        return self._needed_board("has no view").panels[0].view

    def zoom_at(self, factor: float, point: tuple[float, float]) -> None:
        """Enlarge by a factor so that what lies under a point stays there. Needs `controls`.

        Parameters
        ----------
        factor : float
            Above 0; below 1 it makes smaller. The whole picture is the least.
        point : (float, float)
            In the window's pixels, from its upper left corner.
        """
        if not 0 < factor < math.inf:
            raise ValueError(f"factor is {factor!r}, not a number above 0")
        board = self._needed_board("cannot be zoomed")
        board.do(gestures.WHEEL, *point, amount=math.log(factor, gestures.NOTCH))

    def reset_view(self) -> None:
        """Show the whole picture again. Needs `controls`."""
        self._needed_board("has no view").do(gestures.RESET, number=0)

    def snapshot(self) -> None:
        """Save the picture on show as PNG, without what is drawn over it, named by camera and frame.

        Returns at once: a thread writes the file.
        """
        self._album.keep(self.name, self._shot)

    def _needed_board(self, otherwise: str) -> Board:
        if self._board is None:
            raise ValueError(f"{self.name!r} was made without controls=True and {otherwise}")
        return self._board

    def tell(self, message: str) -> None:
        """Show a message over the picture for some seconds, where anything is shown over it. Any thread."""
        if self._caption is not None:
            self._caption.tell(message)

    def attach(self, pipeline: "Pipeline") -> None:
        """As of a Node."""
        super().attach(pipeline)
        if self._caption is not None:
            self._caption.attach(pipeline)

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
        clock, verdicts = find_clock(self._window, self._vsync and self._pacing != "off")
        self._pace_by(Pacer(self._pacing, clock), verdicts)
        return self._window

    def _spare_context(self, context: "Context | None") -> "Context":
        if self._window is None:
            raise GLError(f"cannot make a pool of {self.name!r}: its window was closed")
        return headless(self.debug, share=self._window)

    def _close_context(self, context: "Context") -> None:
        context.release()


def window_size(size: object) -> tuple[int, int]:
    """Check the size that a window is to have, in screen coordinates.

    Raises
    ------
    TypeError
        It is no pair of whole numbers.
    ValueError
        No window is so small or large.
    """
    try:
        width, height = map(index, size)  # type: ignore[call-overload]
    except (TypeError, ValueError):
        raise TypeError(f"size is {size!r}, not (width, height) in whole numbers") from None
    if not (0 < width <= LARGEST and 0 < height <= LARGEST):
        raise ValueError(f"size is {size!r}, not two numbers from 1 to {LARGEST}")
    return width, height


def check_pacing(pacing: str | None, vsync: bool | None) -> str:
    """Check when frames are to be drawn; None: as a window with this `vsync` does by itself.

    Raises
    ------
    ValueError
        There is no such pacing.
    """
    if pacing is not None and pacing not in MODES:
        raise ValueError(f"pacing is {pacing!r}, not one of {', '.join(map(repr, MODES))}")
    return pacing or ("off" if vsync is False else "latch")


def weakly(method: Callable[..., Any], otherwise: Any = None) -> Callable[..., Any]:
    """Wrap a method of an object that this does not keep alive: a viewer that is dropped closes its window."""
    reference = weakref.WeakMethod(method)

    def call(*args: object) -> Any:
        found = reference()
        return otherwise if found is None else found(*args)

    return call
