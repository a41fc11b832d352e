"""Loops shared among threads: an empty job of two bands, and a 3x3 box blur of a 1080p picture in bands.

`extra_info` holds microseconds a call and the ratios to `concurrent.futures` (the same native bands, submitted one by
one) and to OpenMP (a native twin with the same kernel, beside our pool without Python).
"""

import ctypes
import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest

from camkit import ThreadPool

HERE = Path(__file__).resolve().parent
BUILT = HERE.parent / "build" / "benchmarks"
ROWS, GRAIN = 1080, 16
EMPTY = "int empty(size_t begin, size_t end, void* user) { (void)begin, (void)end, (void)user; return 0; }"
KERNELS = f"""
#include "blur.h"
{EMPTY}
int blur_band(size_t begin, size_t end, void* user) {{ return blur(begin, end, user); }}
blur_job picture;
"""


@pytest.fixture(scope="module")
def kernels():
    BUILT.mkdir(parents=True, exist_ok=True)
    source, library = BUILT / "thread_kernels.c", BUILT / "thread_kernels.so"
    source.write_text(KERNELS)
    command = ["gcc", "-O3", "-shared", "-fPIC", f"-I{HERE / 'native'}", source, "-o", library]
    subprocess.run(command, check=True)
    loaded = ctypes.CDLL(str(library))
    for function in (loaded.empty, loaded.blur_band):
        function.argtypes = [ctypes.c_size_t, ctypes.c_size_t, ctypes.c_void_p]
    return loaded


@pytest.fixture(scope="module")
def twin(native):
    return native("threads_bench", "--threads", str(threads()), flags=("-fopenmp",))


def threads():
    return len(os.sched_getaffinity(0))


def best(call, seconds=0.3):
    """Microseconds of the fastest call within some time."""
    fastest, end = float("inf"), time.perf_counter() + seconds
    while (begin := time.perf_counter()) < end:
        call()
        fastest = min(fastest, time.perf_counter() - begin)
    return fastest * 1e6


def executor_call(executor, function, bands, user):
    def call():
        wait([executor.submit(function, begin, end, user) for begin, end in bands])

    return call


@pytest.mark.benchmark(group="threads: an empty job of two bands")
def bench_empty_job(benchmark, kernels, twin):
    with ThreadPool(threads() - 1 or 1) as pool, ThreadPoolExecutor(threads()) as executor:
        benchmark(pool.parallel_for, 2, kernels.empty, grain=1)
        ours = best(lambda: pool.parallel_for(2, kernels.empty, grain=1))
        futures = best(executor_call(executor, kernels.empty, [(0, 1), (1, 2)], None))
    benchmark.extra_info.update(
        us=ours,
        futures_us=futures,
        futures_over_camkit=futures / ours,
        native_us=twin["empty_ns"]["thread_pool"] / 1e3,
        openmp_us=twin["empty_ns"]["openmp"] / 1e3,
        openmp_over_native=twin["empty_ns"]["openmp"] / twin["empty_ns"]["thread_pool"],
        rested_native_us=twin["rested_ns"]["thread_pool"] / 1e3,
        rested_openmp_us=twin["rested_ns"]["openmp"] / 1e3,
    )


@pytest.mark.benchmark(group="threads: a 3x3 box blur of a 1080p picture")
def bench_blur(benchmark, kernels, twin):
    picture = ctypes.addressof(ctypes.c_char.in_dll(kernels, "picture"))
    bands = [(begin, min(begin + GRAIN, ROWS)) for begin in range(0, ROWS, GRAIN)]
    with ThreadPool(threads() - 1 or 1) as pool, ThreadPoolExecutor(threads()) as executor:
        benchmark(pool.parallel_for, ROWS, kernels.blur_band, grain=GRAIN, user=picture)
        ours = best(lambda: pool.parallel_for(ROWS, kernels.blur_band, grain=GRAIN, user=picture))
        futures = best(executor_call(executor, kernels.blur_band, bands, picture))
        alone = best(lambda: kernels.blur_band(0, ROWS, picture))
    benchmark.extra_info.update(
        us=ours,
        alone_over_camkit=alone / ours,
        futures_over_camkit=futures / ours,
        openmp_over_native=twin["blur_ns"]["openmp"] / twin["blur_ns"]["thread_pool"],
    )
