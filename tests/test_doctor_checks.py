"""The checks by themselves: recordings that are made up, each with one fault, and a camera that lies."""

from __future__ import annotations

import io
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from PIL import Image

import camkit
from camkit.camera_capture.info import FrameSize
from camkit.doctor import Verdict
from camkit.doctor.checks.controls import odd
from camkit.doctor.checks.formats import formats, layout
from camkit.doctor.checks.latency import judge_ages
from camkit.doctor.checks.modes import in_turns
from camkit.doctor.checks.payload import damage, jpeg_damage
from camkit.doctor.checks.rates import measured_rate
from camkit.doctor.checks.sequence import judge_numbers
from camkit.doctor.checks.timestamps import judge_times
from camkit.doctor.examination import Examination
from camkit.doctor.finding import NotPossible, Outcome
from camkit.doctor.mode import Layout, Mode, Offer, picked
from camkit.doctor.patient import Patient, Stream
from camkit.doctor.sample import Recording, Sample, quantile

MS = 1_000_000
YUYV = camkit.FORMATS["YUYV"].v4l2
MODE = Mode(YUYV, "YUYV", "YUYV", 640, 480, Fraction(30))
BEGIN = 5_000_000 * MS


# ---- times -----------------------------------------------------------------------------------------------------------


def recording(count: int = 30, **changes: Any) -> Recording:
    """Make an even recording at 30 fps; a change is a function of the frame's place."""
    samples = []
    for i in range(count):
        facts: dict[str, Any] = {
            "index": i % 4,
            "sequence": i,
            "timestamp_ns": BEGIN + i * 33 * MS,
            "waited_ns": 13 * MS,
            "clock": "monotonic",
            "stamp": "start_of_exposure",
            "error": False,
            "nbytes": 614400,
            "length": 614400,
        }
        facts |= {name: change(i) for name, change in changes.items()}
        samples.append(Sample(**{"dequeue_ns": facts["timestamp_ns"] + 20 * MS, **facts}))
    return Recording(MODE, samples, count / 30)


def verdict_of(outcome: Outcome, *words: str) -> Verdict:
    for word in words:
        assert word in outcome.summary, outcome
    return outcome.verdict


def test_even_times_are_fine() -> None:
    assert verdict_of(judge_times(recording()), "evenly", "start of exposure") is Verdict.OK


