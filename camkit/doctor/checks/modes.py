"""Start the modes that are listed, as many as there is time for."""

from __future__ import annotations

from itertools import zip_longest
from typing import Any

from camkit.doctor.checks.payload import damage
from camkit.doctor.examination import Examination
from camkit.doctor.finding import NotPossible, Outcome, words_of
from camkit.doctor.mode import Mode, Offer
from camkit.errors import CameraBusy, CameraDisconnected, CamkitError

FRAMES = 2  # a stream that gives one frame and no other does not run


def modes(exam: Examination) -> Outcome:
    """Set, start and take frames of each mode."""
    mode = exam.watched_mode()
    wanted = in_turns(exam.camera.offers(), mode.width * mode.height)
    if not wanted:
        raise NotPossible("no mode is listed")
    failed: list[dict[str, Any]] = []
    tried = 0
    for wish in wanted:
        if tried and not exam.left():
            break
        tried += 1
        why = _start(exam, wish)
        if why:
            failed.append({"mode": str(wish), "why": why})
    out = Outcome(f"{tried} of {len(wanted)} listed modes were started and delivered")
    out.evidence = {"listed": len(wanted), "started": tried, "failed": failed}
    if tried < len(wanted):
        out.evidence["not_tried"] = len(wanted) - tried
    if failed:
        out.summary = ""
        out.problem(
            f"{len(failed)} of {tried} listed modes fail, such as {failed[0]['mode']}: {failed[0]['why']}",
            "the camera lists what it cannot deliver, at least not as it is plugged in now; take another mode",
        )
    return out


def in_turns(offers: tuple[Offer, ...], area: int) -> list[Mode]:
    """Return all modes, one of each format first: those whose size is nearest to `area` pixels."""
    rows = [sorted(offer.modes(), key=lambda m: abs(m.width * m.height - area)) for offer in offers]
    return [mode for turn in zip_longest(*rows) for mode in turn if mode is not None]


def _start(exam: Examination, mode: Mode) -> str:
    """Return why a mode does not deliver; empty: it does."""
    try:
        with exam.camera.stream(mode) as stream:
            wrong = ""
            for number in range(FRAMES):
                sample = stream.read(exam.patience)
                if sample is None:
                    return f"frame {number} did not come within {exam.patience:g} s"
                # The first frame of many cameras is not whole: only the last one taken counts.
                wrong = damage(mode, sample)
                stream.give_back(sample)
            return f"frames are {wrong}" if wrong else ""
    except (CameraDisconnected, CameraBusy):
        raise
    except (CamkitError, OSError, ValueError) as error:
        return words_of(error)
