"""Leave the camera as it was found, and say where that failed."""

from __future__ import annotations

from camkit.camera_capture.registry import list_controls
from camkit.doctor.checks.controls import settings as settings_of
from camkit.doctor.examination import Examination
from camkit.doctor.finding import NotPossible, Outcome


def settings(exam: Examination) -> Outcome:
    """Put format and rate back, and compare the controls with those before."""
    failed = exam.camera.restore()
    now = settings_of(list_controls(exam.info.path or exam.info.id))
    before = exam.controls_before
    changed = {name: [before[name], now[name]] for name in before if name in now and before[name] != now[name]}
    out = Outcome("format, rate and controls are as they were found", evidence={"failed": failed, "changed": changed})
    if not before and exam.info.kind == "synthetic":
        raise NotPossible("this camera keeps no setting")
    if failed:
        out.summary = ""
        out.problem(f"not back as it was: {', '.join(failed)}", "the next program finds other settings")
    if changed:
        out.summary = ""
        told = ", ".join(f"{name} {was} is now {value}" for name, (was, value) in changed.items())
        out.note(f"controls changed meanwhile: {told}", "by the camera itself, or by another program")
    return out
