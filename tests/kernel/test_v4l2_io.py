"""The ways in which frames get into memory: the same pixels, the same lease, the same account on each."""

from __future__ import annotations

import contextlib
import mmap
import os
import resource
import stat
from collections.abc import Iterator

import numpy as np
import pytest

from camkit.camera_capture import open as camkit_open
from camkit.errors import CameraError, FormatNotSupported
from tests.kernel.conftest import Vivid, vivid_of

WAYS = {"mmap": ("mmap", 1), "expbuf": ("mmap", 1), "userptr": ("userptr", 2), "udmabuf": ("dmabuf", 4),
        "dma-heap": ("dmabuf", 4)}  # fmt: skip
SMALL = {"size": (320, 180), "fps": 120}


@pytest.fixture
def multiplanar() -> Iterator[Vivid]:
    device = Vivid(vivid_of(1))
    yield device
    device.close()


def io(name: str, **more: object) -> dict:
    return {**SMALL, **more, "options": {"io": name}}


def through_the_dmabufs(frame) -> list[np.ndarray]:
    """Read the planes of a frame as another device would: from the dma-bufs alone."""
    seen = []
    for plane, (fd, offset, stride) in zip(frame.planes, frame.dmabufs, strict=True):
        with mmap.mmap(fd, os.fstat(fd).st_size or os.lseek(fd, 0, os.SEEK_END), prot=mmap.PROT_READ) as memory:
            rows = np.frombuffer(memory, np.uint8, stride * len(plane), offset).reshape(len(plane), stride)
            seen.append(rows[:, : plane[0].nbytes].reshape(plane.shape).copy())
            del rows
    return seen


@pytest.mark.smoke
@pytest.mark.parametrize("way", WAYS)
def test_every_way_delivers_the_same_pixels(any_vivid, open_camera, way):
    camera = open_camera(any_vivid.path, **io(way, format="YUYV"))
    camera.start()
    assert camera.stream.io == way and camera.stream.memory == WAYS[way][0]
    frames = [camera.read() for _ in range(5)]
    first = frames[0]
    assert not first.copied and (first.memory, first.driver.memory) == WAYS[way] and first.readonly
    assert all(not frame.corrupt for frame in frames)
    stats = camera.stats()
    assert stats.captured == stats.taken + stats.dropped.total
    for frame in frames[1:]:
        assert np.array_equal(frame.array, first.array)
    assert len(np.unique(first.array)) > 10, "colour bars have more levels than that"
    assert f'io="{way}"' in camera.explain()


@pytest.mark.parametrize("way", WAYS)
def test_the_picture_does_not_depend_on_the_way(vivid, open_camera, way):
    pictures = []
    for name in ("mmap", way):
        camera = open_camera(vivid.path, **io(name, format="NV12"))
        camera.start()
        pictures.append([plane.copy() for plane in camera.read().planes])
        camera.close()
    for plane, other in zip(*pictures, strict=True):
        assert np.array_equal(plane, other)


@pytest.mark.parametrize("way", ["expbuf", "udmabuf", "dma-heap"])
@pytest.mark.parametrize("name", ["YUYV", "NV12", "NM12", "NM16", "NM61", "YM12"])
def test_the_dmabufs_hold_the_planes(open_camera, way, name):
    camera = open_camera(vivid_of(1).path, **io(way, format=name))
    camera.start()
    for _ in range(6):
        frame = camera.read()
        assert not frame.corrupt
        assert (
            len({plane.fd for plane in frame.dmabufs})
            == camera.stream.memories
            == (3 if name == "YM12" else 2 if name[1] == "M" else 1)
        )
        assert [plane.stride for plane in frame.dmabufs] == list(frame.strides)
        for seen, plane in zip(through_the_dmabufs(frame), frame.planes, strict=True):
            assert np.array_equal(seen, plane)


def test_planes_begin_where_the_driver_says(multiplanar, open_camera):
    """vivid puts the luma of NM16 and the chroma of NM61 128 bytes into their memories."""
    pictures = {}
    for name in ("NV16", "NM16", "NM61"):
        camera = open_camera(multiplanar.path, **io("auto", format=name))
        camera.start()
        frame = camera.read()
        pictures[name] = [plane.copy() for plane in frame.planes]
        if name != "NV16":
            offsets = [plane.data_offset for plane in frame.driver.planes]
            assert sorted(offsets) == [0, 128]
            assert frame.nbytes == sum(plane.nbytes for plane in frame.planes)  # what lies before them is none of it
            assert [plane.offset for plane in frame.dmabufs] == offsets
        camera.close()
    assert np.array_equal(pictures["NV16"][0], pictures["NM16"][0])
    assert np.array_equal(pictures["NV16"][1], pictures["NM16"][1])
    assert np.array_equal(pictures["NM61"][1], pictures["NM16"][1][..., ::-1])


def test_a_format_in_separate_memories_is_asked_for_by_its_own_name(vivid, open_camera):
    with pytest.raises(FormatNotSupported, match="NM12 is not offered; nearest is NV12"):
        open_camera(vivid.path, **io("auto", format="NM12"))
    camera = open_camera(vivid.path, **io("auto", format="NM12", match="nearest"))
    assert camera.stream.differences == {"format": ("NM12", "NV12")}
    camera = open_camera(vivid_of(1).path, **io("auto", format="NV12"))
    assert (camera.stream.format, camera.stream.fourcc, camera.stream.memories) == ("NV12", "NV12", 1)
    camera.close()
    camera = open_camera(vivid_of(1).path, **io("auto", format="NM12"))
    assert (camera.stream.format, camera.stream.fourcc, camera.stream.memories) == ("NV12", "NM12", 2)


