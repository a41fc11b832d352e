"""What memory a FramePool has: pages, a memfd that another process sees, and why devices are refused."""

import contextlib
import errno
import mmap
import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from camkit.errors import BackingUnavailable
from camkit.memory_manager import FramePool, dma_devices

OTHER_PROCESS = """
import mmap, sys
fd, offset, size = map(int, sys.argv[1:])
with mmap.mmap(fd, offset + size) as memory:
    assert memory[offset:offset + size] == bytes([7]) * size
    memory[offset] = 99
"""


def test_a_memfd_is_seen_by_another_process():
    pool = FramePool(3, format="NV12", size=(64, 48), backing="memfd")
    frames = [pool.acquire() for _ in range(3)]
    frame = frames[2]
    for plane in frame.planes:
        plane[:] = 7
    assert (frame.memory, frame.dmabufs, pool.backing) == ("memfd", None, "memfd")
    where = [str(number) for number in (pool.fd, frame.slot * pool.pitch, pool.slot_bytes)]
    subprocess.run([sys.executable, "-c", OTHER_PROCESS, *where], pass_fds=[pool.fd], check=True)
    assert frame.planes[0][0, 0] == 99
    assert "a memfd" in pool.explain()


def test_a_memfd_cannot_be_taken_from_under_its_pool():
    pool = FramePool(1, 8192, backing="memfd")
    for size in (0, 1 << 20):
        with pytest.raises(PermissionError):
            os.ftruncate(pool.fd, size)


@pytest.mark.parametrize("alignment", [64, 4096, 1 << 16, 1 << 21])
def test_slots_of_a_memfd_are_aligned(alignment):
    pool = FramePool(3, 5000, backing="memfd", alignment=alignment)
    frames = [pool.acquire() for _ in range(3)]
    for frame in frames:
        assert frame.array.ctypes.data % alignment == 0
        frame.array[:] = frame.slot + 1
    for frame in frames:
        assert os.pread(pool.fd, 5000, frame.slot * pool.pitch) == bytes([frame.slot + 1]) * 5000


def open_files():
    return len(os.listdir("/proc/self/fd")), Path("/proc/self/maps").read_text().count("memfd:camkit")


def test_a_memfd_goes_with_the_last_frame():
    before = open_files()
    pool = FramePool(2, 4096, backing="memfd")
    array = pool.acquire().array
    pool.close()
    assert open_files() != before and int(array.sum()) == 0
    with pytest.raises(ValueError, match="the pool is closed"):
        pool.fd  # noqa: B018
    del array
    assert open_files() == before
    del pool
    FramePool(2, 4096, backing="memfd").close()
    assert open_files() == before


def test_memory_of_our_own_has_no_descriptor():
    assert FramePool(1, 64).fd is None


@pytest.mark.parametrize("backing", ["heap", "memfd"])
def test_closing_gives_the_memory_back_at_once(backing):
    def mapped():
        return int(Path("/proc/self/statm").read_text().split()[0]) * mmap.PAGESIZE

    before = mapped()
    pool = FramePool(1, 256 << 20, backing=backing, prefault=False)
    assert mapped() - before >= 255 << 20  # other threads map and unmap a page now and then
    pool.close()
    assert mapped() - before < 64 << 20 and pool.closed


def test_prefaulted_memory_makes_no_page_fault():
    for backing in ("heap", "memfd"):
        pool = FramePool(4, 1 << 20, backing=backing)
        arrays = [pool.acquire().array for _ in range(4)]
        for array in arrays:
            array[:64] = 1  # the interpreter's own pages of this loop
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for array in arrays:
            array.fill(7)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before < 64, "1024 pages were touched"


def test_huge_pages_are_reported_as_what_was_got():
    plain, huge = FramePool(2, 1 << 21), FramePool(2, 1 << 21, backing="huge")
    assert "4 KiB pages (huge pages were not asked for)" in plain.explain()
    text = huge.explain()
    assert "hugetlbfs" in text, "the report names what was tried first"
    if "from hugetlbfs" not in text:
        got = smaps_huge_bytes(huge.acquire().array.ctypes.data)
        assert f"{min(got, 1 << 22)} of" in text or "4 KiB pages" in text


def smaps_huge_bytes(address):
    inside = total = 0
    with open("/proc/self/smaps") as smaps:
        for line in smaps:
            head = line.split()[0]
            if "-" in head and not head.endswith(":"):
                low, high = (int(part, 16) for part in head.split("-"))
                inside = low <= address < high
            elif inside and head == "AnonHugePages:":
                total += int(line.split()[1]) * 1024
    return total


