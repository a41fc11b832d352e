"""The ways in which frames get into memory, and which of them to try."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import NamedTuple

from camkit.camera_capture.info import check_choice
from camkit.camera_capture.lender import Lender, check_lender
from camkit.errors import CameraError
from camkit.memory_manager.dma_devices import HEAPS, UDMABUF, heaps, no_heap, no_udmabuf

# V4L2_MEMORY_*, and the bits of `v4l2_requestbuffers.capabilities`.
MMAP, USERPTR, DMABUF = 1, 2, 4
CAN = {MMAP: 1 << 0, USERPTR: 1 << 1, DMABUF: 1 << 2}
WORDS = {MMAP: "mmap", USERPTR: "userptr", DMABUF: "dmabuf"}


class WayRefused(CameraError):
    """One way is not to be had, which says nothing of the others."""


class Way(NamedTuple):
    """One way: whose memory the driver fills, and how it is got."""

    name: str
    memory: int  # V4L2_MEMORY_*
    words: str
    exported: bool = False  # a dma-buf of each of the driver's buffers
    allocator: str = ""  # device that makes dma-bufs
    lender: Lender | None = None  # of the caller's memory

    @property
    def ours(self) -> bool:
        """bool: the memory is the process's own, so that it is cached."""
        return self.memory != MMAP


# In the order of "auto": the driver's own memory suits the driver best, and its dma-bufs cost nothing but descriptors.
WAYS = (
    Way("expbuf", MMAP, "the driver's own memory, each buffer a dma-buf too", exported=True),
    Way("mmap", MMAP, "the driver's own memory"),
    Way("udmabuf", DMABUF, "our memory, lent to the driver as dma-bufs", allocator=UDMABUF),
    Way("userptr", USERPTR, "our memory, lent to the driver by its addresses"),
    Way("dma-heap", DMABUF, "memory of the system's dma-heap", allocator=str(HEAPS)),
)
# Times that reading takes as long as reading the heap: cached memory is near 1, uncached memory 10 and more.
UNCACHED = 4.0
NAMES = ("auto", *(way.name for way in WAYS))


def ways(path: str, io: object, capabilities: int, memory: object = None) -> tuple[list[Way], dict[str, str]]:
    """Return the ways to try, best first, and why the others are not among them.

    Parameters
    ----------
    path : str
        Device, for the message.
    io : object
        What the caller asked for: `"auto"`, or the name of a way.
    capabilities : int
        What the driver says that its queue can do; 0: it does not say.
    memory : object
        A FramePool, or what makes one, that the caller lends for it; None: he lends none.

    Raises
    ------
    ValueError
        `io` is no name of a way.
    CameraError
        The way that was asked for is not possible here.
    """
    asked = check_choice("io", io, NAMES)
    lender = None if memory is None else check_lender(memory)
    if lender is not None and asked not in ("auto", "userptr"):
        raise ValueError(f'io is {asked!r}, but memory of the caller\'s is lent by its addresses: io="userptr"')
    wanted: list[Way] = []
    refused: dict[str, str] = {}
    for way in WAYS:
        if asked not in ("auto", way.name):
            refused[way.name] = "not asked for"
            continue
        if lender is not None and way.memory != USERPTR:
            refused[way.name] = "the caller lends the memory"
            continue
        why = _missing(way, capabilities)
        if why:
            refused[way.name] = why
        elif way.allocator == str(HEAPS):
            wanted += [way._replace(allocator=str(heap)) for heap in heaps()]
        elif lender is not None:
            wanted.append(way._replace(lender=lender, words="memory that the caller lends, by its addresses"))
        else:
            wanted.append(way)
    if not wanted:
        if lender is not None:
            why = refused["userptr"]
            raise CameraError(errno.EOPNOTSUPP, f"cannot open with memory of the caller's: {why}; leave it out", path)
        raise CameraError(
            errno.EOPNOTSUPP, f'cannot open with io="{asked}": {refused[asked]}; io="auto" takes what there is', path
        )
    return wanted, refused


def _missing(way: Way, capabilities: int) -> str:
    if capabilities and not capabilities & CAN[way.memory]:
        offered = [WORDS[memory] for memory, bit in CAN.items() if capabilities & bit]
        return f"the driver takes {' and '.join(offered) or 'no'} buffers only"
    if way.allocator == UDMABUF:
        return no_udmabuf()
    return no_heap() if way.allocator == str(HEAPS) else ""


class Trials:
    """Try the ways one after the other, and remember why each was or was not taken.

    Parameters
    ----------
    path, io, capabilities, memory
        As for `ways`.
    """

    def __init__(self, path: str, io: object, capabilities: int, memory: object = None) -> None:
        self.path, self.io, self.capabilities = path, io, capabilities
        self.wanted, self.impossible = ways(path, io, capabilities, memory)
        self.begin()

    def begin(self) -> None:
        """Begin anew with the best way: what stood in its way may have gone."""
        self.left = list(self.wanted)
        self.taken: Way | None = None
        self.refused = dict(self.impossible)
        self.slow: dict[str, float] = {}
        self.last_resort: Way | None = None
        self.error: WayRefused | None = None

    @property
    def memory(self) -> str:
        """str: what `Frame.memory` will be, as far as is known."""
        return WORDS[(self.taken or self.wanted[0]).memory]

    def next(self) -> Way:
        """Return the way to try next.

        Raises
        ------
        CameraError
            None is left: why the first that was tried failed.
        """
        if self.left:
            return self.left.pop(0)
        if self.last_resort is not None:
            way, self.last_resort = self.last_resort, None
            return way
        assert self.error is not None
        hint = "" if self.io == "auto" else f' with io="{self.io}"; io="auto" takes what there is'
        if self.wanted[0].lender is not None:
            hint = ", in memory that was lent to it: without (memory=, or --transfer of the command) it has its own"
        raise CameraError(self.error.errno, f"{self.error.strerror}{hint}", self.path)

    def refuse(self, way: Way, error: WayRefused) -> None:
        """Note why a way was not to be had."""
        why = str(error.strerror).removeprefix("cannot start: ").removeprefix("cannot ")
        if way.name == "dma-heap":
            why = f"{Path(way.allocator).name}: {why}"
        before = self.refused.get(way.name)
        self.refused[way.name] = f"{before}; {why}" if before else why
        self.error = self.error or error

    def measured(self, way: Way, slowness: float) -> None:
        """Note how many times as long as our own memory that of a way takes to be read.

        Raises
        ------
        WayRefused
            It is not cached, and there are ways left of which the memory is.
        """
        again = way.name in self.slow
        self.slow[way.name] = slowness
        if slowness < UNCACHED or way.ours or again or self.io != "auto":
            return
        # The other way to the same memory will be no faster.
        self.left = [other for other in self.left if other.ours]
        if self.left:
            self.last_resort = way
            raise WayRefused(
                errno.EOPNOTSUPP, f"not cached: {slowness:.0f} times as slow to read as our own", self.path
            )

    def explain(self) -> str:
        """Tell in words which way was taken and why no other."""
        way = self.taken
        if way is None:
            return f"io {self.io}: not tried yet"
        ratio = self.slow[way.name]
        kind = "uncached" if ratio >= UNCACHED else "cached"
        words = [f'io="{way.name}": {way.words} ({kind}, read in {ratio:.1f} times the time of the heap)']
        for other in WAYS:
            if other.name != way.name:
                words.append(f"no {other.name}: {self.refused.get(other.name, 'not needed')}")
        return ", ".join(words)
