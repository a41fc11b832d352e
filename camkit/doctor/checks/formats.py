"""What is listed, and what the driver would make of it: nothing is changed by asking."""

from __future__ import annotations

from collections import Counter

from camkit.doctor.examination import Examination, Try
from camkit.doctor.finding import NotPossible, Outcome, Verdict
from camkit.doctor.mode import Layout, Mode
from camkit.errors import CameraDisconnected, CameraError, FormatNotSupported
from camkit.memory_manager import FORMATS

MOST_SHOWN = 30


def formats(exam: Examination) -> Outcome:
    """Try every listed mode."""
    offers = exam.camera.offers()
    modes = [mode for offer in offers for mode in offer.modes()]
    out = Outcome()
    if not modes and not offers:
        out.problem("no format is listed", "give the camera a signal, or start the program that feeds it")
        return out
    for mode in modes:
        if exam.tries and not exam.left():
            break
        exam.tries.append(_try(exam, mode))
    listed = Counter((offer.fourcc, size.width, size.height) for offer in offers for size, _ in offer.sizes)
    codes = Counter(offer.fourcc for offer in offers)
    wrong = [_told(row) for row in exam.tries if row.problem or _differs(row)]
    unknown = [offer.fourcc for offer in offers if offer.name is None]
    out.evidence = {
        "formats": len(offers),
        "sizes": len(modes),
        "tried": len(exam.tries),
        "not_as_listed": wrong[:MOST_SHOWN],
        "listed_twice": [" ".join(map(str, key)) for key, n in listed.items() if n > 1]
        + [code for code, n in codes.items() if n > 1],
        "unknown_to_camkit": unknown,
    }
    rows = f"{len(offers)} formats with {len(modes)} sizes are listed"
    out.summary = f"{rows}, {len(exam.tries)} of them tried"
    if wrong:
        out.problem(
            f"{len(wrong)} of {len(exam.tries)} modes are not as listed, such as {wrong[0]}",
            "a program that trusts the list fails or gets another picture; camkit refuses such a mode by name",
        )
    if out.evidence["listed_twice"]:
        out.note(f"{len(out.evidence['listed_twice'])} entries are listed twice", "harmless")
    return out


def layout(exam: Examination) -> Outcome:
    """Hold the driver's strides and sizes against what the formats need."""
    rows = [row for row in exam.tries if row.layout is not None]
    if not rows:
        raise NotPossible("no mode could be tried")
    out = Outcome()
    wrong = [(row, verdict, said) for row in rows for verdict, said in _layout(row.mode, row.layout)]  # type: ignore[arg-type]
    known = sum(row.mode.name is not None for row in rows)
    out.summary = f"strides and sizes of {known} modes fit their formats"
    out.evidence = {
        "checked": known,
        "without_a_known_layout": len(rows) - known,
        "wrong": [f"{row.mode}: {said}" for row, _, said in wrong][:MOST_SHOWN],
    }
    for verdict in (Verdict.PROBLEM, Verdict.NOTE):
        told = [f"{row.mode}: {said}" for row, level, said in wrong if level is verdict]
        if told:
            out.add(
                verdict,
                f"{len(told)} modes lie oddly in memory, such as {told[0]}",
                "programs may read beyond the picture",
            )
    return out


def _try(exam: Examination, mode: Mode) -> Try:
    try:
        return Try(mode, exam.camera.try_mode(mode), "")
    except CameraDisconnected:
        raise
    except CameraError as error:
        return Try(mode, None, error.strerror or str(error))
    except FormatNotSupported as error:
        return Try(mode, None, str(error))


def _differs(row: Try) -> bool:
    return row.layout is not None and row.layout[:3] != (row.mode.code, row.mode.width, row.mode.height)


def _told(row: Try) -> str:
    where = f"{row.mode.fourcc} {row.mode.width}x{row.mode.height}"
    if row.layout is None:
        return f"{where}: {row.problem}"
    other = "" if row.layout.code == row.mode.code else "another format, "
    return f"{where}: {other}{row.layout.width}x{row.layout.height}"


def _layout(mode: Mode, got: Layout) -> list[tuple[Verdict, str]]:
    total = sum(size for _, size in got.planes)
    if not total:
        return [(Verdict.PROBLEM, "a picture has no bytes")]
    if mode.name is None or _differs(Try(mode, got, "")):
        return []
    row = FORMATS[mode.name]
    stride = got.planes[0][0]
    if row.compressed:
        return [(Verdict.NOTE, f"compressed, yet with rows {stride} bytes apart")] if stride else []
    across, down = row.multiple
    if mode.width % across or mode.height % down:
        return []
    least = row.row_bytes(mode.width)
    if stride < least:
        return [(Verdict.PROBLEM, f"rows are {stride} bytes apart and have {least}")]
    # In one memory the planes follow the first one's stride; the padding of the very last row need not be there.
    needed = row.image_bytes(mode.width, mode.height, stride if len(got.planes) == 1 else 0)
    needed -= stride - least if len(got.planes) == 1 else 0
    return [(Verdict.PROBLEM, f"a picture has {total} bytes and needs {needed}")] if total < needed else []
