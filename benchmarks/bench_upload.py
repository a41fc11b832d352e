"""A frame's way into a texture, beside a plain copy of the same bytes in the same run.

A group is one format and size: `memcpy` is the floor of any way that copies once. The GPU's part is in the times, for
every round ends with glFinish.
"""

import numpy as np
import pytest

from camkit.gl_core import Offscreen
from camkit.gl_core._ladder import Ladder
from camkit.gl_core.context import headless
from camkit.memory_manager import FORMATS, FramePool

SIZE = (1920, 1080)
FORMATS_MEASURED = ["YUYV", "NV12", "RGB24", "RGBA32"]


@pytest.fixture(scope="module")
def context():
    made = headless()
    yield made
    made.destroy()


@pytest.fixture
def frame(request):
    with FramePool(1, format=request.param, size=SIZE) as pool:
        made = pool.acquire()
        for plane in made.planes:
            plane[:] = np.random.default_rng(1).integers(0, 256, plane.shape, np.uint8)
        yield made


def note(benchmark, frame) -> None:
    benchmark.group = f"upload {frame.format} {frame.width}x{frame.height}"
    benchmark.extra_info["bytes"] = frame.nbytes


@pytest.mark.parametrize("frame", FORMATS_MEASURED, indirect=True)
def bench_memcpy(benchmark, frame) -> None:
    note(benchmark, frame)
    pairs = [(np.empty_like(plane), plane) for plane in frame.planes]
    for to, _ in pairs:
        to[:] = 0  # no page fault is measured

    def copy() -> None:
        for to, plane in pairs:
            np.copyto(to, plane)

    benchmark(copy)


@pytest.mark.parametrize("transfer", ["client", "pbo"])
@pytest.mark.parametrize("frame", FORMATS_MEASURED, indirect=True)
def bench_upload(benchmark, context, frame, transfer: str) -> None:
    note(benchmark, frame)
    context.make_current()
    ladder = Ladder(context.functions, FORMATS[frame.format], *SIZE, frame.strides, transfer)
    benchmark(ladder.fill, frame)
    ladder.delete()


@pytest.mark.parametrize("frame", FORMATS_MEASURED, indirect=True)
def bench_upload_and_conversion(benchmark, frame) -> None:
    note(benchmark, frame)
    with Offscreen() as screen:
        benchmark(screen.show, frame)
        benchmark.extra_info["renderer"] = screen.description["renderer"]
        benchmark.extra_info["transfer"] = screen.transfer["path"]
