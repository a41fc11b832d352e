"""A frame's way from one native thread to the next: Pipeline beside the same camera, queue.Queue and a thread.

`us_per_hop` in `extra_info` is the median time from one thread handing a frame over to the next having it.
"""

import queue
import statistics
import threading
import time

import pytest

import camkit

FPS, FRAMES = 500, 300
GROUP = f"pipeline: {FRAMES} frames at {FPS} a second from the camera's thread to the next"


def camera():
    return camkit.SyntheticCamera(size=(320, 240), format="GREY", fps=FPS, buffers=16)


@pytest.mark.benchmark(group=GROUP)
def bench_native_hop(benchmark):
    hops = []

    def work():
        with camera() as source:
            stats = camkit.Pipeline(source, camkit.Offscreen()).run(frames=FRAMES)
            hops.append(stats.latency_us["link_1"].p50)

    benchmark.pedantic(work, rounds=3)
    benchmark.extra_info["us_per_hop"] = min(hops)


@pytest.mark.benchmark(group=GROUP)
def bench_queue_queue_hop(benchmark):
    hops = []

    def work():
        link, took = queue.Queue(2), []

        def consume():
            while (item := link.get()) is not None:
                took.append(time.monotonic_ns() - item[1])

        thread = threading.Thread(target=consume)
        thread.start()
        with camera() as source:
            for frame in source:
                link.put((frame, time.monotonic_ns()))
                if frame.sequence >= FRAMES:
                    break
        link.put(None)
        thread.join()
        hops.append(statistics.median(took) / 1000)

    benchmark.pedantic(work, rounds=3)
    benchmark.extra_info["us_per_hop"] = min(hops)
