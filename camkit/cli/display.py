"""Where the pictures of a run go: a window, the GPU without a screen, or nowhere."""

from __future__ import annotations

import argparse
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import camkit
from camkit.cli.exit_codes import one_line
from camkit.cli.voice import say

if TYPE_CHECKING:
    from camkit.gl_core import Offscreen, Viewer
    from camkit.gl_core._sink import GLSink

MOST_WINDOW = (1280, 720)
LEAST_TO_KEEP = 3  # buffers of a camera that streams on while we hold one of them


class Drawn:
    """What was drawn with, as a report tells it.

    Parameters
    ----------
    drawing : GLSink or None
        None where OpenGL is not used.

    Attributes
    ----------
    drawing : GLSink or None
    """

    def __init__(self, drawing: GLSink | None) -> None:
        self.drawing = drawing

    def gl(self) -> dict[str, Any] | None:
        """Describe OpenGL, None where it is not used."""
        if self.drawing is None:
            return None
        said = self.drawing.description
        row: dict[str, Any] = {name: said.get(name) for name in ("renderer", "version", "vendor", "headless")}
        stats = self.drawing.stats()
        row |= {f"{what}_frames": getattr(stats, what) for what in ("refused", "overtaken", "frozen")}
        clock = self.drawing.gpu_clock
        row["gpu_clock_error_us"] = None if clock is None else clock.error_ns / 1000
        return row

    def pacing(self) -> dict[str, Any] | None:
        """Tell when frames came on the screen, None where there is none."""
        return self.drawing.pacing if self.drawing is not None else None

    def transfer(self) -> dict[str, Any]:
        """Tell how pixels got to the GPU, and which ways were not taken and why."""
        said = self.drawing.transfer if self.drawing is not None else {}
        return {"path": said.get("path"), "refused": said.get("refused", {})}


class Display(Drawn):
    """What `--display` names: the end of the pipeline, and what it says of the GPU.

    Attributes
    ----------
    nodes : tuple
        What the pipeline has behind the camera.

    Raises
    ------
    GLError
        The window was asked for and there is none.
    FormatNotSupported
        The camera delivers what cannot be drawn.
    """

    def __init__(self, args: argparse.Namespace, camera: camkit.Camera) -> None:
        if args.display != "none" or args.snapshot is not None:
            need_pixels(camera, "take another --format, or --display none without --snapshot")
        self._last: camkit.Frame | None = None
        super().__init__(_drawing(args, camera))
        self.nodes: tuple[Any, ...] = ()
        if self.drawing is not None:
            self.nodes = (self.drawing,)
        elif args.snapshot is not None:
            self.nodes = (self._snapshot_stage(copies=args.buffers < LEAST_TO_KEEP),)

    def __enter__(self) -> Display:
        return self

    def __exit__(self, kind: object, *args: object) -> Literal[False]:
        self._last = None
        if self.drawing is not None:
            # A pipeline that could not be ended holds the context: the error that says so is the one to be heard.
            with contextlib.suppress(*(() if kind is None else (camkit.GLError,))):
                self.drawing.close()
        return False

    def save(self, path: Path) -> None:
        """Write the last picture as PNG."""
        if self.drawing is not None:
            self.drawing.save(path)
        elif self._last is not None:
            with camkit.Offscreen() as offscreen:
                offscreen.show(self._last)
                offscreen.save(path)

    def _snapshot_stage(self, copies: bool) -> Any:
        # Without a GPU in the run the last frame waits here, and is drawn once when all is over.
        def snapshot(frame: camkit.Frame) -> None:
            self._last = frame.copy() if copies else frame

        return snapshot


def _drawing(args: argparse.Namespace, camera: camkit.Camera) -> Offscreen | Viewer | None:
    choice = args.display
    if choice == "none":
        return None
    if choice != "headless":
        try:
            title, size = camera.info.name or "camkit", window_size(*camera.size)
            return camkit.Viewer(title, size, pacing=args.pacing, transfer=args.transfer)
        except camkit.GLError as error:
            if choice == "window":
                raise
            say(f"--display auto is headless: {one_line(error)}")
            if args.pacing is not None:
                say(f"--pacing {args.pacing} is a window's: there is none")
    return camkit.Offscreen(transfer=args.transfer)


def need_pixels(camera: camkit.Camera, otherwise: str) -> None:
    """Refuse a camera whose frames cannot be drawn; `otherwise` says what to do.

    Raises
    ------
    FormatNotSupported
    """
    if camkit.FORMATS[camera.format].compressed:
        raise camkit.FormatNotSupported(
            f"cannot draw the {camera.format} of {str(camera.info)!r}, which is compressed: {otherwise}"
        )


def window_size(width: int, height: int) -> tuple[int, int]:
    """Shrink a picture to what any screen has room for."""
    scale = min(1.0, MOST_WINDOW[0] / width, MOST_WINDOW[1] / height)
    return max(1, round(width * scale)), max(1, round(height * scale))
