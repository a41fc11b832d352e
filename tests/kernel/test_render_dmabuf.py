"""Pictures of the GPU as dma-bufs of this kernel: each way is right, or says what is missing."""

from __future__ import annotations

import mmap
import os

import numpy as np
import pytest

from camkit import DmabufUnavailable, Pipeline, PipelineError, Render, SyntheticCamera
from camkit.gl_core import Offscreen, shared_memory


def camera(frames: int) -> SyntheticCamera:
    return SyntheticCamera(size=(64, 48), format="YUYV", frames=frames, realtime=False, buffers=12)


# The software driver gives its textures out where there is a /dev/udmabuf.
@pytest.mark.parametrize(("way", "backing"), [("exported", ""), ("imported", "udmabuf"), ("imported", "dma-heap")])
def test_the_gpu_draws_into_a_dmabuf(way: str, backing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_memory, "BACKINGS", (backing,))
    before, seen = [], []

    def look(frame):
        fd, offset, stride = frame.dmabufs[0]
        with mmap.mmap(fd, os.lseek(fd, 0, os.SEEK_END), prot=mmap.PROT_READ) as memory:
            rows = np.frombuffer(memory, np.uint8, stride * 33, offset).reshape(33, stride)[:, : 61 * 3].copy()
        seen.append((frame.array.copy(), rows))

    render = Render("RGB24", (61, 33), readback=way)
    Pipeline(camera(20), lambda frame: before.append(frame.copy()), render, look).run().check()
    with Offscreen(size=(61, 33)) as screen:
        for source, (array, rows) in zip(before, seen, strict=True):
            screen.show(source)
            assert (array == screen.readback()).all()
            assert (rows == array.reshape(33, -1)).all(), "another device sees what the CPU sees"
    assert len(seen) == 20


def test_without_a_gpu_there_is_no_gbm() -> None:
    with pytest.raises(PipelineError, match="gbm: there is no /dev/dri/renderD") as caught:
        Pipeline(camera(5), Render("RGBA32", readback="gbm")).run()
    assert isinstance(caught.value.__cause__, DmabufUnavailable)
