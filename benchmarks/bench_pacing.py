"""From the moment for which a late latch is planned to the end of its swap; beside a thread that only sleeps so.

A screen of 60 Hz that exists in numbers only, on the real clock, and a camera of 120: a frame waits at every latch, so
what is measured is the waking, the drawing of a small picture and the call that shows it. Its floor is the same run's
`time.sleep` to moments as far apart, without any work. The jitter is the 99th percentile less the median.
"""

import statistics
import time
from typing import Any

import pytest

import camkit
from camkit import Offscreen, Pipeline
from camkit.gl_core._pacer import Pacer
from camkit.gl_core._simulated_clock import SimulatedClock

REFRESH_NS = 1e9 / 60
SECONDS = 5


class Screen(Offscreen):
    """Memory that refreshes."""

    def __init__(self, mode: str) -> None:
        super().__init__(transfer="client")
        self._mode = mode

    def _open_context(self) -> Any:
        self._pace_by(Pacer(self._mode, SimulatedClock(REFRESH_NS, time.monotonic_ns())), {})
        return super()._open_context()


@pytest.mark.parametrize("mode", ["latch", "smooth"])
def test_latch_to_swap(benchmark, mode: str) -> None:
    screen = Screen(mode)
    benchmark.group = "latch to swap, 160x120 YUYV, 60 Hz"

    def run() -> camkit.PipelineStats:
        with camkit.open("synthetic", format="YUYV", size=(160, 120), fps=120, buffers=8) as camera:
            return Pipeline(camera, screen, policy="latest").run(seconds=SECONDS)

    stats = benchmark.pedantic(run, rounds=1)
    stats.check()
    took, sink = stats.latency_us["latch_to_swap"], screen.stats()
    assert took.p99 is not None
    assert took.p50 is not None
    benchmark.extra_info["latch_to_swap_us"] = {"p50": round(took.p50), "p99": round(took.p99), "max": round(took.max)}
    benchmark.extra_info["jitter_us"] = round(took.p99 - took.p50)
    benchmark.extra_info["pictures"] = {
        "shown": sink.shown, "repeats": sink.repeats, "misses": sink.misses, "unseen": sink.unseen,
    }  # fmt: skip


def test_sleep(benchmark) -> None:
    """The floor: a thread of Python that sleeps to each of these moments and does nothing."""
    benchmark.group = "latch to swap, 160x120 YUYV, 60 Hz"
    late: list[int] = []

    def run() -> None:
        begun = time.monotonic_ns()
        for number in range(1, SECONDS * 60):
            due = begun + round(number * REFRESH_NS)
            time.sleep(max(0, due - time.monotonic_ns()) / 1e9)
            late.append(time.monotonic_ns() - due)

    benchmark.pedantic(run, rounds=1)
    p50, p99 = (statistics.quantiles(late, n=100)[place] / 1e3 for place in (49, 98))
    benchmark.extra_info["late_us"] = {"p50": round(p50), "p99": round(p99), "max": round(max(late) / 1e3)}
    benchmark.extra_info["jitter_us"] = round(p99 - p50)
