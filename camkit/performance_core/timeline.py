"""Timeline: the course of a run, in a fixed number of bins however long it takes."""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from camkit.performance_core._stats import Histogram
from camkit.performance_core.node_stats import Drops
from camkit.performance_core.stats import PipelineStats

BINS = 200
FIRST_S = 0.05  # width of a bin at first


@dataclass(slots=True)
class Bin:
    """What happened in one piece of time."""

    captured: int = 0
    delivered: int = 0
    dropped: Drops = field(default_factory=Drops)
    latencies: dict[str, dict[tuple[int, int], int]] = field(default_factory=dict)  # {name: {bucket: count}}
    queued: dict[str, int] = field(default_factory=dict)  # the most that was seen in each queue

    def take_over(self, other: Bin) -> None:
        """Count what happened in another bin as well."""
        self.captured += other.captured
        self.delivered += other.delivered
        self.dropped += other.dropped
        for name, buckets in other.latencies.items():
            own = self.latencies.setdefault(name, {})
            for bucket, count in buckets.items():
                own[bucket] = own.get(bucket, 0) + count
        for name, queued in other.queued.items():
            self.queued[name] = max(self.queued.get(name, 0), queued)

    def percentile_us(self, name: str, percent: float) -> float | None:
        """Return microseconds that `percent` of a latency's values in this bin do not exceed; None: there are none."""
        buckets = sorted(self.latencies.get(name, {}).items())
        left = percent / 100 * sum(count for _, count in buckets)
        for (low, high), count in buckets:
            left -= count
            if left <= 1e-9:
                return (low + high) / 2000
        return None


class Timeline:
    """Keep the course of a run in at most `bins` bins: when they are full, neighbours are merged, and twice as wide.

    `add` is for one thread at a time; `copy` for any.
    """

    def __init__(self, bins: int = BINS, width_s: float = FIRST_S) -> None:
        self.width_s = width_s
        self.bins: list[Bin] = [Bin()]
        self._most = bins
        self._lock = threading.Lock()
        self._last = PipelineStats()
        self._histograms: dict[str, Histogram] = {}

    def add(self, stats: PipelineStats) -> None:
        """Count what came since the last call, at the time that `stats` was taken."""
        with self._lock:
            while (at := int(stats.wall_s / self.width_s)) >= self._most:
                self._merge()
            while len(self.bins) <= at:
                self.bins.append(Bin())
            self.bins[at].take_over(self._since(stats))
            self._last = stats

    def copy(self) -> Timeline:
        """Return the course so far, which stays as it is."""
        with self._lock:
            own = Timeline(self._most, self.width_s)
            own.bins = copy.deepcopy(self.bins)
            return own

    def _since(self, stats: PipelineStats) -> Bin:
        last = self._last
        new = Bin(
            stats.frames.captured - last.frames.captured,
            stats.frames.delivered - last.frames.delivered,
            stats.frames.dropped - last.frames.dropped,
            queued={link.name: link.queued for link in stats.links},
        )
        for name, summary in stats.latency_us.items():
            now, before = summary.histogram, self._histograms.get(name)
            if now is None:
                continue
            came = now if before is None else now.since(before)
            new.latencies[name] = {(low, high): count for low, high, count in came.buckets()}
            self._histograms[name] = now
        return new

    def _merge(self) -> None:
        merged = self.bins[::2]
        for one, other in zip(merged, self.bins[1::2], strict=False):
            one.take_over(other)
        self.bins, self.width_s = merged, 2 * self.width_s


class Sampler:
    """Fill a timeline while a run goes on, from a thread of its own that sleeps between the bins.

    Parameters
    ----------
    look : callable
        Returns the PipelineStats of the moment.
    """

    def __init__(self, look: Callable[[], PipelineStats]) -> None:
        self.timeline = Timeline()
        self._look = look
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, name="camkit-report", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look a last time, when the threads of the run have ended."""
        self._over.set()
        if self._thread.ident is not None:
            self._thread.join()
        self.timeline.add(self._look())

    def _work(self) -> None:
        due = time.monotonic()
        while True:
            due = max(due + self.timeline.width_s, time.monotonic())
            if self._over.wait(due - time.monotonic()):
                return
            self.timeline.add(self._look())
