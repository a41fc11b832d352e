"""Unplug and plug in: how soon both are noticed, and whether it comes back as the same camera."""

from __future__ import annotations

import time

import camkit
from camkit.doctor.examination import Examination
from camkit.doctor.finding import NotPossible, Outcome
from camkit.errors import CameraDisconnected, CameraError, CameraTimeout, CamkitError

NAP_S = 0.05
SLOW_S = 2.0


def reconnect(exam: Examination) -> Outcome:
    """Stream until the camera is gone, wait until its id is listed again, and stream again."""
    mode, info, patient = exam.watched_mode(), exam.info, exam.camera
    if info.path is None:
        raise NotPossible("this camera cannot be unplugged")
    out = Outcome()
    before = patient.camera(mode if mode.name else None)
    patient.close()  # a node that is still open makes the camera come back under another number
    try:
        with before as camera:
            camera.start()
            camera.read(timeout=exam.patience).close()
            exam.watcher.ask(f"unplug {info.name} now (within {exam.left() / 2:.0f} s)")
            silent = _watch_until_gone(camera, exam)
    except BaseException:
        patient.reopen()
        raise
    exam.patient = None
    gone = time.monotonic()
    out.evidence["noticed_ms"] = round(silent * 1000, 1)
    exam.watcher.ask(f"plug {info.name} in again, into the same socket (within {exam.left():.0f} s)")
    back = _wait_until_back(exam)
    if back is None:
        out.problem(
            "it did not come back with the same id", "plug it into the same socket; 'camkit list' shows its id now"
        )
        return out
    out.evidence |= {
        "away_s": round(time.monotonic() - gone, 2),
        "path": str(back),
        "same_path": back.path == info.path,
    }
    seen = time.monotonic()
    first = _first_frame(back, exam)
    if first is None:
        out.problem("it came back but gives no frame", "unplug it for longer, and look at 'dmesg'")
        return out
    recovered = time.monotonic() - seen
    out.evidence["first_frame_s"] = round(recovered, 3)
    out.summary = (
        f"noticed {silent * 1000:.0f} ms after the last frame; frames came {recovered:.1f} s after it was back"
    )
    if back.path != info.path:
        out.note(f"it came back as {back}", "open it by its id, not by its device file")
    if silent > SLOW_S:
        out.note("its going was noticed late", "the driver told of it late")
    return out


def _watch_until_gone(camera: camkit.Camera, exam: Examination) -> float:
    """Return the seconds from the last frame until the error."""
    last = time.monotonic()
    end = last + exam.left() / 2
    while time.monotonic() < end:
        try:
            camera.read(timeout=0.5).close()
            last = time.monotonic()
        except CameraTimeout:
            continue
        except CameraDisconnected:
            return time.monotonic() - last
    raise NotPossible("it was not unplugged in time")


def _wait_until_back(exam: Examination) -> camkit.CameraInfo | None:
    while exam.left():
        for info in camkit.list_cameras():
            if info.id == exam.info.id and not info.problem:
                return info
        time.sleep(NAP_S)
    return None


def _first_frame(info: camkit.CameraInfo, exam: Examination) -> camkit.Frame | None:
    # A node may be there before its rights are set and its driver is ready.
    while exam.left():
        try:
            with camkit.open(str(info)) as camera:
                camera.start()
                return camera.read(timeout=exam.patience)
        except (CameraError, CamkitError):
            time.sleep(NAP_S)
    return None
