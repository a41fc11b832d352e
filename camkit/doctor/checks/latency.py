"""How old frames are when they can be had."""

from __future__ import annotations

from camkit.doctor.examination import Examination
from camkit.doctor.finding import NotPossible, Outcome
from camkit.doctor.sample import Recording, quantile

READY_NS = 200_000  # a shorter wait: the frame lay there, and it was we who were late
EDGES_MS = (-100, -10, 0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


def latency(exam: Examination) -> Outcome:
    """Judge the ages of what was watched."""
    return judge_ages(exam.recorded())


def judge_ages(recording: Recording) -> Outcome:
    """Judge the ages of a recording's frames; those that we were late for do not count."""
    if any(sample.clock != "monotonic" for sample in recording.samples):
        raise NotPossible("the timestamps are not on the monotonic clock")
    waited = [sample for sample in recording.samples[1:] if sample.waited_ns >= READY_NS]
    ages = [sample.dequeue_ns - sample.timestamp_ns for sample in waited]
    if not ages:
        raise NotPossible("every frame lay ready before it was asked for")
    usual = recording.interval_ns() or 0.0
    p50 = quantile(ages, 0.5)
    out = Outcome()
    out.evidence = {
        "p50_ms": round(p50 / 1e6, 3),
        "p99_ms": round(quantile(ages, 0.99) / 1e6, 3),
        "max_ms": round(max(ages) / 1e6, 3),
        "frames": len(ages),
        "late_reader": len(recording.samples) - 1 - len(ages),
        "histogram_ms": _histogram(ages),
    }
    out.summary = "from timestamp to reader: p50 {p50_ms:.1f} ms, p99 {p99_ms:.1f} ms, max {max_ms:.1f} ms".format(
        **out.evidence
    )
    late = sum(age - p50 > max(5 * usual, 0.25e9) for age in ages)
    some = sum(age - p50 > 2 * usual for age in ages)
    out.evidence |= {"much_too_late": late, "late": some}
    if late > 1:
        out.problem(f"{late} frames came much later than their time", "the driver holds frames back")
    elif some:
        out.note(f"{some} frames came more than two intervals later than usual", "the driver or this machine was busy")
    if usual and p50 > 2 * usual:
        out.note(f"the usual frame is {p50 / usual:.1f} intervals old", "frames wait in the camera or the driver")
    return out


def _histogram(ages: list[int]) -> dict[str, int]:
    names = [f"up to {edge}" for edge in EDGES_MS] + ["more"]
    counts = dict.fromkeys(names, 0)
    for age in ages:
        counts[next((f"up to {edge}" for edge in EDGES_MS if age <= edge * 1e6), "more")] += 1
    return {name: count for name, count in counts.items() if count}