@pytest.mark.parametrize(
    ("backing", "node", "hint"),
    [
        ("udmabuf", "UDMABUF", "load the kernel's module udmabuf"),
        ("dma-heap", "HEAPS", "the kernel needs CONFIG_DMABUF_HEAPS"),
        ("dma-heap:system", "HEAPS", "the kernel needs CONFIG_DMABUF_HEAPS"),
    ],
)
def test_a_missing_device_is_named(backing, node, hint, monkeypatch, tmp_path):
    missing = tmp_path / "missing"
    monkeypatch.setattr(dma_devices, node, missing if node == "HEAPS" else str(missing))
    with pytest.raises(BackingUnavailable, match=f"of {backing} memory: there is no {missing}: {hint}") as caught:
        FramePool(2, 64, backing=backing)
    assert caught.value.errno == errno.ENOENT and str(missing) in caught.value.filename
    assert 'backing="memfd" needs no device' in str(caught.value) and isinstance(caught.value, OSError)


def test_another_heap_is_offered(monkeypatch, tmp_path):
    for name in ("system", "reserved"):
        (tmp_path / name).touch()
    monkeypatch.setattr(dma_devices, "HEAPS", tmp_path)
    with pytest.raises(BackingUnavailable, match="there is no .*/cma: the heaps here are system, reserved"):
        FramePool(1, 64, backing="dma-heap:cma")


def test_a_device_that_is_none_is_refused(monkeypatch, tmp_path):
    """An ordinary file under the device's name: the system's own words are told."""
    (tmp_path / "udmabuf").touch()
    monkeypatch.setattr(dma_devices, "UDMABUF", str(tmp_path / "udmabuf"))
    before = open_files()
    with pytest.raises(BackingUnavailable, match="make a dma-buf of a slot: Inappropriate ioctl") as caught:
        FramePool(2, 64, backing="udmabuf")
    assert (caught.value.errno, caught.value.filename) == (errno.ENOTTY, str(tmp_path / "udmabuf"))
    assert open_files() == before


@pytest.mark.parametrize("backing", ["", "magic", "heap:", "heap:system", "dma-heap:../udmabuf", "HUGE"])
def test_an_unknown_backing_is_refused(backing):
    with pytest.raises(ValueError, match="not one of heap, huge, memfd, udmabuf, dma-heap, dma-heap:NAME"):
        FramePool(1, 64, backing=backing)


@pytest.mark.parametrize("backing", [None, 3, True, b"heap"])
def test_a_backing_is_a_text(backing):
    with pytest.raises(TypeError, match="not a str"):
        FramePool(1, 64, backing=backing)


@pytest.mark.parametrize("backing", ["heap", "huge", "memfd"])
def test_more_memory_than_there_is_is_refused(backing):
    limits = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (1 << 36, limits[1]))
    try:
        with pytest.raises(MemoryError, match="cannot allocate 2 slots of 1099511627776 bytes"):
            FramePool(2, 1 << 40, backing=backing)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)


def test_no_descriptor_left_is_told():
    limits, taken = resource.getrlimit(resource.RLIMIT_NOFILE), []
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(map(int, os.listdir("/proc/self/fd"))) + 1, limits[1]))
    try:
        with contextlib.suppress(OSError):
            while True:
                taken.append(os.dup(0))
        with pytest.raises(BackingUnavailable, match="make a memfd: Too many open files; each slot needs") as caught:
            FramePool(1, 64, backing="memfd")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        for fd in taken:
            os.close(fd)
    assert caught.value.errno == errno.EMFILE


def test_many_small_slots_and_one():
    pool = FramePool(65536, 1, prefault=False)
    frames = [pool.acquire() for _ in range(65536)]
    assert pool.stats().free == 0 and len({frame.slot for frame in frames}) == 65536
    frames.clear()
    assert pool.stats().high_water == 65536 and pool.free == 65536
    one = FramePool(1, 1)
    with one.acquire() as frame:
        assert frame.array.tolist() == [0] and one.free == 0
    assert one.free == 1


def test_planes_beyond_four_gigabytes_lie_where_they_belong():
    pool = FramePool(1, format="NV12", size=(65536, 65536), prefault=False)
    luma, chroma = pool.acquire().planes
    assert chroma.ctypes.data - luma.ctypes.data == 1 << 32
    chroma[-1, -1, 1] = 5
    assert np.array_equal(luma[0, :4], [0, 0, 0, 0])
