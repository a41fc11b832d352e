"""Start and stop over and over: how long the first frame takes, what fails, and what is left behind."""

from __future__ import annotations

import gc
import os
import time
from pathlib import Path

from camkit.camera_capture.camera import Camera
from camkit.doctor.examination import Examination
from camkit.doctor.finding import NotPossible, Outcome
from camkit.doctor.sample import quantile
from camkit.errors import CameraDisconnected, CameraError

MOST, FEWEST = 50, 3
MOST_SHOWN = 5
SLOW_S = 2.0


def starts(exam: Examination) -> Outcome:
    """Start, take one frame and stop, by camkit as users do."""
    mode = exam.watched_mode()
    if mode.name is None:
        raise NotPossible(f"camkit knows no format {mode.fourcc}")
    before = held_things()
    first_ms: list[float] = []
    first_numbers: list[int] = []
    failures: list[str] = []
    with exam.camera.camera(mode, corrupt="deliver") as camera:
        for tried in range(MOST):
            if tried >= FEWEST and not exam.left():
                break
            try:
                ms, number = _start(camera, exam.patience)
            except CameraDisconnected:
                raise
            except CameraError as error:
                failures.append(error.strerror or str(error))
                if len(failures) >= FEWEST:
                    break
            else:
                first_ms.append(ms)
                first_numbers.append(number)
    after = held_things()
    out = Outcome()
    out.evidence = {
        "starts": len(first_ms) + len(failures),
        "failures": failures,
        "first_frame_p50_ms": round(quantile(first_ms, 0.5), 1) if first_ms else None,
        "first_frame_max_ms": round(max(first_ms), 1) if first_ms else None,
        "first_numbers": sorted(set(first_numbers))[:MOST_SHOWN],
        "open_files": [before[0], after[0]],
        "mappings": [before[1], after[1]],
    }
    _judge(out, first_ms, first_numbers, failures)
    if after[0] > before[0] or after[1] > before[1]:
        out.problem(
            f"{after[0] - before[0]} open files and {after[1] - before[1]} mappings were left behind",
            "a program that starts and stops for days runs out of them; report this",
        )
    return out


def _judge(out: Outcome, first_ms: list[float], first_numbers: list[int], failures: list[str]) -> None:
    if first_ms:
        out.summary = f"first frame after {quantile(first_ms, 0.5):.0f} ms (p50), {max(first_ms):.0f} ms at most"
        out.summary += f", in {len(first_ms)} starts"
        if max(first_ms) > SLOW_S * 1000:
            out.note("the first frame takes long", "open and start the camera before it is needed")
        if any(first_numbers):
            out.note(
                f"streams begin with number {', '.join(map(str, sorted(set(first_numbers))[:MOST_SHOWN]))}",
                "frames before the first were lost, or this driver counts on from stream to stream",
            )
    if failures:
        out.problem(
            f"{len(failures)} of {len(first_ms) + len(failures)} starts failed: {failures[0]}",
            "start again when it fails, and look at cable, hub and 'dmesg'",
        )


def _start(camera: Camera, patience: float) -> tuple[float, int]:
    begun = time.monotonic()
    try:
        camera.start()
        with camera.read(timeout=patience) as frame:
            return (time.monotonic() - begun) * 1000, frame.driver.sequence if frame.driver else frame.sequence
    finally:
        camera.stop()


def held_things() -> tuple[int, int]:
    """Count this process's open files, and its mappings of video devices."""
    gc.collect()
    try:
        maps = Path("/proc/self/maps").read_text(errors="replace").splitlines()
        return len(os.listdir("/proc/self/fd")), sum("/dev/video" in line for line in maps)
    except OSError:  # another system
        return 0, 0
