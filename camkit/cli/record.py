"""`camkit record`: write a camera's frames into a file, and account for every one."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import time
from collections.abc import Iterator
from types import FrameType
from typing import Any

from rich.live import Live

import camkit
from camkit.cli.exit_codes import ExitCode, NoFrames, UsageError, code_of
from camkit.cli.report import make_record_report, write_json
from camkit.cli.run import REFRESH_S, open_camera
from camkit.cli.table import console, record_table
from camkit.cli.voice import complain

STOP_S = 60.0  # how long a slow disk may take for what is under way when the end comes


def record_command(args: argparse.Namespace) -> ExitCode:
    """Record until the end that was asked for, or Ctrl-C, and print what became of every frame."""
    if args.file.exists() and not args.overwrite:
        raise UsageError(f"{str(args.file)!r} exists; --overwrite replaces it")
    # Damaged frames are part of what happened: the file has them, marked as such.
    with open_camera(args, corrupt="deliver") as camera:
        return RecordRun(args, camera).run()


class RecordRun:
    """One recording from its start to its summary."""

    def __init__(self, args: argparse.Namespace, camera: camkit.Camera) -> None:
        self._args, self._camera = args, camera
        self._recorder = camkit.Recorder(args.file, overwrite=args.overwrite, compression=args.compression)
        depth = 2 * camera.stream.buffers  # all of the camera's own buffers and all of its spare copies
        self._pipeline = camkit.Pipeline(camera, self._recorder, policy="drop_newest", depth=depth)
        self._console = console(sys.stderr if args.json else sys.stdout)
        self._enough = False
        self._cpu_began = time.process_time()

    def run(self) -> ExitCode:
        """Record, then print the summary and the JSON object."""
        error: Exception | None = None
        try:
            with self._asked_to_stop():
                self._record()
            if not self._recorder.report()["frames"]:
                raise NoFrames(f"no frame came from {str(self._camera.info)!r}")
        except camkit.CamkitError as failure:
            error = failure
            if isinstance(failure, camkit.PipelineError) and isinstance(failure.__cause__, camkit.CamkitError):
                error = failure.__cause__
        if error is not None and not self._recorder.report():
            raise error  # there is not even a file
        report = self._report(error)
        self._console.print(record_table(report))
        if self._args.json:
            write_json(report, sys.stdout)
        if error is None:
            return ExitCode.OK
        complain(error)
        return code_of(error)

    def _record(self) -> None:
        shown = sys.stdout.isatty() and self._console.is_terminal
        live = Live(console=self._console, auto_refresh=False, transient=True) if shown else None
        with live or contextlib.nullcontext():
            self._pipeline.start(frames=self._args.frames, seconds=self._args.seconds)
            while not self._pipeline.wait(REFRESH_S):
                if self._enough:
                    self._pipeline.stop(STOP_S)
                if live is not None:
                    live.update(record_table(self._report(None), self._done()), refresh=True)

    @contextlib.contextmanager
    def _asked_to_stop(self) -> Iterator[None]:
        """Let Ctrl-C and `kill` end the recording after what is under way; a second Ctrl-C breaks it off."""

        def stop(number: int, frame: FrameType | None) -> None:
            if self._enough:
                raise KeyboardInterrupt
            self._enough = True

        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _done(self) -> float | None:
        report = self._recorder.report()
        if self._args.frames:
            return float(report["frames"] / self._args.frames)
        return float(report["seconds"] / self._args.seconds) if self._args.seconds else None

    def _report(self, error: BaseException | None) -> dict[str, Any]:
        cpu_s = time.process_time() - self._cpu_began
        return make_record_report(self._camera, self._pipeline, self._recorder, cpu_s=cpu_s, error=error)