@pytest.mark.parametrize("way", WAYS)
def test_frames_of_every_way_obey_the_lease(any_vivid, open_camera, open_files, way):
    before = open_files()
    camera = open_camera(any_vivid.path, **io(way, format="GREY", on_exhausted="drop", buffers=6))
    camera.start()
    held = [camera.read(), camera.read(), camera.read()]
    arrays = [frame.array for frame in held]
    kept = [array.copy() for array in arrays]
    for _ in range(10):  # the others go round meanwhile
        camera.read().close()
    camera.stop()
    camera.start()  # another ring beside what is held
    later = [camera.read() for _ in range(2)]
    assert {frame.generation for frame in later} == {2}
    camera.close()
    del camera, later
    for array, copy in zip(arrays, kept, strict=True):
        assert np.array_equal(array, copy)
    del held, arrays, array
    # The fixture still holds the camera, which is closed.
    assert open_files() == before


@pytest.mark.parametrize("way", WAYS)
def test_the_ring_grows_while_it_streams(any_vivid, open_camera, way):
    camera = open_camera(any_vivid.path, **io(way, format="YUYV", on_exhausted="drop"))
    with pytest.raises(ValueError, match="does not stream"):
        camera.grow(2)
    camera.start()
    camera.read().close()
    camera.grow(4)
    assert camera.stream.buffers == 8
    held = [camera.read() for _ in range(6)]  # all but the two that the driver keeps
    assert not any(frame.copied for frame in held) and len({frame.slot for frame in held}) == 6
    assert camera.stats().dropped.pool == 0
    with pytest.raises(ValueError, match="32 are the most"):
        camera.grow(25)
    held.clear()
    assert camera.read() is not None


@pytest.mark.parametrize("way", ["mmap", "userptr"])
def test_the_webcam_takes_the_ways_that_its_driver_has(webcam, way):
    with camkit_open(webcam.path, format="YUYV", size=(640, 480), fps=30, io=way) as camera:
        frame = camera.read()
        assert not frame.corrupt and camera.stream.io == way
        camera.grow(2)
        assert camera.stream.buffers == 6
        for _ in range(8):
            camera.read().close()


def test_a_way_that_the_driver_has_not_got_is_refused(loopback):
    loopback.feed("YUYV", 64, 32)
    loopback.write(bytes(64 * 32 * 2))
    with pytest.raises(CameraError, match='cannot .* with io="userptr"'):
        camkit_open(loopback.path, io="userptr").start()


def test_auto_falls_back_aloud(vivid, open_camera):
    """Descriptors enough for the stream but not for a dma-buf of each buffer."""
    camera = open_camera(vivid.path, **io("auto", format="YUYV"))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
    taken = []
    try:
        with contextlib.suppress(OSError):
            while True:
                taken.append(os.dup(0))
        camera.start()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for fd in taken:
            os.close(fd)
    assert camera.read().dmabufs is None
    assert camera.stream.io == "mmap"
    assert "no expbuf: export buffer 0 as a dma-buf: Too many open files" in camera.explain()
    camera.stop()
    camera.start()
    assert camera.stream.io == "expbuf"


def test_unreachable_allocators_are_told(vivid, open_camera):
    mode = stat.S_IMODE(os.stat("/dev/udmabuf").st_mode)
    os.rename("/dev/udmabuf", "/dev/udmabuf.away")
    try:
        with pytest.raises(CameraError, match='io="udmabuf": there is no /dev/udmabuf: load'):
            open_camera(vivid.path, **io("udmabuf"))
        camera = open_camera(vivid.path, **io("auto", format="YUYV"))
        camera.start()
        assert "no udmabuf: there is no /dev/udmabuf" in camera.explain()
    finally:
        os.rename("/dev/udmabuf.away", "/dev/udmabuf")
    assert stat.S_IMODE(os.stat("/dev/udmabuf").st_mode) == mode


def test_an_unknown_way_is_refused(vivid, open_camera):
    with pytest.raises(ValueError, match="io is 'magic', not one of auto, expbuf, mmap"):
        open_camera(vivid.path, **io("magic"))
    with pytest.raises(ValueError, match="io is 3"):
        open_camera(vivid.path, **{**SMALL, "options": {"io": 3}})


def test_a_ring_that_grew_by_half_has_no_buffers_without_memory(any_vivid, open_camera):
    camera = open_camera(any_vivid.path, **io("expbuf"), corrupt="deliver")
    camera.start()
    camera.read()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(map(int, os.listdir("/proc/self/fd"))) + 2, limits[1]))
    try:
        with pytest.raises(CameraError, match="cannot grow the ring by 8: .* Too many open files"):
            camera.grow(8)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    some = camera.stream.buffers
    assert 4 < some < 12, "what could be had was taken"
    camera.grow(2)
    assert camera.stream.buffers == some + 2
    held = [camera.read() for _ in range(some)]
    assert not any(frame.copied for frame in held) and len({frame.slot for frame in held}) == some
    assert all(frame.dmabufs and frame.array.size for frame in held)
