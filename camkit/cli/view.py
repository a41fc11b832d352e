"""`camkit view`: look at a camera in a window."""

from __future__ import annotations

import argparse
import sys
import time

from rich.console import Console

import camkit
from camkit.cli.display import Drawn, need_pixels, window_size
from camkit.cli.exit_codes import ExitCode, NoFrames, UsageError, code_of
from camkit.cli.report import make_report, write_json
from camkit.cli.run import END_S, open_camera, terminable
from camkit.cli.table import console, run_table
from camkit.cli.voice import complain

WAIT_S = 0.25
NO_FILES = {"trace": None, "report": None}


def view_command(args: argparse.Namespace) -> ExitCode:
    """Show a camera until the window is closed, then print what became of every frame."""
    if args.display in ("headless", "none"):
        why = "'camkit run' streams without a window"
        raise UsageError(f"there is nothing to see with --display {args.display}: {why}")
    with terminable(), open_camera(args) as camera:
        need_pixels(camera, "take another --format")
        with _viewer(args, camera) as viewer:
            return _Show(args, camera, viewer).run()


def _viewer(args: argparse.Namespace, camera: camkit.Camera) -> camkit.Viewer:
    name = camera.info.name or "camkit"
    try:
        return camkit.Viewer(
            name,
            args.window or window_size(*camera.size),
            transfer=args.transfer,
            name=name,
            controls=True,
            hud=True,
            inspector=args.inspect,
            snapshots=args.snapshots,
        )
    except camkit.GLError as error:
        without = "'camkit run --display headless' streams without a screen"
        raise camkit.GLError(f"{str(error).partition('; without a screen')[0]}; {without}") from error


class _Show:
    """One showing from its start to its summary."""

    def __init__(self, args: argparse.Namespace, camera: camkit.Camera, viewer: camkit.Viewer) -> None:
        self._args, self._camera, self._viewer = args, camera, viewer
        # The newest frame is what one wants to see; older ones are dropped and counted.
        self._pipeline = camkit.Pipeline(camera, viewer, policy="latest")
        self._console: Console = console(sys.stderr if args.json else sys.stdout)

    def run(self) -> ExitCode:
        """Show, then print the summary and the JSON object."""
        began = time.process_time()
        error: camkit.CamkitError | None = None
        try:
            self._stream()
            if not self._pipeline.stats().frames.delivered:
                raise NoFrames(f"no frame came from {str(self._camera.info)!r}")
        except camkit.CamkitError as failure:
            error = failure
            if not self._pipeline.stats().frames.captured:
                raise  # there is nothing to give an account of
        report = make_report(
            self._camera,
            self._pipeline,
            Drawn(self._viewer),
            cpu_s=time.process_time() - began,
            files=NO_FILES,
            error=error,
        )
        self._console.print(run_table(report))
        if self._args.json:
            write_json(report, sys.stdout)
        if error is None:
            return ExitCode.OK
        complain(error)
        return code_of(error)

    def _stream(self) -> None:
        try:
            self._pipeline.start(frames=self._args.frames, seconds=self._args.seconds)
            while not self._pipeline.wait(WAIT_S):
                pass
        except KeyboardInterrupt:
            # It may have come between two waits; wait() then has not ended the run.
            self._pipeline.abort()
            self._pipeline.wait(END_S)
