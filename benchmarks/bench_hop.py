"""A hop between two Python threads and back, one frame each way: FrameQueue beside queue.Queue and SimpleQueue."""

import queue
import threading

import pytest

from camkit.memory_manager import FramePool
from camkit.performance_core import FrameQueue

ROUNDS = 2000
GROUP = "hop: 2000 round trips of one frame between two threads"


def ping_pong(there, back, frame, end):
    def echo():
        while (got := there.get()) is not end:
            back.put(got)

    thread = threading.Thread(target=echo, daemon=True)
    thread.start()
    return thread


@pytest.mark.benchmark(group=GROUP)
@pytest.mark.parametrize("kind", ["FrameQueue", "queue.Queue", "queue.SimpleQueue"])
def bench_round_trip(benchmark, kind):
    frame = FramePool(1, format="GREY", size=(64, 48)).acquire()
    make = {"FrameQueue": lambda: FrameQueue(1), "queue.Queue": lambda: queue.Queue(1),
            "queue.SimpleQueue": queue.SimpleQueue}[kind]  # fmt: skip
    there, back = make(), make()
    thread = ping_pong(there, back, frame, None)

    def work():
        for _ in range(ROUNDS):
            there.put(frame)
            back.get()

    benchmark.pedantic(work, rounds=10, warmup_rounds=1)
    if benchmark.enabled:
        benchmark.extra_info["us_per_hop"] = benchmark.stats.stats.min / ROUNDS / 2 * 1e6
    if kind == "FrameQueue":
        there.close()
    else:
        there.put(None)
    thread.join()
