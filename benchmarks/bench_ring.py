"""The SPSC ring: driven from Cython, beside its C++ twin, Boost's and moodycamel's queue and a mutex with a deque.

`extra_info` holds nanoseconds an item and a round trip of each, and the ratios; the twin takes all kinds by turns.
"""

import pytest

DEPTH, ITEMS = 1024, 2_000_000
PEERS = ("boost_spsc_queue", "moodycamel")


@pytest.mark.benchmark(group="ring: 2 million items between two threads")
def bench_ring_from_cython(benchmark, cython_loop, native):
    loop = cython_loop("ring_loop")
    per_item = []
    benchmark.pedantic(lambda: per_item.append(loop.transfer(DEPTH, ITEMS)), rounds=5, warmup_rounds=1)
    twin = native("spsc_ring_bench", "--items", str(ITEMS), "--depth", str(DEPTH))
    item, trip = twin["item_ns"], twin["round_trip_ns"]
    benchmark.extra_info.update(
        cython_ns=min(per_item),
        native_ns=item,
        round_trip_ns=trip,
        cython_over_native=min(per_item) / item["spsc_ring"],
        **{f"throughput_over_{peer}": item[peer] / item["spsc_ring"] for peer in PEERS},
        **{f"round_trip_to_{peer}": trip["spsc_ring"] / trip[peer] for peer in PEERS},
    )
