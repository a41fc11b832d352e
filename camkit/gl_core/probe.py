"""The first trial of a driver, in a child process: a driver that crashes or hangs there has given its answer."""

import json
import mmap
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy

from camkit.gl_core.transfer_cache import SWITCH

if TYPE_CHECKING:
    from camkit.gl_core._layout import Layout
    from camkit.gl_core.transfers import Memory

PROGRAM = "from camkit.gl_core.probe import main; main()"
START_S = 60.0  # for Python, the driver and a context
PATIENCE_S = 20.0  # for the trial of one way, and the start of Python before the first, on a slow machine too
_kept: list[mmap.mmap] = []  # of a child, until it ends


def ask(layout: "Layout", names: Sequence[str], renderer: str, memory: "Memory | None" = None) -> dict[str, str]:
    """Try ways in child processes, a new one after each that dies.

    Parameters
    ----------
    layout : Layout
        Of the frames.
    names : sequence of str
        Of the ways.
    renderer : str
        Whose driver it is about.
    memory : Memory, optional
        Where the first frame lies: its dma-bufs go to the child, since a driver may take those of one exporter and die
        of another's. Default: the child takes memory of its own.

    Returns
    -------
    dict
        {name: how the child died of it, empty if it did not}. What a way answers there is nobody's concern: it will
        be tried here. Names are missing where no child could be had, or it got another driver.
    """
    found: dict[str, str] = {}
    left = list(names)
    while left:
        answers, died = _ask_one(layout, left, renderer, memory)
        found |= answers
        left = [name for name in left if name not in answers]
        if not died:
            break
    return found


def _ask_one(
    layout: "Layout", names: Sequence[str], renderer: str, memory: "Memory | None"
) -> tuple[dict[str, str], bool]:
    lent = memory is not None and min(memory.dmabufs) >= 0
    wish = {
        "format": layout.format.name,
        "size": [layout.width, layout.height],
        "strides": layout.strides,
        "names": list(names),
        "renderer": renderer,
        "memory": memory if lent else None,
    }
    folder = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, [folder, os.environ.get("PYTHONPATH", "")]))
    try:
        child = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, json.dumps(wish)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=sorted(set(memory.dmabufs)) if lent and memory is not None else (),
            env={**os.environ, "PYTHONPATH": path, SWITCH: "off"},
        )
    except OSError:
        return {}, False
    with child:
        assert child.stdout is not None
        try:
            return _listen(_lines(child.stdout), renderer, child.wait)
        finally:
            child.kill()


def _listen(
    next_line: Callable[[float], str | None], renderer: str, wait: Callable[[float], int]
) -> tuple[dict[str, str], bool]:
    """Return the answers, and whether the child died of the last one."""
    answers: dict[str, str] = {}
    name = ""
    if next_line(START_S) != json.dumps(renderer):
        return {}, False
    while line := next_line(PATIENCE_S):
        word: str = json.loads(line)
        if not word:
            answers[name], name = "", ""
            continue
        name = word
    if not name:
        return answers, False
    if line is None:
        answers[name] = f"a child process hung in its trial: nothing came for {PATIENCE_S:.0f} s"
    else:
        try:
            answers[name] = f"a child process died of its trial: {_death(wait(PATIENCE_S))}"
        except subprocess.TimeoutExpired:
            answers[name] = "a child process died of its trial, and did not end"
    return answers, True


def _death(code: int) -> str:
    import signal

    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def _lines(stream: IO[bytes]) -> Callable[[float], str | None]:
    """Return a function of seconds: the next line, empty at the end, None when none came in time."""
    arrived: queue.SimpleQueue[str] = queue.SimpleQueue()

    def read() -> None:
        for line in stream:
            arrived.put(line.decode(errors="replace").strip())
        arrived.put("")

    threading.Thread(target=read, name="camkit-probe", daemon=True).start()

    def next_line(seconds: float) -> str | None:
        try:
            return arrived.get(timeout=seconds)
        except queue.Empty:
            return None

    return next_line


def main() -> None:
    """Be the child: say what draws, then each way's name when its trial begins, and nothing when it has ended."""
    from camkit.gl_core._ladder import try_way
    from camkit.gl_core.context import headless

    wish: dict[str, Any] = json.loads(sys.argv[1])
    functions = headless(renderer=wish["renderer"]).functions
    width, height = wish["size"]
    memory = _mapped(wish["memory"])
    _say(functions.renderer)
    for name in wish["names"]:
        _say(name)
        try_way(functions, wish["format"], width, height, wish["strides"], name, memory)
        _say("")
    # A driver may also die of being tidied up, which is no answer.
    os._exit(0)


def _mapped(told: list[Any] | None) -> "Memory | None":
    """Return the memory that the parent told of, where this process sees it; None if it sees it nowhere."""
    from camkit.gl_core.transfers import Memory

    if told is None:
        return None
    kind, writable, *rows = told
    memory = Memory(kind, writable, *map(tuple, rows))
    addresses = []
    try:
        for fd, offset, size in zip(memory.dmabufs, memory.offsets, memory.sizes, strict=True):
            seen = mmap.mmap(fd, offset + size, mmap.MAP_SHARED, mmap.PROT_READ)
            addresses.append(int(numpy.frombuffer(seen, numpy.uint8).ctypes.data) + offset)
            _kept.append(seen)
    except (OSError, ValueError):
        return None
    return memory._replace(addresses=tuple(addresses), writable=False)


def _say(word: str) -> None:
    print(json.dumps(word), flush=True)
