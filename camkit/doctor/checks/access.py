"""Who may open the camera, and who has it open."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import Callable

from camkit.camera_capture._v4l2_holders import find_holders
from camkit.doctor.examination import Examination
from camkit.doctor.finding import Outcome
from camkit.doctor.v4l2_patient import V4l2Patient


def access(exam: Examination) -> Outcome:
    """Open the camera and look who else has it."""
    path = exam.info.path
    if path is None:
        return Outcome("no device file, so that everybody may use it")
    out = Outcome("this user may open it and nobody else has it open", evidence=_node(path))
    holders, hidden = find_holders(path)
    others = [holder for holder in holders if holder.pid != os.getpid()]
    out.evidence["open_in"] = [{"pid": h.pid, "name": h.name, "streams": h.streams} for h in others]
    out.evidence["may_be_open_in_programs_of_other_users"] = hidden
    if exam.patient is None:
        out.summary = ""
        out.problem(exam.barred, "without opening it nothing else can be examined")
        return out
    busy = exam.patient.streams_elsewhere() if isinstance(exam.patient, V4l2Patient) else None
    if busy is not None:
        exam.bar(busy, f"another program has the camera: {busy.strerror}")
        out.summary = ""
        out.problem(f"it is in use: {busy.strerror}", "end that program and examine again")
    elif others:
        out.summary = ""
        names = ", ".join(map(str, others))
        out.note(f"it is also open in {names}", "whoever starts to stream first keeps the other from it")
    return out


def _node(path: str) -> dict[str, object]:
    node = os.stat(path)
    return {
        "path": path,
        "mode": stat.filemode(node.st_mode),
        "owner": _name(lambda: pwd.getpwuid(node.st_uid).pw_name, node.st_uid),
        "group": _name(lambda: grp.getgrgid(node.st_gid).gr_name, node.st_gid),
        "root": os.geteuid() == 0,
    }


def _name(look: Callable[[], str], number: int) -> str:
    try:
        return look()
    except KeyError:
        return str(number)
