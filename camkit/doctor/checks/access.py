"""Who may open the camera, and who has it open."""

from __future__ import annotations

from camkit.doctor.examination import Examination
from camkit.doctor.finding import Outcome


def access(exam: Examination) -> Outcome:
    """Open the camera and look who else has it."""
    path = exam.info.path
    if path is None:
        return Outcome("no device file, so that everybody may use it")
    # Not above: other systems have neither owners nor groups of this kind.
    from camkit.doctor.node_rights import other_holders, rights

    out = Outcome("this user may open it and nobody else has it open", evidence=rights(path))
    others, hidden = other_holders(path)
    out.evidence["open_in"] = [{"pid": h.pid, "name": h.name, "streams": h.streams} for h in others]
    out.evidence["may_be_open_in_programs_of_other_users"] = hidden
    if exam.patient is None:
        out.summary = ""
        out.problem(exam.barred, "without opening it nothing else can be examined")
        return out
    busy = exam.patient.busy()
    if busy is not None:
        exam.bar(busy, f"another program has the camera: {busy.strerror}")
        out.summary = ""
        out.problem(f"it is in use: {busy.strerror}", "end that program and examine again")
    elif others:
        out.summary = ""
        names = ", ".join(map(str, others))
        out.note(f"it is also open in {names}", "whoever starts to stream first keeps the other from it")
    return out
