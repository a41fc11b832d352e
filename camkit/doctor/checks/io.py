"""Ways that frames can take into memory."""

from __future__ import annotations

from camkit.doctor.examination import Examination
from camkit.doctor.finding import Outcome


def io(exam: Examination) -> Outcome:
    """Ask which kinds of memory the driver takes, export a buffer, and take a frame in each of camkit's ways."""
    found = exam.camera.memories(exam.watched_mode(), exam.patience)
    taken = [way for way, told in found.ways.items() if not told.startswith("refused") and way != "auto"]
    out = Outcome(f"the driver takes {', '.join(found.kinds)} memory; frames came by {', '.join(taken) or 'no way'}")
    out.evidence = {
        "memory": found.kinds,
        "capabilities": found.capabilities,
        "exported_bytes": found.exported_bytes,
        "ways": found.ways,
    }
    if "mmap" not in found.kinds:
        out.problem("the driver has no buffers of its own to map", "few programs can use it")
    elif found.refused:
        out.note(f"buffers cannot be exported: {found.refused}", "the GPU cannot read frames where they lie")
    usual = found.ways.get("auto", "")
    if usual.startswith("refused"):
        out.problem(f"camkit gets no frame: {usual}", "this driver refuses each way into memory")
    elif "(uncached" in usual:
        out.note("the memory of frames is not cached", "reading pixels is slow: copy a frame before working on it")
    return out
