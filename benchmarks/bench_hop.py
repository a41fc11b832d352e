"""A frame to another thread: camkit's link beside what Python, C++ and GStreamer have for it.

Natively, two pinned threads: ns a frame while both have work, half a round trip while both look, and the way to a
thread that sleeps in the kernel, beside a mutex with a condition variable, a bare futex and GStreamer's `queue`. From
Python: round trips between two threads, or processes; `us_per_hop` in `extra_info` is half of one.
"""

import json
import multiprocessing
import queue
import shutil
import subprocess
import threading
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path

import pytest

from camkit.memory_manager import FramePool
from camkit.performance_core import FrameQueue

HERE = Path(__file__).resolve().parent
BUILT = HERE.parent / "build" / "benchmarks"
ROUNDS, DEPTH, ITEMS, WAKES, RUNS = 2000, 16, 100_000, 500, 3
SIZE = (64, 48)
GROUP = "hop: 2000 round trips of one frame"
NATIVE = "hop: native, a link of 16 frames"
THREADS = {
    "FrameQueue": lambda: FrameQueue(1),
    "FrameQueue-spin": lambda: FrameQueue(1, wait="spin"),
    "queue.Queue": lambda: queue.Queue(1),
    "queue.SimpleQueue": queue.SimpleQueue,
}


def echo(there, back):
    while (got := there.get()) is not None:
        back.put(got)


def echo_shared(name, there, back):
    memory = SharedMemory(name)
    while (got := there.get()) is not None:
        back.put(got)
    memory.close()


def measure(benchmark, there, back, item):
    def work():
        for _ in range(ROUNDS):
            there.put(item)
            back.get()

    benchmark.pedantic(work, rounds=10, warmup_rounds=1)
    if benchmark.enabled:
        benchmark.extra_info["us_per_hop"] = benchmark.stats.stats.min / ROUNDS / 2 * 1e6


@pytest.mark.benchmark(group=GROUP)
@pytest.mark.parametrize("kind", THREADS)
def bench_between_threads(benchmark, kind):
    frame = FramePool(1, format="GREY", size=SIZE).acquire()
    there, back = THREADS[kind](), THREADS[kind]()
    thread = threading.Thread(target=echo, args=(there, back), daemon=True)
    thread.start()
    measure(benchmark, there, back, frame)
    if isinstance(there, FrameQueue):
        there.close()
    else:
        there.put(None)
    thread.join()


@pytest.mark.benchmark(group=GROUP)
def bench_between_processes(benchmark):
    """The pixels stay in shared memory and the number of their place goes through `multiprocessing.Queue`."""
    context = multiprocessing.get_context("spawn")
    there, back = context.Queue(1), context.Queue(1)
    memory = SharedMemory(create=True, size=SIZE[0] * SIZE[1])
    process = context.Process(target=echo_shared, args=(memory.name, there, back), daemon=True)
    process.start()
    try:
        measure(benchmark, there, back, 0)
        there.put(None)
        process.join()
    finally:
        process.kill()
        memory.close()
        memory.unlink()


@pytest.fixture(scope="module")
def gst_queue():
    """Compile the GStreamer program; call it to run it and get its JSON."""
    packages = subprocess.run(
        ["pkg-config", "--cflags", "--libs", "gstreamer-1.0"], capture_output=True, text=True, check=False
    ) if shutil.which("pkg-config") else None  # fmt: skip
    if packages is None or packages.returncode:
        pytest.fail("no GStreamer to compare with: apt-get install pkg-config libgstreamer1.0-dev", pytrace=False)
    BUILT.mkdir(parents=True, exist_ok=True)
    program = BUILT / "gst_queue_bench"
    source = HERE / "native" / "gst_queue_bench.c"
    subprocess.run(["gcc", "-O3", source, *packages.stdout.split(), "-pthread", "-o", program], check=True)
    arguments = [str(number) for number in (ITEMS, WAKES, RUNS, DEPTH)]
    return lambda: json.loads(subprocess.run([program, *arguments], capture_output=True, check=True).stdout)


@pytest.mark.benchmark(group=NATIVE)
def bench_native(benchmark, native, gst_queue):
    """Each kind in the same run; the row's own time is that of all of them and says nothing."""
    options = {"items": ITEMS, "wakes": WAKES, "runs": RUNS, "depth": DEPTH}
    flat = [word for name, number in options.items() for word in (f"--{name}", str(number))]
    ours = benchmark.pedantic(lambda: native("hop_bench", *flat), rounds=1)
    gst = gst_queue()
    busy, parked = ours["busy_frame_ns"], ours["parked_hop_ns"]
    benchmark.extra_info.update(
        ours,
        gstreamer=gst,
        busy_condvar_over_camkit=busy["mutex_condvar"] / busy["frame_queue"],
        # Its buffers are made and eaten in that time too, which `without_queue_ns` tells; ours come from nowhere.
        busy_gstreamer_over_camkit=gst["busy_frame_ns"] / busy["frame_queue"],
        parked_camkit_over_raw_futex=parked["frame_queue"] / parked["raw_futex"],
        parked_gstreamer_over_camkit=gst["parked_hop_ns"] / parked["frame_queue"],
    )
