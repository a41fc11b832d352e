"""The way from a camera's name to its report."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Iterable
from typing import Any

from camkit.camera_capture.info import CameraInfo, check_choice
from camkit.camera_capture.registry import find, list_cameras, list_controls
from camkit.doctor.camera_patient import CameraPatient
from camkit.doctor.checks import CHECKS, INTERACTIVE
from camkit.doctor.checks.controls import settings
from camkit.doctor.examination import Check, Examination, Silent, Watcher
from camkit.doctor.length import LENGTHS, Length
from camkit.doctor.patient import Patient
from camkit.doctor.report import Report, make_report
from camkit.errors import CameraError, CameraNotFound


def examine(
    source: str | os.PathLike[str] | int = "auto",
    *,
    length: Length = "normal",
    only: Iterable[str] | None = None,
    set_controls: bool = False,
    reconnect: bool = False,
    watcher: Watcher | None = None,
    options: dict[str, Any] | None = None,
) -> Report:
    """Examine a camera. It is left as it was found.

    Parameters
    ----------
    source : str, os.PathLike or int
        As for `camkit.open`.
    length : {"quick", "normal", "full"}
        About ten seconds, half a minute, or minutes.
    only : iterable of str, optional
        Names of the checks to make; default all.
    set_controls : bool
        Also set each control to its ends, and back. Motors and lights of the camera move with them.
    reconnect : bool
        Also ask the user, by the watcher, to unplug the camera and to plug it in again.
    watcher : Watcher, optional
        Who is told how it goes on.
    options : dict, optional
        What `camkit.open` gets beside; for the synthetic camera.

    Returns
    -------
    Report
        Also of a camera that cannot be opened, is in use or goes away, and when Ctrl-C ends it.

    Raises
    ------
    CameraNotFound
        No such camera.
    TypeError, ValueError
        An argument is wrong.
    """
    check_choice("length", length, LENGTHS)
    checks = chosen(only, reconnect)
    info = find_camera(source)
    if info.kind == "recording":
        raise CameraNotFound(
            errno.ENODEV, "cannot examine a recording: it tells of no driver; give a camera", str(info)
        )
    begun = time.monotonic()
    patient: Patient | None = None
    error: CameraError | None = None
    try:
        patient = _patient(info, options)
    except CameraError as failure:
        error = failure
    exam = Examination(info, patient, length, set_controls, watcher or Silent())
    if error is not None:
        exam.bar(error, error.strerror or str(error))
    else:
        with contextlib.suppress(CameraError):
            exam.controls_before = settings(list_controls(info.path or info.id))
    try:
        findings = exam.run(checks)
    finally:
        if exam.patient is not None:
            with contextlib.suppress(CameraError):  # it is gone, and its settings with it
                exam.patient.restore()
            exam.patient.close()
    return make_report(
        info,
        exam.mode,
        length,
        findings,
        interrupted=exam.interrupted,
        error=exam.error,
        wall_s=time.monotonic() - begun,
    )


def find_camera(source: str | os.PathLike[str] | int) -> CameraInfo:
    """Find the camera that `source` names, also one that cannot be opened: why not is what is to be found out.

    Raises
    ------
    CameraNotFound
        No such camera, or not a camera.
    TypeError, ValueError
        `source` is nothing that names a camera.
    """
    if source == "auto":
        # A camera that cannot be opened is the one that its user asks about.
        real = [info for info in list_cameras() if info.kind != "synthetic"]
        if real and all(info.problem for info in real):
            return real[0]
    try:
        return find(source)[1]
    except CameraNotFound:
        raise
    except CameraError as error:
        for info in list_cameras():
            if info.path is not None and error.filename is not None and os.path.samefile(info.path, error.filename):
                return info
        raise


def _patient(info: CameraInfo, options: dict[str, Any] | None) -> Patient:
    if info.kind != "v4l2":
        return CameraPatient(info, options)
    # Not above: it is there on Linux only.
    from camkit.doctor.v4l2_patient import V4l2Patient

    return V4l2Patient(info)


def chosen(only: Iterable[str] | None, reconnect: bool) -> list[Check]:
    """Return the checks to make; those that judge a recording bring the one that makes it.

    Raises
    ------
    ValueError
        There is no check of that name.
    """
    names = {check.name for check in CHECKS}
    asked = set(only or ())
    if unknown := sorted(asked - names):
        raise ValueError(f"there is no check {unknown[0]!r}, only {', '.join(check.name for check in CHECKS)}")
    wanted = (asked or names - INTERACTIVE) | (INTERACTIVE if reconnect else set())
    needed = {name for check in CHECKS if check.name in wanted for name in check.after}
    return [check for check in CHECKS if check.name in wanted | needed | {"access"}]


def seconds(length: Length, only: Iterable[str] | None = None, reconnect: bool = False) -> float:
    """Return how long an examination takes at most, first frames that are slow to come apart."""
    return sum(check.seconds[LENGTHS.index(length)] for check in chosen(only, reconnect))
