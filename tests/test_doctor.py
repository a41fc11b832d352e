"""The doctor without hardware: it finds the synthetic camera's faults, and tells them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import camkit
from camkit.cli import main
from camkit.cli.doctor import as_told, code_of_report, ending
from camkit.doctor import CHECKS, Report, Verdict, camera_patient, examine, seconds
from camkit.doctor.examination import Silent
from camkit.doctor.kernel_log import kernel_log
from camkit.doctor.markdown import markdown
from camkit.doctor.page import page
from camkit.doctor.privacy import HIDDEN, without_serials
from camkit.doctor.sample import Sample

SECOND = 10**9
TOP = Path(__file__).resolve().parent.parent
DOCUMENT = (TOP / "docs" / "json.md").read_text()


def examined(late: dict[int, float] | None = None, **options: Any) -> Report:
    """Examine the synthetic camera as on a machine that is never busy: when frames came is worked out, not measured.

    `late` has seconds by frame number.
    """

    class Undisturbed(camera_patient.CameraStream):
        def __init__(self, camera: camkit.Camera) -> None:
            super().__init__(camera)
            self._came = self.started_ns

        def read(self, seconds: float) -> Sample | None:
            sample = super().read(seconds)
            if sample is not None and self.fps is not None:
                sample.timestamp_ns = self.started_ns + int(sample.sequence / self.fps * SECOND)
                before, held_back = self._came, (late or {}).get(sample.sequence, 0)
                # One that is held back holds up those behind it.
                self._came = max(before, sample.timestamp_ns + int((0.001 + held_back) * SECOND))
                sample.dequeue_ns, sample.waited_ns = self._came, self._came - before
            return sample

    only = options.pop("only", None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(camera_patient, "CameraStream", Undisturbed)
        return examine("synthetic", length="quick", only=only, options={"realtime": False, **options})


@pytest.fixture(scope="module")
def healthy() -> Report:
    return examined()


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
    report = examined(only=["sequence"], drop=0.2)
    finding = report.finding("sequence")
    assert finding.verdict is Verdict.PROBLEM and 8 < finding.evidence["lost_percent"] < 35
    assert finding.evidence["lost"] >= finding.evidence["gaps"] > 1
    assert (report.problems, code_of_report(report)) == (1, 10)


def test_damaged_frames_are_found() -> None:
    finding = examined(only=["payload"], damage=(3, 7, 8)).finding("payload")
    assert finding.verdict is Verdict.PROBLEM
    assert finding.evidence["damaged"] == {"marked as damaged by the driver": 3}


def test_a_damaged_first_frame_is_only_noted() -> None:
    finding = examined(only=["payload"], damage=(0,)).finding("payload")
    assert finding.verdict is Verdict.NOTE and "first frame" in finding.summary


def test_late_frames_are_found() -> None:
    finding = examined({10: 0.4, 30: 0.4}, only=["latency"]).finding("latency")
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


@pytest.mark.parametrize("count", [0, 1, 2])
def test_the_summary_counts_in_words(count: int) -> None:
    told = {"counts": {"problem": count, "note": 1, "ok": 4, "not_possible": 0}, "wall_s": 1.5, "interrupted": False}
    assert ending(told) == f"{count} problem{'' if count == 1 else 's'}, 1 note, 4 ok, 0 not possible; 1.5 s"


def test_the_command_tells_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "report.md"
    code = main(["doctor", "synthetic", "--quick", "--only", "sequence,io", "--output", str(file), "--json"])
    shown = capsys.readouterr()
    told = json.loads(shown.out)
    problems = told["counts"]["problem"]  # on a busy machine the camera does lose a frame
    assert code == (10 if problems else 0)
    assert [check["name"] for check in told["checks"]] == ["access", "io", "stream", "sequence"]
    assert told["error"] is None and told["interrupted"] is False
    assert "about 3 s at most" in shown.err and f"{problems} problem" in shown.err and "frame numbers" in shown.err
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
    out, err = process.communicate(timeout=200)
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
