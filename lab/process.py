"""Run the tools that make a kernel: logged, with progress, and ended with the lab."""

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from lab import LabError, say

__all__ = ["TOOLS_ENVIRONMENT", "end_group", "end_with_parent", "find_tool", "run_step"]

# depmod and busybox live in sbin on some systems, which an ordinary user's PATH lacks.
TOOLS_ENVIRONMENT = dict(os.environ, PATH=os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin")
PROGRESS_EVERY_S = 10.0
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def end_with_parent() -> None:
    """Have the kernel end this process when its parent dies, however that happens. For use between fork and exec."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def end_group(child: "subprocess.Popen[bytes]") -> None:
    """End a child that leads its own session, with all it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def run_step(
    command: list[str],
    *,
    what: str,
    folder: Path | None = None,
    environment: dict[str, str] | None = None,
    log: Path | None = None,
    progress: str | Callable[[], str] = "",
) -> str:
    """Run one tool to its end and return what it printed.

    `progress` is told at the start and every ten seconds, with the time spent. With `log`, all output is also appended
    to that file. Raises LabError with `what` failed and the tool's last lines.
    """
    start = told = time.monotonic()
    if progress:
        say(progress if isinstance(progress, str) else progress())
    with tempfile.TemporaryFile() as output:
        try:
            child = subprocess.Popen(
                command,
                cwd=folder,
                env={**TOOLS_ENVIRONMENT, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=end_with_parent,
            )
        except OSError as error:
            raise LabError(f"cannot {what}: {command[0]}: {error.strerror}") from error
        try:
            while True:
                try:
                    status = child.wait(1.0)
                    break
                except subprocess.TimeoutExpired:
                    now = time.monotonic()
                    if progress and now - told >= PROGRESS_EVERY_S:
                        told = now
                        say(f"{progress if isinstance(progress, str) else progress()}, {now - start:.0f} s")
        except BaseException:
            end_group(child)
            raise
        output.seek(0)
        text = output.read().decode(errors="replace")
    if log is not None:
        with log.open("a") as file:
            file.write(text)
    if status:
        tail = "\n".join(text.strip().split("\n")[-20:])
        raise LabError(f"cannot {what}: {command[0]} exited with {status}:\n{tail}")
    return text


def find_tool(name: str) -> str:
    """Return the path of a tool that `packages.require` has found."""
    path = shutil.which(name, path=TOOLS_ENVIRONMENT["PATH"])
    if path is None:
        raise LabError(f"cannot find {name} in {TOOLS_ENVIRONMENT['PATH']}")
    return path
