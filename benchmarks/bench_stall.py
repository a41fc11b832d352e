"""How long another Python thread stands still while 4K frames are uploaded in a loop; beside moderngl and nobody.

The other thread does nothing but look at the clock. The longest time between two looks, of windows of 0.1 s: their
median is what the uploads do to it, for the system's scheduler takes its share from the longest of all. What the thread
meets without any upload is the floor, and on a machine in use that is not nothing.
"""

import statistics
import threading
import time
from collections.abc import Callable

import numpy as np
import pytest

from benchmarks.gl_peers import adopted_by_moderngl
from camkit import Offscreen, Pipeline, PoolSource
from camkit.gl_core._ladder import Ladder
from camkit.gl_core.context import headless
from camkit.memory_manager import FORMATS, FramePool

SIZE = (3840, 2160)
WINDOW_S, WINDOWS = 0.1, 10


class Watch(threading.Thread):
    """Looks at the clock, and keeps the longest pause of each window."""

    def __init__(self) -> None:
        super().__init__(name="watch")
        self.over = False
        self.longest: list[float] = []

    def run(self) -> None:
        clock = time.perf_counter
        last = begin = clock()
        longest = 0.0
        while not self.over:
            now = clock()
            if now - last > longest:
                longest = now - last
            last = now
            if now - begin > WINDOW_S:
                self.longest.append(longest)
                begin, longest = now, 0.0


def watched(benchmark, upload: Callable[[], object] | None) -> None:
    """Upload again and again, and note what that does to another thread."""
    watch = Watch()
    count = 0

    def work() -> None:
        nonlocal count
        watch.start()
        while len(watch.longest) < WINDOWS:
            if upload is None:
                time.sleep(0.01)
            else:
                upload()
                count += 1
        watch.over = True
        watch.join()

    benchmark.group = f"another thread's pauses, {SIZE[0]}x{SIZE[1]} RGBA32"
    benchmark.pedantic(work, rounds=1)
    benchmark.extra_info["longest_ms"] = {
        "median": round(statistics.median(watch.longest) * 1e3, 3),
        "lowest": round(min(watch.longest) * 1e3, 3),
        "highest": round(max(watch.longest) * 1e3, 3),
    }
    benchmark.extra_info["uploads"] = count


@pytest.fixture
def context():
    made = headless()
    yield made
    made.destroy()


@pytest.fixture
def frame():
    with FramePool(1, format="RGBA32", size=SIZE) as pool, pool.acquire() as made:
        made.array[:] = 128
        yield made


def bench_nobody(benchmark) -> None:
    watched(benchmark, None)


def bench_camkit(benchmark, context, frame) -> None:
    ladder = Ladder(context.functions, FORMATS[frame.format], *frame.size, frame.strides)
    watched(benchmark, lambda: ladder.fill(frame))
    benchmark.extra_info["transfer"] = ladder.transfer
    ladder.delete()


def bench_camkit_pipeline(benchmark) -> None:
    """Uploads and drawing in the pipeline's own threads, as they are in use."""
    with FramePool(4, format="RGBA32", size=SIZE) as pool, Offscreen() as screen:
        pipeline = Pipeline(PoolSource(pool), screen)
        pipeline.start()
        watched(benchmark, None)
        pipeline.stop(timeout=60)  # on a busy machine a CPU draws 4K for long
        benchmark.extra_info["uploads"] = pipeline.stats().frames.displayed


def bench_moderngl(benchmark, context, frame) -> None:
    adopted = adopted_by_moderngl(context)
    texture = adopted.texture(SIZE, 4)
    pixels = np.ascontiguousarray(frame.array)

    def upload() -> None:
        texture.write(pixels)
        adopted.finish()

    watched(benchmark, upload)
