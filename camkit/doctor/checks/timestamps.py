"""Whether the driver's times can be trusted."""

from __future__ import annotations

from collections import Counter

from camkit.doctor.examination import Examination
from camkit.doctor.finding import Outcome
from camkit.doctor.sample import Recording, quantile

FAR_NS = 10_000_000_000  # from our own clock: then it is another clock
JUMP = 0.75  # of an interval, away from where the frame's number says that it should be


def timestamps(exam: Examination) -> Outcome:
    """Judge the times of what was watched."""
    return judge_times(exam.recorded())


def judge_times(recording: Recording) -> Outcome:
    """Judge the times of a recording."""
    samples = recording.samples
    clocks, stamps = Counter(s.clock for s in samples), Counter(s.stamp for s in samples)
    usual = recording.interval_ns()
    out = Outcome(evidence={"clock": dict(clocks), "stamp": dict(stamps)})
    steps = recording.steps()
    back = sum(step.interval_ns < 0 for step in steps)
    still = sum(step.interval_ns == 0 for step in steps)
    out.evidence |= {"backwards": back, "repeated": still, "interval_ms": _ms(usual)}
    if back:
        out.problem(
            f"time goes backwards {back} times", "frames cannot be ordered or joined with other sensors by time"
        )
    if still:
        out.problem(f"{still} frames have the time of the one before", "the driver does not stamp each frame")
    if len(clocks) > 1 or len(stamps) > 1:
        out.problem("the clock or the moment that is stamped changes between frames", "times cannot be compared")
    if usual is not None:
        _jumps(recording, usual, out)
    if set(clocks) != {"monotonic"}:
        out.note(
            f"the clock is {', '.join(clocks)}, not the monotonic one",
            "times cannot be compared with this machine's; camkit tells `frame.clock` and measures no latency",
        )
    else:
        _against_our_clock(recording, usual, out)
    if not out.summary:
        out.summary = f"times run evenly on the monotonic clock and mark the {_moment(samples[0].stamp)}"
    return out


def _jumps(recording: Recording, usual: float, out: Outcome) -> None:
    off = [
        step.interval_ns - step.frames * usual
        for step in recording.steps()
        if step.frames > 0 and abs(step.interval_ns - step.frames * usual) > JUMP * usual
    ]
    jitter = [abs(step.interval_ns - usual) for step in recording.steps() if step.frames == 1]
    out.evidence["jitter_p99_ms"] = _ms(quantile(jitter, 0.99)) if jitter else None
    out.evidence |= {"jumps": len(off), "largest_jump_ms": _ms(max(off, key=abs)) if off else None}
    if len(off) > max(2, len(recording.samples) // 50):
        out.problem(
            f"{len(off)} of {len(recording.samples)} frames come at a time that their number does not explain",
            "the camera's pace is uneven, or frames are lost that the driver does not count",
        )
    elif off:
        out.note(f"{len(off)} jumps of up to {_ms(max(off, key=abs))} ms", "a hiccup of the camera or of this machine")


def _against_our_clock(recording: Recording, usual: float | None, out: Outcome) -> None:
    ages = [sample.dequeue_ns - sample.timestamp_ns for sample in recording.samples]
    out.evidence |= {"age_p50_ms": _ms(quantile(ages, 0.5)), "age_min_ms": _ms(min(ages)), "age_max_ms": _ms(max(ages))}
    if min(ages) < -FAR_NS or max(ages) > FAR_NS:
        out.problem(
            f"times are up to {max(map(abs, ages)) / 1e9:.0f} s away from the monotonic clock that they claim to be on",
            "latencies and joins by time are wrong: use `frame.dequeue_ns`",
        )
        return
    future = sum(age < 0 for age in ages)
    out.evidence["in_the_future"] = future
    if future:
        most = -min(ages)
        words = f"{future} of {len(ages)} frames are stamped up to {_ms(most)} ms in the future"
        if usual is not None and most <= usual and recording.samples[0].stamp == "end_of_frame":
            out.note(words, "the driver stamps the planned end of the frame; latencies come out negative")
        else:
            out.problem(words, "a frame cannot be older than its own end: use `frame.dequeue_ns`")
        return
    if usual is None:
        return
    fresh = quantile(ages, 0.5)
    stamp = recording.samples[0].stamp
    if stamp == "start_of_exposure" and fresh < usual / 20:
        out.note(
            f"marked as start of exposure, yet frames are complete {_ms(fresh)} ms later, of {_ms(usual)} ms a frame",
            "the mark is rather that of the transfer: true exposure began earlier",
        )
    elif stamp == "end_of_frame" and fresh > 2 * usual:
        out.note(
            f"marked as end of frame, yet frames come {_ms(fresh)} ms later, of {_ms(usual)} ms a frame",
            "frames wait in the driver, or the mark is that of an earlier moment",
        )


def _moment(stamp: str) -> str:
    return stamp.replace("_", " ")


def _ms(ns: float | None) -> float | None:
    return None if ns is None else round(ns / 1e6, 3)
