"""FramePool: acquire and release, from Python and natively, beside malloc, a mutex and NumPy's allocator.

Its kinds of memory beside one another: what a frame costs does not depend on where the slots lie, but for dma-bufs,
whose use by the CPU is announced by two system calls.
"""

import numpy as np
import pytest

from camkit.errors import BackingUnavailable
from camkit.memory_manager import FramePool

SIZE = (1280, 720)


@pytest.mark.benchmark(group="pool: one buffer taken and given back")
@pytest.mark.parametrize("backing", ["heap", "huge", "memfd", "udmabuf", "wrapped"])
def bench_frame_pool(benchmark, backing):
    if backing == "wrapped":
        pool = FramePool.wrap([bytearray(SIZE[0] * SIZE[1] * 2) for _ in range(4)], format="YUYV", size=SIZE)
    else:
        try:
            pool = FramePool(4, format="YUYV", size=SIZE, backing=backing)
        except BackingUnavailable as error:
            pytest.skip(str(error))
    benchmark(lambda: pool.acquire().close())


@pytest.mark.benchmark(group="pool: one buffer taken and given back")
def bench_frame_pool_watched(benchmark):
    pool = FramePool(4, format="YUYV", size=SIZE, debug=True)
    benchmark(lambda: pool.acquire().close())


@pytest.mark.benchmark(group="pool: one buffer taken and given back")
def bench_numpy_empty_touched(benchmark):
    # What code without a pool does: a fresh array, whose pages fault when the camera's bytes land in it.
    def take():
        np.empty((SIZE[1], SIZE[0], 2), np.uint8)[::, ::2048] = 0

    benchmark(take)


@pytest.mark.benchmark(group="pool: a view of a frame")
def bench_frame_array(benchmark):
    frame = FramePool(1, format="YUYV", size=SIZE).acquire()
    benchmark(lambda: frame.array)


@pytest.mark.benchmark(group="pool: native acquire + release")
def bench_frame_pool_native(benchmark, native):
    rows = []
    benchmark.pedantic(lambda: rows.append(native("pool_bench")), rounds=1)
    benchmark.extra_info.update(rows[-1])
