"""What happens when every buffer is held."""

from __future__ import annotations

import time

from camkit.doctor.examination import Examination
from camkit.doctor.finding import NotPossible, Outcome
from camkit.doctor.sample import Sample, signed32

BUFFERS = 4
INTERVALS = 6  # that nothing is given back


def exhaustion(exam: Examination) -> Outcome:
    """Hold all buffers for a while, give them back, and look whether the loss is told and the stream goes on."""
    mode = exam.watched_mode()
    recorded = exam.recording.interval_ns() if exam.recording is not None else None
    usual = recorded or 1e9 / 30
    with exam.camera.stream(mode, BUFFERS) as stream:
        held: list[Sample] = []
        while len(held) < stream.buffers:
            sample = stream.read(exam.patience if not held else max(3 * usual / 1e9, 0.05))
            if sample is None:
                break
            held.append(sample)
        if not held:
            raise NotPossible("no frame came")
        time.sleep(max(INTERVALS * usual / 1e9, 0.1))
        last, begun = held[-1], time.monotonic_ns()
        count = len(held)
        for sample in held:
            stream.give_back(sample)
        later: list[Sample] = []
        while len(later) < stream.buffers + 1:
            sample = stream.read(exam.patience)
            if sample is None:
                break
            stream.give_back(sample)
            later.append(sample)
    out = Outcome(evidence={"held": count, "buffers": stream.buffers})
    if not later:
        out.problem(
            f"no frame came within {exam.patience:g} s after all buffers had been held",
            "this driver does not recover from a slow program: stop and start it",
        )
        return out
    _judge(out, last, later, begun, usual)
    return out


def _judge(out: Outcome, last: Sample, later: list[Sample], begun: int, usual: float) -> None:
    chain = [last, *later]
    steps = [
        (signed32(b.sequence - a.sequence), b.timestamp_ns - a.timestamp_ns) for a, b in zip(chain, later, strict=False)
    ]
    lost = sum(step - 1 for step, _ in steps if step > 0)
    by_time = sum(max(0, round(ns / usual) - 1) for _, ns in steps)
    recovered = later[0].dequeue_ns - begun
    out.evidence |= {"lost": lost, "lost_by_time": by_time, "recovered_ms": round(recovered / 1e6, 1)}
    out.summary = f"with all buffers held {lost} frames were lost and counted; "
    out.summary += f"the stream went on after {recovered / 1e6:.0f} ms"
    if by_time > lost + 2:
        out.summary = ""
        out.note(
            f"about {by_time} frames were lost and the driver counts {lost}",
            "frames lost because a program is slow are not counted by this driver; timestamps show them",
        )
