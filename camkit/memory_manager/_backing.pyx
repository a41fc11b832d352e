"""The kinds of memory that a FramePool gets by itself."""

from libc.errno cimport ENOMEM
from libc.stdint cimport uint32_t
from libc.string cimport strerror

from camkit.memory_manager._abi cimport (
    allocate_pages,
    huge_pages_no,
    huge_pages_wanted,
    page_memory,
    pool_memory,
    sharing,
    sharing_dma_heap,
    sharing_memfd,
    sharing_udmabuf,
    transparent_huge_bytes,
)

import errno as errors
import mmap
import os

from camkit.errors import BackingUnavailable
from camkit.memory_manager import dma_devices

HEAP = "dma-heap"
NAMES = ("heap", "huge", "memfd", "udmabuf", HEAP)
PAGE = mmap.PAGESIZE


def check_backing(backing):
    """Return (backing, the least alignment that it has), or raise TypeError or ValueError.

    Parameters
    ----------
    backing : str
        One of NAMES, or `dma-heap:NAME`.
    """
    if not isinstance(backing, str):
        raise TypeError(f"backing is {backing!r}, not a str")
    kind, _, heap = backing.partition(":")
    if kind not in NAMES or (heap and kind != HEAP) or "/" in heap or backing.endswith(":"):
        raise ValueError(f"backing is {backing!r}, not one of {', '.join(NAMES)}, {HEAP}:NAME")
    return backing, PAGE if kind in ("udmabuf", HEAP) else 64


cdef pool_memory *get_memory(str backing, uint32_t count, size_t pitch, size_t alignment, bint prefault) except NULL:
    cdef pool_memory *m = pool_memory.make(count, pitch)
    if m == NULL:
        raise MemoryError("no memory for the pool's own records")
    try:
        if backing in ("heap", "huge"):
            _allocate(m, backing == "huge", alignment, prefault)
        elif backing == "memfd":
            _share(m, backing, sharing_memfd, -1, None, alignment, prefault)
        else:
            _from_device(m, backing, alignment, prefault)
    except BaseException:
        pool_memory.destroy(m)
        raise
    return m


cdef int _allocate(pool_memory *m, bint huge, size_t alignment, bint prefault) except -1:
    cdef int error = allocate_pages(m.pages, m.pitch * m.count, alignment,
                                    huge_pages_wanted if huge else huge_pages_no, prefault)
    if error:
        raise MemoryError(f"cannot allocate {m.count} slots of {m.pitch} bytes: {strerror(error).decode()}")
    m.data = m.pages.data
    return 0


cdef int _from_device(pool_memory *m, str backing, size_t alignment, bint prefault) except -1:
    kind, _, name = backing.partition(":")
    if kind == HEAP:
        known = dma_devices.heaps()
        why = dma_devices.no_heap()
        paths = [str(heap) for heap in known if name in ("", heap.name)]
        path = paths[0] if paths else str(dma_devices.HEAPS / name)
        if not why and not paths:
            why = f"there is no {path}: the heaps here are {', '.join(heap.name for heap in known)}"
    else:
        path, why = dma_devices.UDMABUF, dma_devices.no_udmabuf()
    if why:
        code = errors.EACCES if os.path.exists(path) else errors.ENOENT
        raise BackingUnavailable(code, f"cannot make a pool of {backing} memory: {why}; backing=\"memfd\" needs no "
                                 "device", path)
    try:
        device = os.open(path, os.O_RDWR if kind != HEAP or os.access(path, os.W_OK) else os.O_RDONLY)
    except OSError as error:
        raise BackingUnavailable(error.errno, f"cannot make a pool of {backing} memory: open: {error.strerror}",
                                 path) from None
    try:
        _share(m, backing, sharing_dma_heap if kind == HEAP else sharing_udmabuf, device, path, alignment, prefault)
    finally:
        os.close(device)
    return 0


cdef int _share(pool_memory *m, str backing, sharing kind, int device, path, size_t alignment, bint prefault) except -1:
    cdef const char *step = NULL
    cdef int error = m.share(kind, device, alignment, prefault, &step)
    if not error:
        return 0
    what = f"{m.count} slots of {m.pitch} bytes"
    hint = {
        errors.EMFILE: "; each slot needs a descriptor: raise the limit (ulimit -n) or ask for fewer slots",
        errors.EINVAL: "; /sys/module/udmabuf/parameters/size_limit_mb is the most that a slot may have"
        if backing == "udmabuf" else "",
        errors.ENOSPC: "; the memory of tmpfs is used up",
        errors.ENOSYS: "; this system has no such memory: backing=\"heap\" is everywhere",
    }.get(error, "")
    words = f"{step.decode()}: {strerror(error).decode()}{hint}"
    if error == ENOMEM:
        raise MemoryError(f"cannot allocate {what} of {backing} memory: {words}")
    raise BackingUnavailable(error, f"cannot make a pool of {what} of {backing} memory: {words}", path)


cdef str explain_memory(pool_memory *m, str backing):
    cdef page_memory *p = &m.pages
    if backing == "heap":
        return "4 KiB pages (huge pages were not asked for)"
    if backing == "memfd":
        return "a memfd, which other processes can be given"
    if backing != "huge":
        words = f"a dma-buf for each slot, of {backing}"
        if m.unsynced.load():
            why = strerror(m.unsynced_errno.load()).decode()
            words += f"; {m.unsynced.load()} times the CPU's access could not be announced: {why}"
        return words
    if p.hugetlb:
        return "2 MiB pages from hugetlbfs"
    why = f"hugetlbfs: {strerror(p.hugetlb_errno).decode()}" if p.hugetlb_errno else "hugetlbfs: not on this system"
    if not p.advised:
        no = strerror(p.advise_errno).decode() if p.advise_errno else "not on this system"
        return f"4 KiB pages ({why}; transparent huge pages: {no})"
    got = transparent_huge_bytes(p[0])
    if got < 0:
        return f"transparent huge pages were accepted, how many is not told ({why})"
    return f"{got} of {p.size} bytes in transparent 2 MiB pages, the rest in 4 KiB pages ({why})"
