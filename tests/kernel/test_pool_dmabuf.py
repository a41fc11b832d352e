"""Pools of dma-bufs, on the kernel's own /dev/udmabuf and dma-heap."""

from __future__ import annotations

import errno
import mmap
import os
import resource
from pathlib import Path

import numpy as np
import pytest

from camkit.errors import BackingUnavailable
from camkit.memory_manager import FramePool

BACKINGS = ["udmabuf", "dma-heap", "dma-heap:system"]


def open_files() -> tuple[int, int]:
    maps = Path("/proc/self/maps").read_text()
    return len(os.listdir("/proc/self/fd")), maps.count("dmabuf") + maps.count("memfd:camkit")


@pytest.mark.parametrize("backing", BACKINGS)
@pytest.mark.parametrize("name", ["RGB24", pytest.param("NV12", marks=pytest.mark.smoke), "YU12"])
def test_a_slot_is_a_dmabuf(backing: str, name: str) -> None:
    pool = FramePool(3, format=name, size=(64, 48), backing=backing)
    frames = [pool.acquire() for _ in range(3)]
    for frame in frames:
        assert frame.memory == "dmabuf" and not frame.readonly
        for plane in frame.planes:
            plane[:] = 10 + frame.slot
    assert len({frame.dmabufs[0].fd for frame in frames}) == 3
    for frame in frames:
        assert frame.planes[0].ctypes.data % mmap.PAGESIZE == 0
        assert [plane.stride for plane in frame.dmabufs] == list(frame.strides)
        for plane, (fd, offset, stride) in zip(frame.planes, frame.dmabufs, strict=True):
            with mmap.mmap(fd, os.lseek(fd, 0, os.SEEK_END), prot=mmap.PROT_READ) as memory:
                rows = np.frombuffer(memory, np.uint8, stride * len(plane), offset)
                assert set(rows) == {10 + frame.slot}, "what a device sees in the dma-buf"
                del rows
    assert f"a dma-buf for each slot, of {backing}" in pool.explain()
    assert "could not be announced" not in pool.explain(), "the kernel took each announcement of the CPU's use"


def test_a_udmabuf_pool_is_a_memfd_too() -> None:
    pool = FramePool(3, 5000, backing="udmabuf")
    frames = [pool.acquire() for _ in range(3)]
    frames[2].array[:] = 42
    assert os.pread(pool.fd, 5000, 2 * pool.pitch) == bytes([42]) * 5000
    assert pool.pitch == 8192 and FramePool(1, 64, backing="dma-heap").fd is None


@pytest.mark.parametrize("backing", BACKINGS)
def test_nothing_is_left_of_it(backing: str) -> None:
    before = open_files()
    pool = FramePool(4, 100_000, backing=backing)
    kept = pool.acquire().array
    kept[:] = 3
    copy = os.dup(pool.acquire().dmabufs[0].fd)
    pool.close()
    assert int(kept.sum()) == 300_000
    del kept
    assert open_files() == (before[0] + 1, before[1]), "the duplicate is ours"
    assert os.lseek(copy, 0, os.SEEK_END) >= 100_000
    os.close(copy)


@pytest.mark.parametrize("backing", BACKINGS)
def test_no_descriptor_left_is_told(backing: str) -> None:
    before = open_files()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(map(int, os.listdir("/proc/self/fd"))) + 4, limits[1]))
    try:
        with pytest.raises(BackingUnavailable, match="Too many open files; each slot needs a descriptor") as caught:
            FramePool(16, 4096, backing=backing)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert caught.value.errno == errno.EMFILE and caught.value.filename.startswith("/dev/")
    assert open_files() == before


def test_a_slot_larger_than_the_limit_is_told() -> None:
    """The udmabuf driver has a limit for one dma-buf, 64 MiB unless told otherwise."""
    with pytest.raises(BackingUnavailable, match="Invalid argument; .*size_limit_mb is the most") as caught:
        FramePool(1, 65 << 20, backing="udmabuf", prefault=False)
    assert caught.value.filename == "/dev/udmabuf"


def test_another_heap_is_named() -> None:
    with pytest.raises(BackingUnavailable, match="there is no /dev/dma_heap/magic: the heaps here are system"):
        FramePool(1, 64, backing="dma-heap:magic")


def test_a_missing_node_is_named() -> None:
    os.rename("/dev/udmabuf", "/dev/udmabuf.away")
    try:
        with pytest.raises(BackingUnavailable, match="there is no /dev/udmabuf: load the kernel's module udmabuf"):
            FramePool(1, 64, backing="udmabuf")
    finally:
        os.rename("/dev/udmabuf.away", "/dev/udmabuf")


def test_a_forked_child_leaves_the_slots_alone() -> None:
    pool = FramePool(2, 64, backing="udmabuf")
    frame = pool.acquire()
    child = os.fork()
    if child == 0:
        os._exit(0 if pool.closed and pool.free == 0 and not frame.close() else 1)
    assert os.waitpid(child, 0)[1] == 0
    frame.array[:] = 5
    assert pool.free == 1 and frame.dmabufs[0].fd > 0
    frame.close()
    assert "could not be announced" not in pool.explain(), "the child did not end the parent's use"
