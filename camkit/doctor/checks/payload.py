"""Whether a frame's bytes can be the picture that they are said to be."""

from __future__ import annotations

import re
from collections import Counter

from camkit.doctor.examination import Examination
from camkit.doctor.finding import NotPossible, Outcome
from camkit.doctor.mode import Mode
from camkit.doctor.sample import Bytes, Sample
from camkit.memory_manager import FORMATS

# After the start of a scan 0xff is followed by a stuffed 0, a restart mark, padding, or the end.
STRAY_MARK = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
START, END, SCAN = b"\xff\xd8", b"\xff\xd9", 0xDA


def payload(exam: Examination) -> Outcome:
    """Judge what was watched, and a moment of MJPG where the camera has it."""
    mode = exam.watched_mode()
    recorded = exam.recording.samples if exam.recording is not None else []
    streams = {str(mode): recorded} if recorded else {}
    repeats = _repeats(recorded)
    jpeg = next((offer for offer in exam.camera.offers() if offer.name == "MJPG"), None)
    if jpeg is not None and mode.name != "MJPG" and exam.left():
        other = next((m for m in jpeg.modes() if (m.width, m.height) == (mode.width, mode.height)), jpeg.modes()[0])
        streams[str(other)] = _watch(exam, other)
    if not streams:
        raise NotPossible("no frame was recorded")
    # What a camera sends first is often the rest of something else: that is worth no more than a note.
    first = {name: samples[0].damage for name, samples in streams.items() if samples[0].damage}
    found = Counter(sample.damage for samples in streams.values() for sample in samples[1:])
    total, good = sum(found.values()), found.pop("", 0)
    out = Outcome(f"all {total + len(streams)} frames are whole")
    out.evidence = {
        "frames": {name: len(samples) for name, samples in streams.items()},
        "damaged": dict(found),
        "first_damaged": first,
        "repeated": repeats,
    }
    if first:
        out.summary = ""
        told = ", ".join(f"{why} ({name})" for name, why in first.items())
        out.note(f"the first frame of a stream came damaged: {told}", "drop the first frame after a start")
    if found:
        out.summary = ""
        worst = ", ".join(f"{n} {why}" for why, n in found.most_common())
        out.problem(
            f"{total - good} of {total} frames are damaged: {worst}",
            "camkit drops and counts those that the driver marks or that are too short; a JPEG that is damaged inside "
            "is delivered: look at cable, hub and bandwidth",
        )
    if repeats > len(recorded) // 2:
        out.note("most pictures are the same to the last bit", "a test picture, or a camera that repeats old frames")
    return out


def damage(mode: Mode, sample: Sample) -> str:
    """Tell in a few words what is wrong with a frame; empty if nothing is."""
    if sample.error:
        return "marked as damaged by the driver"
    if not sample.nbytes:
        return "empty"
    if sample.nbytes > sample.length:
        return "longer than their buffer"
    if mode.name is None:
        return ""
    row = FORMATS[mode.name]
    if row.compressed:
        return jpeg_damage(sample.data[0])
    if mode.width % row.multiple[0] or mode.height % row.multiple[1]:
        return ""
    least = row.image_bytes(mode.width, mode.height)
    return "too short" if sample.nbytes < least else ""


def jpeg_damage(data: Bytes) -> str:
    """Tell what is wrong with the marks of a JPEG picture; empty if nothing is."""
    picture = bytes(data)
    if picture[:2] != START:
        return "without a JPEG's start"
    at = 2
    while True:
        if at + 4 > len(picture) or picture[at] != 0xFF:
            return "with a broken JPEG header"
        mark, length = picture[at + 1], int.from_bytes(picture[at + 2 : at + 4], "big")
        if length < 2:
            return "with a broken JPEG header"
        at += 2 + length
        if mark == SCAN:
            break
    stray = STRAY_MARK.search(picture, at)
    if stray is None:
        return "without a JPEG's end"
    if stray[0] != END:
        return "with a JPEG mark where none can be"
    return "with a second JPEG behind the first" if START in picture[stray.end() :] else ""


def _watch(exam: Examination, mode: Mode) -> list[Sample]:
    samples: list[Sample] = []
    with exam.camera.stream(mode) as stream:
        while not samples or exam.left():
            sample = stream.read(min(exam.patience, exam.left() + 0.5) if samples else exam.patience)
            if sample is None:
                break
            if not samples:
                exam.count_from_now()
            sample.damage = damage(mode, sample)
            stream.give_back(sample)
            samples.append(sample)
    if not samples:
        raise NotPossible(f"no frame of {mode} came")
    return samples


def _repeats(samples: list[Sample]) -> int:
    return sum(a.checksum == b.checksum for a, b in zip(samples, samples[1:], strict=False))
