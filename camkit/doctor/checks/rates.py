"""Whether the camera keeps the rate that it agreed on."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from typing import Any

from camkit.doctor.examination import Examination
from camkit.doctor.finding import NotPossible, Outcome
from camkit.doctor.mode import Mode
from camkit.doctor.sample import Recording, Sample

SECONDS = 1.0  # that a rate is measured
FEWEST = 5
OFF, FAR_OFF = 0.05, 0.20


def rates(exam: Examination) -> Outcome:
    """Measure the listed rates of the watched size by the driver's own times."""
    mode = exam.watched_mode()
    wishes = listed_rates(exam, mode)
    rows: list[dict[str, Any]] = []
    for fps in wishes:
        if rows and exam.left() < (FEWEST + 1) / fps:
            continue  # a higher one would not take so long
        rows.append(_measure(exam, dataclasses.replace(mode, fps=fps)))
    measured = [row for row in rows if row["measured"] is not None]
    if not measured:
        raise NotPossible("too few frames came to measure a rate")
    out = Outcome(
        f"{len(measured)} of {len(wishes)} listed rates were measured, and kept",
        evidence={"rates": rows, "listed": len(wishes)},
    )
    changed = [row for row in rows if row["agreed"] is not None and abs(row["agreed"] / row["asked"] - 1) > 0.001]
    off = [row for row in measured if abs(row["error"]) > OFF]
    if changed or off:
        out.summary = ""
    if changed:
        row = changed[0]
        out.problem(
            f"{len(changed)} listed rates are refused: asked for {row['asked']:g}, the driver sets {row['agreed']:g}",
            "camkit refuses such a rate unless match='nearest' is given",
        )
    if off:
        row = max(off, key=lambda row: abs(row["error"]))
        words = f"{len(off)} of {len(measured)} rates are not kept: {row['measured']:g} instead of {row['asked']:g}"
        meaning = "in dim light automatic exposure slows a camera down; else its bus or sensor cannot keep up"
        if row["error"] > 0:
            meaning = "the camera does not heed the rate"
        (out.problem if abs(row["error"]) > FAR_OFF else out.note)(words, meaning)
    return out


def listed_rates(exam: Examination, mode: Mode) -> list[Fraction]:
    """Return the rates that are listed for the watched size, highest first; its own where none are."""
    for offer in exam.camera.offers():
        if offer.code == mode.code:
            for size, fps in offer.sizes:
                if (size.width, size.height) == (mode.width, mode.height) and fps:
                    return list(fps)
    if mode.fps is None:
        raise NotPossible("the camera tells no rate")
    return [mode.fps]


def _measure(exam: Examination, mode: Mode) -> dict[str, Any]:
    assert mode.fps is not None
    samples: list[Sample] = []
    with exam.camera.stream(mode) as stream:
        agreed = stream.fps
        while sample := stream.read(exam.patience):
            stream.give_back(sample)
            samples.append(sample)
            seconds = (sample.timestamp_ns - samples[0].timestamp_ns) / 1e9
            if (seconds >= SECONDS or seconds < 0 or not exam.left()) and len(samples) > FEWEST:
                break
    fps = measured_rate(Recording(mode, samples, 0.0))
    return {
        "asked": round(float(mode.fps), 3),
        "agreed": None if agreed is None else round(float(agreed), 3),
        "measured": None if fps is None else round(fps, 3),
        "error": None if fps is None else round(fps / float(mode.fps) - 1, 4),
        "frames": len(samples),
    }


def measured_rate(recording: Recording) -> float | None:
    """Return frames per second by the driver's times and numbers, those that it lost counted too; None: unknown."""
    steps = [step for step in recording.steps()[1:] if step.interval_ns > 0]
    if len(steps) < 2:
        return None
    counted = [step for step in steps if step.frames > 0]
    frames = sum(step.frames for step in counted) if counted else len(steps)  # of a driver that does not count
    return frames * 1e9 / sum(step.interval_ns for step in counted or steps)
