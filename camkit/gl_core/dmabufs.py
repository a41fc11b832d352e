"""What can be known of a dma-buf from outside: who exports it, how large it is, and where planes lie in it."""

from __future__ import annotations

import os
import platform
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from camkit.errors import BackingUnavailable, GLError
from camkit.memory_manager import Frame, FramePool
from camkit.memory_manager.dma_devices import HEAPS, heaps, no_udmabuf

if TYPE_CHECKING:
    from camkit.gl_core._layout import Layout
    from camkit.gl_core.transfers import Memory

PAGE = 4096


def exporter_of(fd: int) -> str:
    """Return the kernel's name of who made a dma-buf, "memfd" for a file that stands for one, or nothing."""
    try:
        if os.readlink(f"/proc/self/fd/{fd}").startswith("/memfd:"):
            return "memfd"
        for line in Path(f"/proc/self/fdinfo/{fd}").read_text().splitlines():
            if line.startswith("exp_name:"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return ""


def tier_of(exporter: str) -> str:
    """Return the tier of memory by its exporter: ours, lent to the camera; the driver's own; a heap's."""
    if exporter in ("udmabuf", "memfd"):
        return "0a"
    return "0c" if exporter and (HEAPS / exporter).exists() else "0b"


def own_exporter() -> str:
    """Return of whom a process can have a dma-buf without a camera; "memfd" where it can have none."""
    if not no_udmabuf():
        return "udmabuf"
    found = heaps()
    return found[0].name if found else "memfd"


def memory_for(layout: Layout) -> Memory:
    """Describe memory with the planes one after the other, which nobody has yet."""
    from camkit.gl_core.transfers import Memory

    shapes = [layout.format.plane_shape(layout.width, layout.height, plane) for plane in range(layout.plane_count)]
    sizes = tuple(stride * shape[0] for stride, shape in zip(layout.strides, shapes, strict=True) if shape)
    offsets = tuple(sum(sizes[:plane]) for plane in range(len(sizes)))
    none = (0,) * len(sizes)
    return Memory("heap", True, none, sizes, tuple(layout.strides), offsets, none)


def size_of(fd: int) -> int:
    """Return the bytes of a dma-buf, which fstat() does not tell, or raise GLError for what has none."""
    try:
        nbytes = os.lseek(fd, 0, os.SEEK_END)
    except OSError as error:
        raise GLError(f"descriptor {fd} is no dma-buf: {error.strerror}") from error
    # Some drivers crash of what they cannot map. Folders say that they have no end.
    if stat.S_ISDIR(os.fstat(fd).st_mode):
        raise GLError(f"descriptor {fd} is no dma-buf but a folder")
    return nbytes


def caches_need_flushing() -> bool:
    """Tell whether a device may read memory without looking into the CPU's caches."""
    return platform.machine() not in ("x86_64", "AMD64", "i386", "i686")


def pages_differ(planes: Sequence[memoryview]) -> bool:
    """Tell whether no two pages of a picture are the same, so that pages in a wrong order would show."""
    pages = [plane[at : at + PAGE].tobytes() for plane in planes for at in range(0, len(plane), PAGE)]
    return len(set(pages)) == len(pages)


def places(memory: Memory) -> list[int]:
    """Place planes in one buffer of our own, as they lie to each other if they lie in one dma-buf."""
    if len(set(memory.dmabufs)) == 1:
        first = min(memory.offsets)
        return [offset - first for offset in memory.offsets]
    at, found = 0, []
    for size in memory.sizes:
        found.append(at)
        at += -(-size // PAGE) * PAGE
    return found


def span(memory: Memory) -> int:
    """Return the bytes that `places` needs."""
    return max(at + size for at, size in zip(places(memory), memory.sizes, strict=True))


def trial_frames(exporter: str, count: int, nbytes: int) -> list[tuple[Frame, int, int]]:
    """Take buffers of our own of the same exporter, to write trial pictures into.

    Returns
    -------
    list of (Frame, int, int)
        A frame of bytes, its dma-buf, and where it begins in that. Empty if such memory is not ours to make.
    """
    heap = HEAPS / exporter
    backing = {"udmabuf": "udmabuf", "memfd": "memfd"}.get(exporter, f"dma-heap:{exporter}" if heap.exists() else "")
    if not exporter or not backing:
        return []
    try:
        pool = FramePool(count, nbytes, backing=backing, alignment=PAGE)
    except (BackingUnavailable, MemoryError, ValueError):
        return []
    frames = [pool.acquire() for _ in range(count)]
    if backing == "memfd":
        assert pool.fd is not None
        return [(frame, pool.fd, frame.slot * pool.pitch) for frame in frames]
    return [(frame, frame.dmabufs[0].fd, frame.dmabufs[0].offset) for frame in frames if frame.dmabufs]
