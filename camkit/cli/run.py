"""`camkit run`: stream, show what happens, and account for every frame."""

from __future__ import annotations

import argparse
import contextlib
import errno
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from rich.live import Live

import camkit
from camkit.cli.display import Display
from camkit.cli.exit_codes import ExitCode, NoFrames, NotSaved, UsageError, code_of
from camkit.cli.lent import Lent, lent
from camkit.cli.report import make_report, write_json
from camkit.cli.table import console, run_table
from camkit.cli.voice import complain, say

WATCHDOG_S = 30.0  # that one stage may take for a frame
REFRESH_S = 0.25
END_S = 5.0  # how long Ctrl-C waits for the threads

SETTINGS = ("input", "timings", "standard", "crop", "io")  # options of the camera that only some kinds have


def run_command(args: argparse.Namespace) -> ExitCode:
    """Run a pipeline from the camera to the display and print what became of every frame."""
    if args.display in ("none", "headless") and args.pacing is not None:
        raise UsageError(f"--pacing {args.pacing} is a window's, which --display {args.display} has not")
    if args.display == "none" and args.transfer != "auto":
        raise UsageError(f"--transfer {args.transfer} is a way to the GPU, which --display none has nothing to do with")
    memory = lent(args.transfer)
    with terminable(), open_camera(args, memory=memory) as camera, Display(args, camera) as display:
        if memory is not None:
            memory.screen = display.drawing
        return Run(args, camera, display).run()


def open_camera(
    args: argparse.Namespace, corrupt: Literal["drop", "deliver"] = "drop", memory: Lent | None = None
) -> camkit.Camera:
    """Open what `--source` names, and say what `auto` took and what differs from what was asked.

    Parameters
    ----------
    args : argparse.Namespace
    corrupt : {"drop", "deliver"}
    memory : Lent, optional
        What the camera shall fill. Default: what suits it best.
    """
    try:
        camera = camkit.open(
            args.source,
            format=args.format,
            size=args.size,
            fps=args.fps,
            buffers=args.buffers,
            on_exhausted=args.on_exhausted,
            match="nearest" if args.nearest else "exact",
            corrupt=corrupt,
            timeout=args.timeout,
            reconnect=args.reconnect,
            memory=memory,
            **{name: getattr(args, name) for name in SETTINGS if getattr(args, name) is not None},
        )
    except camkit.CameraError as error:
        if memory is None or error.errno != errno.EOPNOTSUPP:
            raise
        why = f"{error.strerror}: --transfer {memory.transfer} lends it the GPU's, --transfer auto does not"
        raise camkit.CameraError(error.errno, why, error.filename) from error
    except camkit.CamkitError:
        raise
    except (TypeError, ValueError) as error:  # TypeError: an option that this kind of camera has not got
        why = f" (--transfer {memory.transfer} lends the camera the GPU's)" if memory is not None else ""
        raise UsageError(f"{error}{why}") from error
    if args.source == "auto":
        say(f"--source auto takes {str(camera.info)!r}{_why(camera.info)}")
    for what, (asked, got) in camera.stream.differences.items():
        say(f"{what} is {got}, the nearest to {asked}")
    return camera


def _why(taken: camkit.CameraInfo) -> str:
    if taken.kind != "synthetic":
        return f" ({taken.name})"
    useless = [f"{str(info)!r} is no use: {info.problem}" for info in camkit.list_cameras() if info.problem]
    return f": {'; '.join(useless) or 'there is no real camera'}"


class Run:
    """One run from its start to its summary."""

    def __init__(self, args: argparse.Namespace, camera: camkit.Camera, display: Display) -> None:
        self._args, self._camera, self._display = args, camera, display
        # Who waits longer for a camera is on a slow machine, which may draw slowly too.
        self._pipeline = camkit.Pipeline(
            camera, *display.nodes, policy=args.policy, watchdog=max(WATCHDOG_S, args.timeout or 0)
        )
        self._console = console(sys.stderr if args.json else sys.stdout)
        self._cpu_began = 0.0
        self._cpu_s: float | None = None
        self._outages = 0
        self._left: tuple[int, int] | None = None  # frames captured and delivered when it was told to be gone

    def run(self) -> ExitCode:
        """Stream, then print the summary and the JSON object."""
        error: Exception | None = None
        try:
            self._stream()
            self._need_frames()
        except camkit.CamkitError as failure:
            error = failure
        self._cpu_s = time.process_time() - self._cpu_began
        if error is not None and not self._pipeline.stats().frames.captured:
            raise error  # there is nothing to give an account of
        snapshot: Path | None = None
        try:
            snapshot = self._save()
        except camkit.CamkitError as failure:
            error = error or failure
        report = self._report(snapshot=snapshot, error=error)
        self._console.print(run_table(report))
        if self._args.json:
            write_json(report, sys.stdout)
        if error is None:
            return ExitCode.OK
        complain(error)
        return code_of(error)

    def _stream(self) -> None:
        shown = sys.stdout.isatty() and self._console.is_terminal
        live = Live(console=self._console, auto_refresh=False, transient=True) if shown else None
        self._cpu_began = time.process_time()
        try:
            with live or contextlib.nullcontext():
                self._pipeline.start(
                    frames=self._args.frames,
                    seconds=self._args.seconds,
                    trace=self._args.trace,
                    report=self._args.report,
                )
                while not self._pipeline.wait(REFRESH_S):
                    self._tell_outages()
                    if live is not None:
                        live.update(run_table(self._report(), self._done()), refresh=True)
        except KeyboardInterrupt:
            # It may have come between two waits; wait() then has not ended the run.
            self._pipeline.abort()
            self._pipeline.wait(END_S)
        except BaseException:
            self._pipeline.abort()
            raise

    def _tell_outages(self) -> None:
        stats = self._pipeline.stats()
        seen = stats.frames.captured, stats.frames.delivered
        if stats.outages > self._outages:
            self._outages, self._left = stats.outages, seen
            say(f"{str(self._camera.info)!r} is gone: waiting until it is plugged in again")
        elif self._left is not None and all(now > then for now, then in zip(seen, self._left, strict=True)):
            self._left = None
            say(f"{str(self._camera.info)!r} is back: it was away for {stats.outage_s:.1f} s in all")

    def _save(self) -> Path | None:
        path: Path | None = self._args.snapshot
        if path is None or not self._pipeline.stats().frames.delivered:
            return None
        try:
            self._display.save(path)
        except OSError as error:
            raise NotSaved(f"cannot write the snapshot {str(path)!r}: {error.strerror}") from error
        return path

    def _done(self) -> float | None:
        stats = self._pipeline.stats()
        if self._args.frames:
            return float(stats.frames.delivered / self._args.frames)
        return stats.wall_s / self._args.seconds if self._args.seconds else None

    def _need_frames(self) -> None:
        stats = self._pipeline.stats()
        if not stats.frames.delivered:
            raise NoFrames(f"no frame came from {str(self._camera.info)!r} in {stats.wall_s:.1f} s")

    def _report(self, **rest: Any) -> dict[str, Any]:
        cpu_s = time.process_time() - self._cpu_began if self._cpu_s is None else self._cpu_s
        files = {"trace": self._args.trace, "report": self._args.report}
        return make_report(self._camera, self._pipeline, self._display, cpu_s=cpu_s, files=files, **rest)


@contextlib.contextmanager
def terminable() -> Iterator[None]:
    """Let `kill` and a supervisor's stop end a run as Ctrl-C does, with its account."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
