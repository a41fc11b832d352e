"""Whether a buffer stays as it is while it is lent out."""

from __future__ import annotations

from camkit.doctor.examination import Examination
from camkit.doctor.finding import NotPossible, Outcome

BUFFERS = 4
TURNS = 2  # of all buffers while one is held


def tearing(exam: Examination) -> Outcome:
    """Hold a buffer, let the others go round, and compare."""
    mode = exam.watched_mode()
    held, changed, others, twice = 0, 0, 0, 0
    pictures: set[int] = set()
    with exam.camera.stream(mode, BUFFERS) as stream:
        while not held or exam.left():
            sample = stream.read(exam.patience)
            if sample is None:
                break
            was = sample.fingerprint()
            pictures.add(was)
            at_once = sample.fingerprint() != was
            for _ in range(TURNS * stream.buffers):
                other = stream.read(exam.patience)
                if other is None:
                    break
                pictures.add(other.fingerprint())
                others += 1
                twice += other.held
                stream.give_back(other)
            held += 1
            changed += at_once or sample.fingerprint() != was
            stream.give_back(sample)
    out = Outcome(f"{held} buffers stayed the same while {others} others were filled")
    out.evidence = {"held": held, "changed": changed, "others": others, "pictures": len(pictures)}
    out.evidence["handed_over_twice"] = twice
    if changed:
        out.summary = ""
        out.problem(
            f"{changed} of {held} buffers were written again while they were held",
            "camkit copies each frame of this driver, so that its users are safe; other programs get torn pictures"
            if exam.camera.overwrites
            else "a picture changes while it is looked at: use `frame.copy()` at once, and report this driver",
        )
    if twice:
        words = f"{twice} buffers were handed over while they were held"
        out.problem(words, "the driver does not wait until a buffer is given back")
    if changed or twice:
        return out
    if not others:
        raise NotPossible("no other frame came while one was held")
    if len(pictures) < 2:
        raise NotPossible("the picture never changes, so that a buffer written again would look the same")
    return out
