"""Watch a stream; the checks of time, numbers and bytes judge what was seen."""

from __future__ import annotations

import time
from fractions import Fraction

from camkit.doctor.checks.payload import damage
from camkit.doctor.examination import Examination
from camkit.doctor.finding import Outcome
from camkit.doctor.sample import Recording, Sample
from camkit.errors import CameraDisconnected, CameraError

BUFFERS = 4
MOST_BYTES = 8 << 20  # of a picture that is looked at whole


def stream(exam: Examination) -> Outcome:
    """Take frames for as long as the check may take."""
    mode = exam.watched_mode()
    samples: list[Sample] = []
    silences, ended = 0, ""
    begun = time.monotonic()
    with exam.camera.stream(mode, BUFFERS) as running:
        fps = running.fps
        try:
            while not samples or exam.left():
                sample = running.read(exam.patience)
                if sample is None:
                    silences += 1
                    if silences > 1 or not exam.left():
                        break
                    continue
                if not samples:
                    exam.count_from_now()
                sample.damage = damage(mode, sample)
                if sample.nbytes <= MOST_BYTES:
                    sample.checksum = sample.fingerprint()
                running.give_back(sample)
                samples.append(sample)
        except CameraDisconnected:
            raise
        except CameraError as error:
            ended = error.strerror or str(error)
    exam.recording = Recording(mode, samples, time.monotonic() - begun, silences)
    out = Outcome(f"{len(samples)} frames of {mode} in {exam.recording.seconds:.1f} s")
    out.evidence = {"mode": str(mode), "frames": len(samples), "seconds": round(exam.recording.seconds, 2)}
    out.evidence |= {"rate_set": None if fps is None else round(float(fps), 3), "silences": silences}
    _judge(exam.recording, out, exam.patience, fps)
    if ended:
        out.problem(f"the stream broke off: {ended}", "the driver gave up: look at cable, hub and 'dmesg'")
    return out


def _judge(recording: Recording, out: Outcome, patience: float, fps: Fraction | None) -> None:
    if not recording.samples:
        out.summary = ""
        out.problem(f"no frame of {recording.mode} came within {patience:g} s", "the camera starts and stays silent")
        return
    if recording.silences:
        out.problem(f"no frame came for {patience:g} s in the midst of the stream", "the camera falls silent")
    longest = max((sample.waited_ns for sample in recording.samples[1:]), default=0)
    out.evidence["longest_wait_ms"] = round(longest / 1e6, 1)
    usual = recording.interval_ns()
    if usual is None:
        return
    if fps is not None:  # a camera that always stalls is no slow one
        usual = min(usual, 1e9 / fps)
    if longest > max(10 * usual, 0.5e9):
        out.problem(
            f"once no frame came for {longest / 1e9:.2f} s", "the camera stalls: programs see the picture freeze"
        )
    elif longest > max(5 * usual, 0.25e9):
        out.note(f"once no frame came for {longest / 1e9:.2f} s", "a short stall, or this machine was busy")
