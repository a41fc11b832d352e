"""The doctor without hardware: it finds the synthetic camera's faults, and in made recordings what no driver does."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import camkit
from camkit.camera_capture.info import FrameSize
from camkit.cli import main
from camkit.cli.doctor import as_told, code_of_report
from camkit.doctor import CHECKS, Report, Verdict, examine, seconds
from camkit.doctor.checks.controls import odd
from camkit.doctor.checks.formats import formats, layout
from camkit.doctor.checks.latency import judge_ages
from camkit.doctor.checks.modes import in_turns
from camkit.doctor.checks.payload import damage, jpeg_damage
from camkit.doctor.checks.rates import measured_rate
from camkit.doctor.checks.sequence import judge_numbers
from camkit.doctor.checks.timestamps import judge_times
from camkit.doctor.examination import Examination, Silent
from camkit.doctor.finding import NotPossible, Outcome
from camkit.doctor.kernel_log import kernel_log
from camkit.doctor.markdown import markdown
from camkit.doctor.mode import Layout, Mode, Offer, picked
from camkit.doctor.page import page
from camkit.doctor.patient import Patient, Stream
from camkit.doctor.privacy import HIDDEN, without_serials
from camkit.doctor.sample import Recording, Sample, quantile

TOP = Path(__file__).resolve().parent.parent
DOCUMENT = (TOP / "docs" / "json.md").read_text()
MS = 1_000_000
YUYV = camkit.FORMATS["YUYV"].v4l2
MODE = Mode(YUYV, "YUYV", "YUYV", 640, 480, Fraction(30))
BEGIN = 5_000_000 * MS


@pytest.fixture(scope="module")
def healthy() -> Report:
    return examine("synthetic", length="quick")


# ---- the synthetic camera --------------------------------------------------------------------------------------------


def test_a_healthy_camera_gets_no_alarm(healthy: Report) -> None:
    found = {finding.name: finding.verdict for finding in healthy.findings}
    assert Verdict.PROBLEM not in found.values(), found
    # It has no device node, no controls and no settings.
    assert {name for name, verdict in found.items() if verdict is Verdict.NOT_POSSIBLE} == {
        "io",
        "controls",
        "settings",
    }
    assert (healthy.problems, healthy.error, code_of_report(healthy)) == (0, None, 0)
    assert list(found) == [check.name for check in CHECKS if check.name != "reconnect"]


def test_lost_frames_are_found() -> None:
    report = examine("synthetic", length="quick", only=["sequence"], options={"drop": 0.2})
    finding = report.finding("sequence")
    assert finding.verdict is Verdict.PROBLEM and 8 < finding.evidence["lost_percent"] < 35
    assert finding.evidence["lost"] >= finding.evidence["gaps"] > 1
    assert (report.problems, code_of_report(report)) == (1, 10)


def test_damaged_frames_are_found() -> None:
    finding = examine("synthetic", length="quick", only=["payload"], options={"damage": (3, 7, 8)}).finding("payload")
    assert finding.verdict is Verdict.PROBLEM
    assert finding.evidence["damaged"] == {"marked as damaged by the driver": 3}


def test_a_damaged_first_frame_is_only_noted() -> None:
    finding = examine("synthetic", length="quick", only=["payload"], options={"damage": (0,)}).finding("payload")
    assert finding.verdict is Verdict.NOTE and "first frame" in finding.summary


def test_late_frames_are_found() -> None:
    options = {"delay": {10: 0.4, 30: 0.4}}
    finding = examine("synthetic", length="quick", only=["latency"], options=options).finding("latency")
    assert finding.verdict is Verdict.PROBLEM and finding.evidence["much_too_late"] == 2, finding
    assert finding.evidence["max_ms"] >= 400


def test_a_stream_that_ends_is_told() -> None:
    finding = examine("synthetic", length="quick", only=["tearing"], options={"frames": 3}).finding("tearing")
    assert (finding.verdict, finding.summary) == (Verdict.NOT_POSSIBLE, "the stream is over")


def test_a_camera_that_is_not_there() -> None:
    with pytest.raises(camkit.CameraNotFound):
        examine("/dev/video99")
    with pytest.raises(ValueError, match="there is no check 'spleen', only access, "):
        examine("synthetic", only=["spleen"])


def test_the_time_is_told_in_advance() -> None:
    assert seconds("quick") < 15 and 20 < seconds("normal") < 40 < seconds("full")
    assert seconds("quick", ["sequence"]) < 3, "the checks that it needs, and no other"
    assert seconds("quick", None, reconnect=True) > seconds("quick") + 30


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


# ---- the report ------------------------------------------------------------------------------------------------------


def test_the_report_goes_into_json_and_back(healthy: Report) -> None:
    told = as_told(healthy)
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    assert sum(told["counts"].values()) == len(told["checks"])


def test_the_document_names_every_field_and_every_check(healthy: Report) -> None:
    section = DOCUMENT.split("## `camkit doctor")[1].split("\n## ")[0]
    named = set(re.findall(r"`([\w.]+)`", section))
    told = as_told(healthy)
    fields = set(told) | {f"machine.{name}" for name in told["machine"]} | set(told["checks"][0])
    assert fields <= named, fields - named
    assert {check.name for check in CHECKS} <= named


def test_serial_numbers_are_left_out() -> None:
    told = {
        "id": "usb-Maker_Cam_AB12345-video-index0",
        "short": "usb-Maker_Cam_01-video-index0 01",
        "log": ["usb 1-1: SerialNumber: anything", "usb 1-1: Mfr=1, SerialNumber=3"],
        "usb": [{"serial": "AB12345"}, {"serial": ""}],
        "number": 5,
    }
    assert without_serials(told, ["AB12345", "01"]) == {
        "id": f"usb-Maker_Cam_{HIDDEN}-video-index0",
        "short": f"usb-Maker_Cam_{HIDDEN}-video-index0 01",
        "log": [f"usb 1-1: SerialNumber: {HIDDEN}", "usb 1-1: Mfr=1, SerialNumber=3"],
        "usb": [{"serial": HIDDEN}, {"serial": ""}],
        "number": 5,
    }


@pytest.mark.parametrize("write", [markdown, page])
def test_a_written_report_has_everything_and_believes_no_name(healthy: Report, write: Any) -> None:
    told = as_told(healthy)
    text = write(told)
    for check in told["checks"]:
        assert check["title"] in text
    assert told["machine"]["kernel"] in text.replace("\\", "")
    evil = "<script>alert(1)</script>|`x` ```"
    text = write({**told, "camera": {**told["camera"], "name": evil}, "machine": {**told["machine"], "log": [evil]}})
    assert "<script>" not in text.replace("\\<", "(").partition("## Kernel log")[0]
    if write is page:
        assert "<script>" not in text and "http" not in text


def test_the_kernel_log_is_read_or_the_reason_told() -> None:
    lines, problem = kernel_log(["a word that no driver has logged"])
    assert lines == []
    assert bool(problem) != os.access("/dev/kmsg", os.R_OK)


# ---- the command -----------------------------------------------------------------------------------------------------


def test_the_command_tells_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "report.md"
    assert main(["doctor", "synthetic", "--quick", "--only", "sequence,io", "--output", str(file), "--json"]) == 0
    shown = capsys.readouterr()
    told = json.loads(shown.out)
    assert [check["name"] for check in told["checks"]] == ["access", "io", "stream", "sequence"]
    assert told["error"] is None and told["interrupted"] is False
    assert "about 3 s at most" in shown.err and "0 problems" in shown.err and "frame numbers" in shown.err
    assert "frame numbers" in file.read_text()
    assert main(["doctor", "synthetic", "--only", "access", "--output", str(tmp_path / "r.json"), "--json"]) == 0
    assert json.loads((tmp_path / "r.json").read_text()) == json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--only", "spleen"], "'spleen' is no check, only access"),
        (["--only", ","], "names no check"),
        (["--output", "report.doc"], "ends in none of .md, .html, .json"),
        (["--output", "/no/folder/report.md"], "there is no folder"),
        (["--quick", "--full"], "not allowed with"),
    ],
)
def test_wrong_arguments(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "synthetic", *arguments]) == 2
    assert words in capsys.readouterr().err


def test_no_such_camera_has_its_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "/dev/video99", "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["error"]["exit_code"] == 3


def test_a_watcher_may_end_it() -> None:
    class Impatient(Silent):
        def stopped(self) -> bool:
            return True

    report = examine("synthetic", length="quick", watcher=Impatient())
    assert report.interrupted and {finding.summary for finding in report.findings} == {"interrupted"}


def test_control_c_gives_what_was_found_so_far() -> None:
    command = [sys.executable, "-W", "error", "-m", "camkit", "doctor", "synthetic", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if "strides and sizes" in line:
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    told = json.loads(out)
    verdicts = {check["name"]: (check["verdict"], check["summary"]) for check in told["checks"]}
    assert told["interrupted"] is True and process.returncode == 1
    assert verdicts["layout"][0] == "ok" and verdicts["settings"] == ("not_possible", "interrupted")
    assert "Traceback" not in err and "interrupted" in err


def test_a_recording_is_no_patient(tmp_path):
    path = tmp_path / "a.mcap"
    camkit.Pipeline(camkit.SyntheticCamera(size=(64, 32), fps=500), camkit.Recorder(path)).run(frames=2)
    with pytest.raises(camkit.CameraNotFound, match="cannot examine a recording"):
        camkit.doctor.examine(path)
