"""What a ThreadPool has done."""

from __future__ import annotations

from dataclasses import dataclass

from camkit.performance_core.node_stats import Record


@dataclass(frozen=True, slots=True)
class ThreadPoolStats(Record):
    """Counts of a ThreadPool since it was made.

    Attributes
    ----------
    workers : int
        Its threads; each caller takes part besides.
    jobs : int
        Calls of `parallel_for` whose bands were shared out.
    alone : int
        Calls that their caller did alone: a single band, too many calls at once, or a forked child.
    bands : int
        Bands that were run in `jobs`.
    stolen : int
        Ranges of bands that a thread took from another.
    sleeps : int
        Times that a worker had nothing to do and went to sleep.
    abandoned : int
        Indices left out because the pool was closed with `abandon=True`.
    """

    workers: int
    jobs: int
    alone: int
    bands: int
    stolen: int
    sleeps: int
    abandoned: int
