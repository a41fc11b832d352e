"""`camkit view`: look at one camera or several in a window."""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from typing import TYPE_CHECKING, Any

import camkit
from camkit.cli.display import Drawn, need_pixels, window_size
from camkit.cli.exit_codes import ExitCode, NoFrames, UsageError, code_of, one_line
from camkit.cli.lent import lent
from camkit.cli.report import make_report, write_json
from camkit.cli.run import END_S, open_camera, terminable
from camkit.cli.table import console, run_table
from camkit.cli.voice import complain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from camkit.gl_core._sink import GLSink

WAIT_S = 0.02
MOST_CAMERAS = 16
SEVERAL_WINDOW = (1280, 720)
NO_FILES = {"trace": None, "report": None}


def view_command(args: argparse.Namespace) -> ExitCode:
    """Show cameras until the window is closed, then print what became of every frame."""
    if args.display in ("headless", "none"):
        why = "'camkit run' streams without a window"
        raise UsageError(f"there is nothing to see with --display {args.display}: {why}")
    if len(args.sources) > MOST_CAMERAS:
        raise UsageError(f"{len(args.sources)} cameras are more than the {MOST_CAMERAS} that a window has room for")
    with terminable(), contextlib.ExitStack() as stack:
        cameras = []
        memories = [lent(args.transfer) for _ in args.sources or ["auto"]]
        for source, memory in zip(args.sources or ["auto"], memories, strict=True):
            one = argparse.Namespace(**vars(args) | {"source": source})
            cameras.append(stack.enter_context(open_camera(one, memory=memory)))
            need_pixels(cameras[-1], "take another --format")
        screens = _screens(args, cameras, stack)
        for memory, screen in zip(memories, screens, strict=True):
            if memory is not None:
                memory.screen = screen
        shows = [_Show(args, camera, screen) for camera, screen in zip(cameras, screens, strict=True)]
        return _run(args, shows)


def _screens(args: argparse.Namespace, cameras: list[camkit.Camera], stack: contextlib.ExitStack) -> Sequence[GLSink]:
    names = [camera.info.name or "camera" for camera in cameras]
    # Cameras of one make have one name.
    if len(set(names)) < len(names):
        names = [f"{name} {number}" for number, name in enumerate(names, 1)]
    options: dict[str, Any] = {"transfer": args.transfer, "pacing": args.pacing, "snapshots": args.snapshots}
    options |= {"controls": True, "hud": True, "inspector": args.inspect}
    try:
        if len(cameras) == 1:
            size = args.window or window_size(*cameras[0].size)
            viewer = camkit.Viewer(names[0], size, name=names[0], **options)
            return [stack.enter_context(viewer)]
        return list(stack.enter_context(camkit.Grid(names, "camkit", args.window or SEVERAL_WINDOW, **options)))
    except camkit.GLError as error:
        without = "'camkit run --display headless' streams without a screen"
        raise camkit.GLError(f"{str(error).partition('; without a screen')[0]}; {without}") from error


class _Show:
    """One camera on show, from its start to its summary."""

    def __init__(self, args: argparse.Namespace, camera: camkit.Camera, screen: GLSink) -> None:
        self._args, self.camera, self.screen = args, camera, screen
        # The newest frame is what one wants to see; older ones are dropped and counted.
        self.pipeline = camkit.Pipeline(camera, screen, policy="latest")
        self.error: camkit.CamkitError | None = None
        self.done = False

    def start(self) -> None:
        self.pipeline.start(frames=self._args.frames, seconds=self._args.seconds)

    def step(self) -> None:
        """Wait a little; an error ends this camera and no other."""
        try:
            self.done = self.done or self.pipeline.wait(WAIT_S)
        except camkit.CamkitError as error:
            self.done, self.error = True, error
            alert = getattr(self.screen, "alert", None)
            if alert is not None:
                alert(one_line(error))

    def abort(self) -> None:
        # The interrupt may have come between two waits, which then did not end the run.
        self.pipeline.abort()
        if not self.done:
            with contextlib.suppress(camkit.CamkitError):
                self.pipeline.wait(END_S)
            self.done = True

    def report(self, cpu_s: float) -> dict[str, Any]:
        if self.error is None and not self.pipeline.stats().frames.delivered:
            self.error = NoFrames(f"no frame came from {str(self.camera.info)!r}")
        drawn = Drawn(self.screen)
        return make_report(self.camera, self.pipeline, drawn, cpu_s=cpu_s, files=NO_FILES, error=self.error)


def _run(args: argparse.Namespace, shows: list[_Show]) -> ExitCode:
    began = time.process_time()
    try:
        for show in shows:
            show.start()
        while not all(show.done for show in shows):
            for show in shows:
                show.step()
    except KeyboardInterrupt:
        for show in shows:
            show.abort()
    finally:
        for show in shows:
            show.pipeline.abort()
    reports = [show.report(time.process_time() - began) for show in shows]
    told = console(sys.stderr if args.json else sys.stdout)
    for number, report in enumerate(reports):
        if number:
            told.print()
        told.print(run_table(report))
        if overtaken := report["gl"]["overtaken_frames"]:
            told.print(f"{overtaken} delivered frame(s) not drawn: a newer one came first")
        if frozen := report["gl"]["frozen_frames"]:
            told.print(f"{frozen} delivered frame(s) not drawn: the picture was frozen")
    if args.json:
        write_json(reports[0] if len(reports) == 1 else {"cameras": reports}, sys.stdout)
    errors = [show.error for show in shows if show.error is not None]
    for error in errors:
        complain(error)
    return code_of(errors[0]) if errors else ExitCode.OK
