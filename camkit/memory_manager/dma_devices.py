"""The device nodes that make dma-bufs: where they are, and why they cannot be used."""

from __future__ import annotations

import os
from pathlib import Path

UDMABUF = "/dev/udmabuf"
HEAPS = Path("/dev/dma_heap")


def heaps() -> list[Path]:
    """List the dma-heaps that may be used: `system` first, which has the most memory, contiguous ones after it."""
    try:
        found = [heap for heap in HEAPS.iterdir() if os.access(heap, os.R_OK)]
    except OSError:
        return []
    return sorted(found, key=lambda heap: (heap.name != "system", heap.name))


def no_udmabuf() -> str:
    """Return why `UDMABUF` cannot be used and what to do, or nothing."""
    if os.access(UDMABUF, os.R_OK | os.W_OK):
        return ""
    return _closed(UDMABUF, "load the kernel's module udmabuf")


def no_heap() -> str:
    """Return why no dma-heap can be used and what to do, or nothing."""
    return "" if heaps() else _closed(str(HEAPS), "the kernel needs CONFIG_DMABUF_HEAPS")


def _closed(path: str, hint: str) -> str:
    if not os.path.exists(path):
        return f"there is no {path}: {hint}"
    return f"{path} is closed to this user: let a group that it is in have it"
