"""Find out which processes hold a device node."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from typing import NamedTuple

from camkit.camera_capture._backend import live_backends

MOST_NAMED = 3


class Holder(NamedTuple):
    """A process that has the node open."""

    pid: int
    name: str
    streams: bool  # has buffers of the device in its memory

    def __str__(self) -> str:
        return "this process" if self.pid == os.getpid() else f"process {self.pid} ({self.name})"


def tell_holders(path: str) -> str:
    """Say who keeps the device at `path` busy, and what to do about it.

    This process counts when it has the device's buffers in memory, or has it open more than once.
    """
    found, hidden = find_holders(path)
    streaming = [holder for holder in found if holder.streams]
    named = streaming or found
    more = f" and {len(named) - MOST_NAMED} more" if len(named) > MOST_NAMED else ""
    names = ", ".join(map(str, named[:MOST_NAMED])) + more
    if streaming:
        said = f"it is streaming in {names}"
    else:
        # Who has it open need not be the one who streams.
        said = f"it is open in {names}" if found else ""
        if hidden or not found:
            unseen = "in use by a program that this user may not look into" if hidden else "in use, unseen from here"
            look = f": see `sudo fuser -v {shlex.quote(path)}`"
            said = f"{said}, or {unseen}{look}" if found else f"it is {unseen}{look}"
    ours = [holder.pid for holder in named] == [os.getpid()] and (named[0].streams or not hidden)
    return f"{said}; stop that {'stream' if ours else 'program'}, or take another camera"


def find_holders(path: str) -> tuple[list[Holder], bool]:
    """Find the processes that have the node at `path` open, and tell whether some may not be looked into."""
    found: list[Holder] = []
    hidden = False
    try:
        device = os.stat(path).st_rdev
        pids = sorted(int(name) for name in os.listdir("/proc") if name.isdecimal())
    except OSError:
        return found, True
    for pid in pids:
        try:
            names = list(_descriptors(pid, device))
            if not names:
                continue
            streams = _maps(pid, set(names)) and (pid != os.getpid() or ours_streams(path))
            if pid != os.getpid() or streams or len(names) > 1:  # the first one is of who asks here
                with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
                    found.append(Holder(pid, file.read().strip(), streams))
        except PermissionError:
            hidden = True
        except OSError:  # it has ended meanwhile
            continue
    return found, hidden


def ours_streams(path: str) -> bool:
    """Tell whether this process streams from the device: what it maps may be frames of a stream that has ended."""
    return any(
        backend.streaming and os.path.realpath(backend.info.path) == os.path.realpath(path)
        for backend in live_backends()
        if backend.info.path
    )


def _descriptors(pid: int, device: int) -> Iterator[str]:
    """Yield the path of each open file of a process that is the device."""
    for descriptor in os.listdir(f"/proc/{pid}/fd"):
        link = f"/proc/{pid}/fd/{descriptor}"
        try:
            name = os.readlink(link)
            # To ask a file outside of /dev could hang, when its server does.
            if name.startswith("/dev/") and os.stat(link).st_rdev == device:
                yield name
        except FileNotFoundError:  # closed meanwhile
            continue


def _maps(pid: int, names: set[str]) -> bool:
    with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as file:
        return any(len(row) == 6 and row[5] in names for row in (line.rstrip("\n").split(None, 5) for line in file))
