"""Whether the driver's numbers tell of every loss."""

from __future__ import annotations

from camkit.doctor.examination import Examination
from camkit.doctor.finding import Outcome
from camkit.doctor.sample import Recording

A_FEW = 0.02  # lost frames of all that are no more than worth a note


def sequence(exam: Examination) -> Outcome:
    """Judge the numbers of what was watched."""
    return judge_numbers(exam.recorded())


def judge_numbers(recording: Recording) -> Outcome:
    """Judge the numbers of a recording."""
    steps = [step.frames for step in recording.steps()]
    forward = [step for step in steps if step > 0]
    lost, gaps = sum(step - 1 for step in forward), sum(step > 1 for step in forward)
    first = recording.samples[0].sequence
    share = lost / (lost + len(recording.samples))
    out = Outcome()
    out.evidence = {
        "first": first,
        "frames": len(recording.samples),
        "gaps": gaps,
        "lost": lost,
        "lost_percent": round(100 * share, 2),
        "largest_gap": max(forward, default=1) - 1,
        "stood_still": sum(step == 0 for step in steps),
        "backwards": sum(step < 0 for step in steps),
    }
    if steps and not forward:
        out.problem("the driver does not count frames", "lost frames cannot be seen; only times can tell of them")
        return out
    still, back = out.evidence["stood_still"], out.evidence["backwards"]
    if still or back:
        out.problem(
            f"the number stands still {still} times and goes back {back} times",
            "numbers do not order frames, and losses are counted wrongly",
        )
    if share > A_FEW:
        out.problem(
            f"{lost} frames ({100 * share:.1f} %) were lost in {gaps} gaps before this machine had them",
            "the camera, its bus or its driver loses them: another port, MJPG or a lower rate may help",
        )
    elif lost:
        out.note(f"{lost} frames were lost in {gaps} gaps", "a few losses: the bus or this machine was busy")
    if first:
        out.note(f"the first number is {first}, not 0", "frames before the first were lost, or this driver counts on")
    if not out.summary:
        out.summary = f"{len(recording.samples)} frames numbered from 0 without a gap"
    return out
