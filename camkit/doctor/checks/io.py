"""Ways that frames can take into memory."""

from __future__ import annotations

from camkit.doctor.examination import Examination
from camkit.doctor.finding import Outcome


def io(exam: Examination) -> Outcome:
    """Ask which kinds of memory the driver takes, and export a buffer."""
    found = exam.camera.memories()
    out = Outcome(f"frames can lie in {', '.join(found.kinds)} memory")
    out.evidence = {
        "memory": found.kinds,
        "capabilities": found.capabilities,
        "exported_bytes": found.exported_bytes,
    }
    if "mmap" not in found.kinds:
        out.summary = ""
        out.problem("the driver has no buffers of its own to map", "camkit needs them")
    elif found.refused:
        out.note(f"buffers cannot be exported: {found.refused}", "the GPU cannot read frames where they lie")
    return out
