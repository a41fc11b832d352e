"""A vivid that wants contiguous memory, of which the kernel gives at most 4 MB at a time."""

from __future__ import annotations

import errno
import os

import pytest

import camkit
from camkit.errors import CameraError

PATH = next(info.path for info in camkit.list_cameras() if info.driver == "vivid")
BIG = {"format": "RGB24", "size": (1920, 1080), "fps": 5}
SMALL = {"format": "RGB24", "size": (640, 360), "fps": 5}


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_no_memory_for_the_buffers() -> None:
    with camkit.open(PATH, **BIG, io="mmap") as camera:
        before = open_files()
        for _ in range(2):
            with pytest.raises(CameraError, match="get 4 buffers of 6220800 bytes: Cannot allocate memory") as caught:
                camera.start()
            assert caught.value.errno == errno.ENOMEM and open_files() == before
    with camkit.open(PATH, **SMALL, io="mmap") as camera:
        assert camera.read().memory == "mmap"


def test_auto_tries_our_memory_when_the_driver_has_none() -> None:
    """Whether pages of ours lie in one piece is chance; that the driver had none is told in either case."""
    with camkit.open(PATH, **BIG) as camera:
        try:
            camera.start()
        except CameraError as error:
            assert error.errno == errno.ENOMEM and "get 4 buffers of 6220800 bytes" in str(error)
        else:
            assert camera.stream.memory == "dmabuf" and not camera.read().corrupt
            assert "no expbuf: get 4 buffers of 6220800 bytes: Cannot allocate memory" in camera.explain()


def test_memory_that_the_hardware_cannot_reach_is_refused() -> None:
    """Buffers of the system's heap come in pieces of 1 MiB at most; what udmabuf gives may be whole by chance."""
    with camkit.open(PATH, format="RGB24", size=(1280, 720), buffers=32, io="dma-heap") as camera:
        before = open_files()
        with pytest.raises(CameraError, match='lend buffer .* to the driver: .* with io="dma-heap"; io="auto"'):
            camera.start()
        assert open_files() == before
