"""The SPSC ring: driven from Cython, beside its C++ twin and a mutex with a deque in the same run.

`extra_info` of each row holds nanoseconds an item and the ratios; the twin measures all three kinds of queue.
"""

import pytest

DEPTH, ITEMS = 1024, 2_000_000


@pytest.mark.benchmark(group="ring: 2 million items between two threads")
def bench_ring_from_cython(benchmark, cython_loop, native):
    loop = cython_loop("ring_loop")
    per_item = []
    benchmark.pedantic(lambda: per_item.append(loop.transfer(DEPTH, ITEMS)), rounds=5, warmup_rounds=1)
    twin = native("spsc_ring_bench", "--items", str(ITEMS), "--depth", str(DEPTH))["item_ns"]
    benchmark.extra_info.update(
        cython_ns=min(per_item),
        native_ns=twin,
        cython_over_native=min(per_item) / twin["spsc_ring"],
        mutex_deque_over_cython=twin["mutex_deque"] / min(per_item),
    )
