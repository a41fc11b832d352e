"""Grid: several cameras in one window."""

import os
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from camkit.errors import GLError
from camkit.gl_core._board import Board
from camkit.gl_core._grid_loop import GridLoop
from camkit.gl_core._overlay import Overlay
from camkit.gl_core._pane import Pane
from camkit.gl_core.album import Album
from camkit.gl_core.captions import Caption
from camkit.gl_core.controls import Controls
from camkit.gl_core.keys import help_lines
from camkit.gl_core.viewer import check_pacing, weakly, window_size
from camkit.gl_core.window import WindowContext

if TYPE_CHECKING:
    from camkit.gl_core._on_draw import DrawContext, Texture

    Renderer = Callable[[DrawContext, tuple[Texture, ...]], object]

END_S = 10.0


class Grid:
    """Show several cameras in one window: `grid[0]`, `grid[1]`, ... are the sinks of their pipelines.

    One thread draws them all; each camera keeps its own pace, and one that fails or is unplugged leaves the others be.
    Its user may zoom, freeze and save each picture, and show one alone; `h` lists the keys. Make it and call `pump` and
    `close` in the main thread, as window systems want; a pipeline that is waited for pumps by itself.

    Parameters
    ----------
    names : sequence of str, or int
        Of the cameras, or how many, 1 to 16.
    title : str
    size : (int, int)
        Of the window, in screen coordinates.
    vsync : bool, optional
        As for `Viewer`.
    pacing : {"latch", "smooth", "off"}, optional
        As for `Viewer`. A window is shown as a whole, so there is one moment for all cameras; which frame of each is
        shown then, and the counts, are its own.
    transfer : str
        As for `Viewer`.
    on_draw : callable, or a sequence with one or None for each camera, optional
        Draws over each camera's picture, as for `Offscreen`: into the picture itself, in its own size, which is zoomed
        and saved with what was drawn. It is called once for each frame that is drawn, in the grid's thread; all share
        one context.
    live : bool, or a sequence with one for each camera
        As for `Viewer`.
    controls, hud, inspector : bool
        As for `Viewer`.
    snapshots : path
        Folder for pictures that are saved.

    Raises
    ------
    GLError
        There is no screen, or no OpenGL 3.3; the message says what to do.

    Examples
    --------
    >>> grid = camkit.Grid(["left", "right"])  # doctest: +SKIP
    >>> pipelines = [camkit.Pipeline(each, pane) for each, pane in zip(cameras, grid)]  # doctest: +SKIP
    """

    def __init__(
        self,
        names: Sequence[str] | int,
        title: str = "camkit",
        size: tuple[int, int] = (1280, 720),
        *,
        vsync: bool | None = None,
        pacing: str | None = None,
        transfer: str = "auto",
        on_draw: "Renderer | Sequence[Renderer | None] | None" = None,
        live: bool | Sequence[bool] = False,
        controls: bool = True,
        hud: bool = False,
        inspector: bool = False,
        snapshots: str | os.PathLike[str] = ".",
    ) -> None:
        named = _named(names)
        size = window_size(size)
        pacing = check_pacing(pacing, vsync)
        painters = _each(on_draw, None if on_draw is None or callable(on_draw) else on_draw, len(named), "on_draw")
        lives = _each(bool(live), live if isinstance(live, Sequence) else None, len(named), "live")
        self._board = Board(len(named), overlay=hud, inspector=inspector)
        overlay = Overlay(self._board, "\n".join(help_lines(len(named))))
        self._album = Album(snapshots, weakly(self.tell))
        self._window: WindowContext | None = WindowContext(title, size)
        try:
            vsync = vsync if vsync is not None else self._window.wayland is None
            self._loop = GridLoop(self._window, self._board, overlay, vsync=vsync, pacing=pacing)
            pump = weakly(self.pump, otherwise=False)
            self._panes = tuple(
                Pane(
                    self._loop, self._board, i, name, None, pump,
                    pacing=pacing, transfer=transfer, on_draw=painters[i], live=lives[i],
                )
                for i, name in enumerate(named)
            )  # fmt: skip
        except BaseException:
            self._window.destroy()
            raise
        self._captions = [Caption(pane.name, self._board.panels[i], pane) for i, pane in enumerate(self._panes)]
        for pane, caption in zip(self._panes, self._captions, strict=True):
            pane._use_caption(caption)
        self._loop.use(self._panes)
        self._controls = Controls(self._window, self._board, weakly(self.snapshot), keys=controls)
        self._loop.set_size(*self._window.pixels)
        self._thread = threading.Thread(target=self._loop.run, name="camkit-grid", daemon=True)
        # Also at the end of the program, before Python is half gone.
        self._finalizer = weakref.finalize(self, _end, self._loop, self._thread)
        self._thread.start()

    def __len__(self) -> int:
        return len(self._panes)

    def __iter__(self) -> Iterator[Pane]:
        return iter(self._panes)

    def __getitem__(self, number: int) -> Pane:
        return self._panes[number]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def alone(self) -> int | None:
        """int or None: the only pane on show."""
        return self._board.alone if self._board.alone >= 0 else None

    def pump(self) -> bool:
        """Serve the window's events. Main thread only.

        Returns
        -------
        bool
            False when the user closed the window or pressed a key that does.
        """
        window = self._window
        if window is None:
            return False
        window.poll_events()
        self._board.set_scale(window.content_scale)
        told = [caption.update() for caption in self._captions]
        if any(told):
            self._board.refresh()
        self._loop.set_size(*window.pixels)
        return not window.closing

    def snapshot(self) -> None:
        """Save the picture under the cursor, or all on show where there is none, as PNG named by camera and frame.

        Returns at once: threads write the files.
        """
        for number in self._board.meant():
            pane = self._panes[number]
            self._album.keep(pane.name, pane._shot)

    def tell(self, message: str) -> None:
        """Show a message for some seconds. Any thread."""
        self._captions[max(self._board.alone, 0)].tell(message)

    def close(self) -> None:
        """Close the window. Main thread only, after the pipelines ended. Closing twice is harmless.

        Raises
        ------
        GLError
            The thread that draws does not end, or another thread has opened the window.
        """
        self._album.close()
        self._finalizer()
        if self._thread.is_alive():
            raise GLError(f"cannot close the grid: its thread did not end within {END_S:g} s; the GPU hangs")
        if self._window is not None:
            self._window.destroy()
            self._window = None


def _each(one: object, several: object, count: int, what: str) -> list[Any]:
    if several is None:
        return [one] * count
    if isinstance(several, str) or not isinstance(several, Sequence):
        raise TypeError(f"{what} is {several!r}, not one for all cameras, nor a list with one for each")
    if len(several) != count:
        raise ValueError(f"{what} is for {len(several)}, and there are {count} cameras")
    return list(several)


def _named(names: Sequence[str] | int) -> list[str]:
    if isinstance(names, int):
        return [f"camera {i + 1}" for i in range(names)]
    if isinstance(names, str) or not isinstance(names, Sequence) or not all(isinstance(name, str) for name in names):
        raise TypeError(f"names is {names!r}, not a number of cameras, nor a list with a name for each")
    return list(names)


def _end(loop: GridLoop, thread: threading.Thread) -> None:
    loop.end()
    thread.join(END_S)
