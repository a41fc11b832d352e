"""Whether controls can be read, are in their own range and, if the user agrees, take what they say they take."""

from __future__ import annotations

from typing import Any

from camkit.camera_capture.controls import Controls
from camkit.camera_capture.registry import list_controls
from camkit.doctor.examination import Examination
from camkit.doctor.finding import NotPossible, Outcome, words_of
from camkit.errors import CameraDisconnected, CamkitError

PLAIN = ("integer", "boolean", "menu", "integer_menu", "integer64")
NOT_NOW = {"read_only", "write_only", "inactive", "grabbed", "volatile", "disabled", "has_payload"}


def controls(exam: Examination) -> Outcome:
    """Read all controls; set them only if the user has agreed to that."""
    rows = list_controls(exam.info.path or exam.info.id)
    if not rows:
        raise NotPossible("the camera has no controls")
    wrong = [f"{row['name']}: {why}" for row in rows if (why := odd(row))]
    out = Outcome(f"{len(rows)} controls can be read and are in their range")
    out.evidence = {"controls": len(rows), "wrong": wrong}
    if wrong:
        out.summary = ""
        out.note(
            f"{len(wrong)} of {len(rows)} controls are odd, such as {wrong[0]}",
            "programs that trust their range may fail",
        )
    if not exam.may_set_controls:
        out.evidence["set"] = None
        return out
    with exam.camera.camera(exam.watched_mode() if exam.watched_mode().name else None) as camera:
        refused = _set_all(camera.controls, exam, rows, out)
    if refused:
        out.problem(
            f"{len(refused)} values are not taken as listed, such as {refused[0]}",
            "set such a control and read it back",
        )
    return out


def odd(row: dict[str, Any]) -> str:
    """Tell what is wrong with a control's description; empty if nothing is."""
    if row["problem"]:
        return str(row["problem"])
    if row["kind"] not in PLAIN or row["dims"] or "has_payload" in row["flags"]:
        return ""
    low, high, step, menu = row["minimum"], row["maximum"], row["step"], row["menu"]
    if low > high:
        return f"its range is {low} to {high}"
    for which in ("value", "default"):
        value = row[which]
        if value is None or (which == "value" and {"inactive", "volatile"} & set(row["flags"])):
            continue
        if menu and value not in menu:
            return f"{which} {value} is no item of its menu"
        if not menu and not low <= value <= high:
            return f"{which} {value} is not in {low} to {high}"
        if not menu and which == "default" and (value - low) % step:
            return f"default {value} is not in steps of {step} from {low}"
    return ""


def _set_all(controls: Controls, exam: Examination, rows: list[dict[str, Any]], out: Outcome) -> list[str]:
    """Set each control to its own value, its least and its most, and put all back."""
    refused: list[str] = []
    before = settings(rows)
    done = 0
    try:
        for row in rows:
            if row["kind"] not in PLAIN or row["dims"] or not exam.left():
                continue
            if set(controls.info(row["name"]).flags) & NOT_NOW:  # what was set before may rule it now
                continue
            done += 1
            refused += _set_one(controls, row)
    finally:
        out.evidence |= {"set": done, "refused": refused, "not_put_back": put_back(controls, before)}
    if out.evidence["not_put_back"]:
        out.problem(
            f"not back at their value: {', '.join(out.evidence['not_put_back'])}",
            "set these by hand, or plug the camera in anew",
        )
    return refused


def _set_one(controls: Controls, row: dict[str, Any]) -> list[str]:
    name, own = row["name"], controls[row["name"]]
    items = sorted(row["menu"])
    ends = (
        [items[0], items[-1]]
        if items
        else [row["minimum"], row["maximum"] - (row["maximum"] - row["minimum"]) % row["step"]]
    )
    told = []
    try:
        for value in dict.fromkeys([own, *ends]):
            value = bool(value) if row["kind"] == "boolean" else value
            try:
                controls[name] = value
                got = controls[name]
            except CameraDisconnected:
                raise
            except (CamkitError, ValueError, TypeError) as error:
                told.append(f"{name} = {value}: {words_of(error)}")
                continue
            if got != value and "volatile" not in controls.info(name).flags:
                told.append(f"{name} = {value}: reads back as {got}")
    finally:
        controls[name] = own
    return told


def settings(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the values that make out a setting, of those that can be put back."""
    return {
        row["name"]: row["value"]
        for row in rows
        if row["kind"] in PLAIN and row["value"] is not None and not row["dims"] and not NOT_NOW & set(row["flags"])
    }


def put_back(controls: Controls, before: dict[str, Any]) -> list[str]:
    """Set what has another value than before; the names of those that could not be."""
    left: list[str] = []
    for _ in range(2):  # one control may rule another that comes before it
        left = []
        for name, value in before.items():
            try:
                if controls[name] != value:
                    controls[name] = value
                    if controls[name] != value:
                        left.append(name)
            except (CamkitError, ValueError, TypeError):
                left.append(name)
        if not left:
            break
    return left
