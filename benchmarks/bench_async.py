"""From a frame's time to the loop that waits for it: `async for` beside `for`, on the same camera.

`extra_info`: `p50_us` and `p99_us` after the moment that the frame was due, and `over_for`, the ratio of the medians.
"""

import asyncio
import statistics
import time

import pytest

import camkit

FRAMES, FPS = 400, 500
GROUP = f"async: {FRAMES} frames at {FPS} a second, from a frame's time to the loop"
medians = {}


def camera():
    return camkit.SyntheticCamera(format="GREY", size=(64, 48), fps=FPS, frames=FRAMES)


def plain():
    with camera() as source:
        return [time.monotonic_ns() - frame.timestamp_ns for frame in source]


def awaited():
    async def main(source):
        return [time.monotonic_ns() - frame.timestamp_ns async for frame in source]

    with camera() as source:
        return asyncio.run(main(source))


@pytest.mark.benchmark(group=GROUP)
@pytest.mark.parametrize("kind", ["for", "async for"])
def bench_latency(benchmark, kind):
    runs = []
    benchmark.pedantic(lambda: runs.append({"for": plain, "async for": awaited}[kind]()), rounds=3, warmup_rounds=1)
    best = min(runs, key=statistics.median)
    medians[kind] = statistics.median(best) / 1000
    benchmark.extra_info.update(p50_us=medians[kind], p99_us=sorted(best)[len(best) * 99 // 100] / 1000)
    if len(medians) == 2:
        benchmark.extra_info["over_for"] = medians["async for"] / medians["for"]
