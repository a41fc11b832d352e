"""What camkit itself costs the CPU for a frame on its way to a texture, beside the driver.

`alone_us`: a frame through the whole sink while the driver's functions do nothing, so that all of it is ours (at most
5 us on a way without copies is wanted; the system calls of a frame are in it). `sink_us`: with the real driver;
`bare_us`: the sink's OpenGL calls in a loop of bare function pointers; `above_us`: the difference (at most 2 us). All
are CPU time of the calling thread, each the best of several turns; the driver's own threads are not in it.
"""

import pytest

from camkit.memory_manager import FramePool

SIZE, FRAMES, TURNS = (64, 64), 100, 60


@pytest.mark.parametrize("transfer", ["import", "client"])
@pytest.mark.parametrize("format", ["GREY", "YUYV", "NV12"])
def bench_submit(benchmark, cython_loop, format: str, transfer: str) -> None:
    benchmark.group = f"submit: a frame to a texture by {transfer!r}, CPU time"
    sink = cython_loop("gl_loop").Loop(transfer=transfer)
    found: dict[str, list[float]] = {"alone": [], "sink": [], "bare": []}
    with FramePool(1, format=format, size=SIZE, backing="memfd", alignment=4096) as pool, pool.acquire() as frame:
        sink.begin(frame, pool.fd if transfer == "import" else -1, pool.pitch)

        def turn() -> None:
            found["sink"].append(sink.sink_ns(frame, FRAMES) / 1e3)
            found["bare"].append(sink.bare_ns(frame, FRAMES) / 1e3)
            found["alone"].append(sink.alone_ns(frame, FRAMES) / 1e3)

        benchmark.pedantic(turn, rounds=TURNS, warmup_rounds=1)
        assert sink.transfer["path"] == transfer
        benchmark.extra_info["renderer"] = sink.description["renderer"]
        sink.close()
    best = {name: min(times) for name, times in found.items()}
    benchmark.extra_info |= {f"{name}_us": round(us, 2) for name, us in best.items()}
    if transfer == "import":  # the bare loop copies nothing either
        benchmark.extra_info["above_us"] = round(best["sink"] - best["bare"], 2)
    print(benchmark.extra_info)
