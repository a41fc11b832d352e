"""What a pipeline itself costs: frames a second through stages that do nothing, and the way to the next thread.

`frames_per_s` in `extra_info` is the best of the rounds; `of_bare_loop` and `of_timed_loop` its share of what a loop in
C++ does with the same pool and three virtual calls, without and with the measuring of each.

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


RATE = "pipeline: empty stages, frames a second"
MANY = 1_000_000


def lend(frames, slots=64):
    return camkit.PoolSource(camkit.FramePool(slots, format="GREY", size=(64, 64)), frames)


def rate(benchmark, make, frames=MANY):
    """Run what `make` makes a few times; return the most frames a second."""
    rates, cpu_ns = [], []

    def work():
        stats = make(frames).run()
        stats.check()
        assert stats.frames.dropped.total == 0
        rates.append(stats.fps)
        cpu_ns.append(sum(thread.cpu_s for thread in stats.threads) / frames * 1e9)

    benchmark.pedantic(work, rounds=5, warmup_rounds=1)
    benchmark.extra_info.update(frames_per_s=max(rates), cpu_ns_per_frame=min(cpu_ns))
    return max(rates)


@pytest.mark.benchmark(group=RATE)
def bench_native_fused(benchmark, cython_loop, native):
    empty = cython_loop("empty_stage").Empty
    fastest = rate(benchmark, lambda n: camkit.Pipeline(lend(n), empty("a"), empty("b"), empty("c")))
    limit = native("pipeline_loop")["frames_per_s"]
    benchmark.extra_info.update(of_bare_loop=fastest / limit["bare"], of_timed_loop=fastest / limit["timed"])


@pytest.mark.benchmark(group=RATE)
def bench_native_across_threads(benchmark, cython_loop, native):
    empty = cython_loop("empty_stage").Empty

    def make(n):
        # Each stage in a thread of its own; the first one shares the source's.
        return camkit.Pipeline(lend(n, 1024), empty("a"), *(camkit.Step(empty(name), thread=True) for name in "bc"),
                               depth=256)  # fmt: skip

    fastest = rate(benchmark, make)
    benchmark.extra_info["of_bare_loop"] = fastest / native("pipeline_loop")["frames_per_s"]["bare"]


@pytest.mark.benchmark(group=RATE)
def bench_native_across_threads_in_batches(benchmark, cython_loop):
    empty = cython_loop("empty_stage").Empty

    def make(n):
        stages = [camkit.Step(empty(name), thread=True, batch=32) for name in "bc"]
        return camkit.Pipeline(lend(n, 1024), empty("a"), *stages, depth=256)

    rate(benchmark, make)


@pytest.mark.benchmark(group=RATE)
def bench_native_tee_of_two(benchmark, cython_loop):
    empty = cython_loop("empty_stage").Empty
    rate(benchmark, lambda n: camkit.Pipeline(lend(n, 1024), camkit.Tee([empty("a")], [empty("b")]), depth=256))


@pytest.mark.benchmark(group=RATE)
def bench_python_stage(benchmark):
    rate(benchmark, lambda n: camkit.Pipeline(lend(n, 1024), lambda frame: None, depth=256), MANY // 2)


@pytest.mark.benchmark(group=RATE)
def bench_python_stage_in_the_sources_thread(benchmark):
    rate(benchmark, lambda n: camkit.Pipeline(lend(n), camkit.Step(lambda frame: None, thread=False)), MANY // 2)


@pytest.mark.benchmark(group=RATE)
def bench_python_loop(benchmark):
    """The limit of a Python stage: a loop in Python that takes a frame from a pool, calls a function, and closes it."""
    pool, function = camkit.FramePool(64, format="GREY", size=(64, 64)), lambda frame: None
    rates = []

    def work():
        began = time.perf_counter()
        for _ in range(MANY // 2):
            frame = pool.acquire()
            function(frame)
            frame.close()
        rates.append(MANY // 2 / (time.perf_counter() - began))

    benchmark.pedantic(work, rounds=3)
    benchmark.extra_info["frames_per_s"] = max(rates)