@pytest.mark.parametrize(
    ("changes", "verdict", "words"),
    [
        ({"timestamp_ns": lambda i: BEGIN + (i - 2 * (i == 9)) * 33 * MS}, "problem", "goes backwards 1 times"),
        ({"timestamp_ns": lambda i: BEGIN + i // 2 * 66 * MS}, "problem", "15 frames have the time of the one before"),
        ({"timestamp_ns": lambda i: BEGIN + (i + i // 10) * 33 * MS}, "note", "2 jumps of up to 33.0 ms"),
        ({"timestamp_ns": lambda i: BEGIN + (i + i // 3) * 33 * MS}, "problem", "their number does not explain"),
        ({"dequeue_ns": lambda i: i * 33 * MS}, "problem", "away from the monotonic clock that they claim"),
        ({"clock": lambda i: "unknown"}, "note", "the clock is unknown"),
        ({"clock": lambda i: "copy"}, "note", "the clock is copy"),
        ({"clock": lambda i: "copy" if i == 4 else "monotonic"}, "problem", "changes between frames"),
        ({"stamp": lambda i: "end_of_frame" if i == 4 else "start_of_exposure"}, "problem", "changes between frames"),
        ({"dequeue_ns": lambda i: BEGIN + i * 33 * MS - 5 * MS}, "problem", "up to 5.0 ms in the future"),
        (
            {"stamp": lambda i: "end_of_frame", "dequeue_ns": lambda i: BEGIN + i * 33 * MS - 5 * MS},
            "note",
            "30 of 30 frames are stamped up to 5.0 ms in the future",
        ),
        (
            {"stamp": lambda i: "end_of_frame", "dequeue_ns": lambda i: BEGIN + i * 33 * MS - 50 * MS},
            "problem",
            "up to 50.0 ms in the future",
        ),
        ({"dequeue_ns": lambda i: BEGIN + i * 33 * MS + MS}, "note", "marked as start of exposure, yet"),
        (
            {"stamp": lambda i: "end_of_frame", "dequeue_ns": lambda i: BEGIN + i * 33 * MS + 99 * MS},
            "note",
            "marked as end of frame, yet",
        ),
    ],
)
def test_odd_times_are_found(changes: dict[str, Any], verdict: str, words: str) -> None:
    assert verdict_of(judge_times(recording(**changes)), words).value == verdict


def test_times_that_step_over_lost_frames_are_even() -> None:
    lossy = recording(
        sequence=lambda i: 3 * i,
        timestamp_ns=lambda i: BEGIN + 3 * i * 33 * MS,
        dequeue_ns=lambda i: BEGIN + (3 * i * 33 + 20) * MS,
    )
    assert judge_times(lossy).verdict is Verdict.OK


@pytest.mark.parametrize(
    ("sequence", "verdict", "words"),
    [
        (lambda i: i, "ok", "30 frames numbered from 0"),
        (lambda i: 7 + i, "note", "the first number is 7"),
        (lambda i: i + i // 20, "problem", "1 frames (3.2 %) were lost in 1 gaps"),
        (lambda i: 0, "problem", "does not count"),
        (lambda i: i - (i == 9), "problem", "stands still 1 times and goes back 0"),
        (lambda i: i - 3 * (i == 9), "problem", "stands still 0 times and goes back 1"),
    ],
)
def test_numbers_are_judged(sequence: Any, verdict: str, words: str) -> None:
    assert verdict_of(judge_numbers(recording(sequence=sequence)), words).value == verdict


def test_numbers_may_wrap() -> None:
    wrapped = judge_numbers(recording(sequence=lambda i: (0xFFFFFFF0 + i) % (1 << 32)))
    assert wrapped.evidence["lost"] == wrapped.evidence["backwards"] == wrapped.evidence["stood_still"] == 0


def test_few_losses_are_a_note() -> None:
    assert judge_numbers(recording(100, sequence=lambda i: i + i // 99)).verdict is Verdict.NOTE


def test_ages_count_only_where_the_reader_was_waiting() -> None:
    def late(i: int) -> int:
        return BEGIN + i * 33 * MS + (600 * MS if i in (9, 19) else 20 * MS)

    assert verdict_of(judge_ages(recording(dequeue_ns=late)), "2 frames came much later") is Verdict.PROBLEM
    ours = judge_ages(recording(dequeue_ns=late, waited_ns=lambda i: 1000 if i in (9, 19) else 13 * MS))
    assert (ours.verdict, ours.evidence["late_reader"]) == (Verdict.OK, 2)
    old = judge_ages(recording(dequeue_ns=lambda i: BEGIN + i * 33 * MS + 150 * MS))
    assert verdict_of(old, "4.5 intervals old") is Verdict.NOTE
    with pytest.raises(NotPossible, match="not on the monotonic clock"):
        judge_ages(recording(clock=lambda i: "copy"))


def test_a_rate_is_measured_by_times_and_numbers() -> None:
    assert measured_rate(recording()) == pytest.approx(1000 / 33)
    lossy = recording(sequence=lambda i: 2 * i, timestamp_ns=lambda i: BEGIN + 2 * i * 33 * MS)
    assert measured_rate(lossy) == pytest.approx(1000 / 33), "what it lost was made at that rate too"
    assert measured_rate(recording(sequence=lambda i: 0)) == pytest.approx(1000 / 33)
    assert measured_rate(recording(2)) is None


def test_quantiles_are_values_that_occurred() -> None:
    assert [quantile([4, 1, 3, 2], part) for part in (0, 0.5, 0.75, 0.99, 1)] == [1, 2, 3, 4, 4]


# ---- bytes -----------------------------------------------------------------------------------------------------------


def jpeg() -> bytes:
    noise = np.random.default_rng(1).integers(0, 255, (64, 96, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "JPEG", quality=80)
    return file.getvalue()


def test_a_whole_jpeg_is_whole() -> None:
    assert jpeg_damage(jpeg()) == ""
    assert jpeg_damage(jpeg() + bytes(100)) == "", "padding is usual"


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda data: data[1:], "without a JPEG's start"),
        (lambda data: b"", "without a JPEG's start"),
        (lambda data: data[:-2], "without a JPEG's end"),
        (lambda data: data[: len(data) // 2], "without a JPEG's end"),
        (lambda data: data[:10], "with a broken JPEG header"),
        (lambda data: data[:2] + bytes(50) + data[52:], "with a broken JPEG header"),
        (lambda data: data[:-200] + b"\xff\xc4" + data[-198:], "with a JPEG mark where none can be"),
        (lambda data: data + data, "with a second JPEG behind the first"),
    ],
)
def test_a_damaged_jpeg_is_found(spoil: Any, words: str) -> None:
    assert jpeg_damage(spoil(jpeg())) == words


def test_lengths_are_judged_by_the_format() -> None:
    sample = recording(1).samples[0]
    assert damage(MODE, sample) == ""
    for facts, words in (
        ({"nbytes": 614399}, "too short"),
        ({"nbytes": 0}, "empty"),
        ({"nbytes": 614401}, "longer than their buffer"),
        ({"error": True}, "marked as damaged by the driver"),
    ):
        assert damage(MODE, Sample(**{**vars(sample), **facts})) == words


# ---- a camera that lies about what it offers -------------------------------------------------------------------------


class Liar(Patient):
    """A camera whose answers differ from its list, as no driver here does."""

    def __init__(self, offers: tuple[Offer, ...], answers: dict[tuple[int, int], Layout | OSError]) -> None:
        super().__init__(camkit.list_cameras()[-1])
        self._offers, self._answers = offers, answers

    def offers(self) -> tuple[Offer, ...]:
        return self._offers

    def try_mode(self, mode: Mode) -> Layout:
        answer = self._answers[mode.width, mode.height]
        if isinstance(answer, OSError):
            raise answer
        return answer

    def stream(self, mode: Mode, buffers: int = 4) -> Stream:
        raise NotImplementedError


def lying(answers: dict[tuple[int, int], Layout | OSError]) -> Examination:
    sizes = tuple((FrameSize(*size), (Fraction(30),)) for size in answers)
    camera = Liar((Offer(YUYV, "YUYV", "YUYV", False, sizes),), answers)
    exam = Examination(camera.info, camera)
    exam.deadline = float("inf")
    return exam


def test_what_is_listed_and_refused_is_found() -> None:
    exam = lying(
        {
            (640, 480): Layout(YUYV, 640, 480, ((1280, 614400),)),
            (320, 240): Layout(YUYV, 640, 480, ((1280, 614400),)),
            (160, 120): camkit.CameraError(22, "cannot try 160x120: Invalid argument"),
        }
    )
    outcome = formats(exam)
    assert verdict_of(outcome, "2 of 3 modes are not as listed") is Verdict.PROBLEM
    assert outcome.evidence["not_as_listed"] == [
        "YUYV 320x240: 640x480",
        "YUYV 160x120: cannot try 160x120: Invalid argument",
    ]


@pytest.mark.parametrize(
    ("planes", "verdict", "words"),
    [
        (((1280, 614400),), "ok", "fit"),
        (((1344, 1344 * 480 - 64),), "ok", "fit"),  # the padding of the last row
        (((1279, 614400),), "problem", "rows are 1279 bytes apart and have 1280"),
        (((1280, 614399),), "problem", "a picture has 614399 bytes and needs 614400"),
        (((0, 0),), "problem", "a picture has no bytes"),
    ],
)
def test_wrong_sizes_and_strides_are_found(planes: Any, verdict: str, words: str) -> None:
    exam = lying({(640, 480): Layout(YUYV, 640, 480, planes)})
    formats(exam)
    assert verdict_of(layout(exam), words).value == verdict


def test_an_empty_list_is_a_problem() -> None:
    camera = Liar((), {})
    assert formats(Examination(camera.info, camera)).verdict is Verdict.PROBLEM


def test_modes_are_tried_in_turns() -> None:
    def offer(name: str, *sizes: tuple[int, int]) -> Offer:
        return Offer(0, name, None, False, tuple((FrameSize(*size), ()) for size in sizes))

    wanted = in_turns((offer("A", (10, 10), (100, 100)), offer("B", (90, 90))), 100 * 100)
    assert [(m.fourcc, m.width) for m in wanted] == [("A", 100), ("B", 90), ("A", 10)]


def test_of_a_range_the_ends_and_the_middle_are_tried() -> None:
    assert picked(FrameSize(101, 65, (), (1, 1), (4, 2))) == [(1, 1), (49, 33), (101, 65)]
    assert picked(FrameSize(64, 32, (), (64, 32), (1, 1))) == [(64, 32)]


def test_odd_controls_are_found() -> None:
    good = {
        "kind": "integer", "minimum": 0, "maximum": 10, "step": 2, "menu": {}, "dims": (), "default": 4, "value": 6,
        "flags": [], "problem": "",
    }  # fmt: skip
    assert odd(good) == ""
    assert odd({**good, "value": 11, "flags": ["inactive"]}) == ""
    for facts, words in (
        ({"value": 11}, "value 11 is not in 0 to 10"),
        ({"default": 5}, "default 5 is not in steps of 2 from 0"),
        ({"minimum": 20}, "its range is 20 to 10"),
        ({"kind": "menu", "menu": {0: "a"}, "default": 0, "value": 3}, "value 3 is no item of its menu"),
        ({"problem": "cannot read"}, "cannot read"),
    ):
        assert odd({**good, **facts}) == words
