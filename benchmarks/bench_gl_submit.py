"""What camkit itself costs the CPU for a frame on its way to a texture, beside the driver.

`alone_us`: a frame through the whole sink while the driver's functions do nothing, so that all of it is ours (at most
5 us on a way without copies is wanted; the system calls of a frame are in it). `above_us`: what the same frame costs
above its OpenGL calls by bare function pointers, with the real driver (at most 2 us is wanted), and `driver_us`, what
those cost. Frames by the sink and by bare pointers take turns, the GPU is waited for before each: a pair of neighbours
meets the same driver, machine and clock, so that their difference does not have the driver's own ups and downs, which
are several times as large. Told are the medians of CPU time of the calling thread, and as `above_95` what a bootstrap
of the pairs has for 95 % of its medians. At each 64th frame the sink asks the driver for the GPU's clock and for
errors, calls that the bare frame has not: `above_64th_us` is the median of these.
"""

import numpy as np
import pytest

from benchmarks.gl_peers import renderer_name
from camkit.errors import BackingUnavailable, GLError
from camkit.memory_manager import FramePool

SIZE, PAIRS, TURNS = (64, 64), 512, 8
ALONE = 500


def likely(values: np.ndarray, times: int = 1000) -> list[float]:
    """Return between which the median lies: 2.5 % and 97.5 % of the medians of samples drawn from the values."""
    chance = np.random.default_rng(1)
    medians = [np.median(chance.choice(values, len(values))) for _ in range(times)]
    return [round(float(edge), 2) for edge in np.quantile(medians, (0.025, 0.975))]


def a_pool(format: str, transfer: str, renderer: str) -> FramePool:
    """Make one frame that can be imported: llvmpipe takes a memfd for a dma-buf, all others want a real one."""
    backing = "memfd" if transfer == "client" or "llvmpipe" in renderer else "udmabuf"
    try:
        return FramePool(1, format=format, size=SIZE, backing=backing, alignment=4096)
    except BackingUnavailable as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("transfer", ["import", "client"])
@pytest.mark.parametrize("format", ["GREY", "YUYV", "NV12"])
def bench_submit(benchmark, cython_loop, format: str, transfer: str) -> None:
    benchmark.group = f"submit: a frame to a texture by {transfer!r}, CPU time"
    sink = cython_loop("gl_loop").Loop(transfer=transfer)
    alone: list[float] = []
    pairs: list[np.ndarray] = []
    renderer = renderer_name()
    with a_pool(format, transfer, renderer) as pool, pool.acquire() as frame:
        try:
            sink.begin(frame, pool.fd if transfer == "import" and pool.backing == "memfd" else -1, pool.pitch)
        except GLError as error:
            if transfer == "client" or "llvmpipe" in renderer:  # these must do
                raise
            pytest.skip(str(error))

        def turn() -> None:
            pairs.append(np.zeros((PAIRS, 3), np.int64))
            sink.pairs_ns(frame, pairs[-1])
            alone.append(sink.alone_ns(frame, ALONE) / 1e3)

        turn()
        alone.clear()
        pairs.clear()
        benchmark.pedantic(turn, rounds=TURNS)
        assert sink.transfer["path"] == transfer
        benchmark.extra_info["renderer"] = renderer
        sink.close()
    own, bare, looks = np.concatenate(pairs).T
    own, bare = own / 1e3, bare / 1e3
    benchmark.extra_info |= {
        "alone_us": round(float(np.median(alone)), 2),
        "alone_range_us": [round(min(alone), 2), round(max(alone), 2)],
        "driver_us": round(float(np.median(bare)), 2),
        "above_us": round(float(np.median(own - bare)), 2),
        "above_95": likely(own - bare),
        "above_64th_us": round(float(np.median((own - bare)[looks == 1])), 2),
        "pairs": len(own),
    }
