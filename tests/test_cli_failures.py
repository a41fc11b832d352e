"""The command that fails: one line, an exit code of its own, and a JSON object."""

import json
import re
import sys
from pathlib import Path

import pytest

import camkit
from camkit.cli import main
from camkit.cli.arguments import parser
from camkit.cli.display import Display
from camkit.cli.exit_codes import ExitCode, code_of, one_line
from camkit.cli.report import write_json
from camkit.cli.run import Run
from tests.command import SHORT, SYNTHETIC, balanced, camkit_command, last_object

WRONG = [
    ([], "COMMAND"),
    (["fly"], "'fly'"),
    (["run", "--size", "big"], "--size: 'big' is not a size such as 1280x720"),
    (["run", "--size", "0x480"], "'0x480' is not a size"),
    (["run", "--size", "640x-480"], "'640x-480' is not a size"),
    (["run", "--size", "99999999999x1"], "is not a size"),
    (["run", "--fps", "-1"], "--fps: '-1' is not a number above 0"),
    (["run", "--fps", "nan"], "'nan' is not a number above 0"),
    (["run", "--fps", "1e400"], "'1e400' is not a number above 0"),
    (["run", "--frames", "0"], "'0' is not a whole number above 0"),
    (["run", "--frames", "1.5"], "'1.5' is not a whole number above 0"),
    (["run", "--frames", "9" * 30], "is not a whole number above 0"),
    (["run", "--seconds", "inf"], "'inf' is not a number above 0"),
    (["run", "--frames", "3", "--seconds", "3"], "not allowed with argument"),
    (["run", "--policy", "hope"], "'hope'"),
    (["run", "--display", "wall"], "'wall'"),
    (["run", "--buffers", "1"], "buffers is 1"),
    (["run", "--buffers", "9999"], "buffers is 9999"),
    (["run", "--snapshot", "s.jpg"], "'s.jpg' does not end in .png"),
    (["run", "--snapshot", "/nowhere/s.png"], "there is no folder '/nowhere'"),
    (["run", "--trace", "/nowhere/t.json"], "there is no folder '/nowhere'"),
    (["run", "--trace", "t.html"], "'t.html' does not end in .json"),
    (["run", "--report", "r.json"], "'r.json' does not end in .html"),
    (["run", "--source", ""], "source is ''"),
    (["run", "--source", "synthetic", "--io", "mmap"], "a synthetic camera has no option 'io'"),
    (["run", "--source", "synthetic", "--crop", "4x4+0+0"], "a synthetic camera has no option 'crop'"),
    (["run", "--sauce", "synthetic"], "--sauce"),
    (["run", "extra"], "extra"),
    (["info"], "DEVICE"),
    (["info", ""], "source is ''"),
    (["list", "--size", "1x1"], "--size"),
]


@pytest.mark.parametrize(("arguments", "words"), WRONG, ids=lambda value: " ".join(value)[:40] or "nothing")
def test_a_bad_argument_is_one_line_and_code_2(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("camkit: ") and printed.err.count("\n") == 1
    assert words in printed.err


FAILURES = [
    (["run", "--source", "/dev/no-such-camera"], 3, "CameraNotFound", "'/dev/no-such-camera'"),
    (["run", "--source", "/dev/null"], 3, "CameraNotFound", "'/dev/null'"),
    (["run", "--source", "no such id"], 3, "CameraNotFound", "there are"),
    (["run", "--source", "999"], 3, "CameraNotFound", "'/dev/video999'"),
    (["info", "/dev/null"], 3, "CameraNotFound", "not a camera"),
    ([*SYNTHETIC, "--format", "MJPG"], 5, "FormatNotSupported", "--nearest takes it"),
    ([*SYNTHETIC, "--format", "ZZZZ"], 5, "FormatNotSupported", "'ZZZZ' is not known; camkit has YUYV"),
    ([*SYNTHETIC, "--size", "10x10"], 5, "FormatNotSupported", "nearest is YUYV 64x32@30"),
    ([*SYNTHETIC, "--fps", "5000"], 5, "FormatNotSupported", "@1000"),
    ([*SYNTHETIC, "--display", "window", "--frames", "1"], 8, "GLError", "--display headless"),
]


@pytest.mark.parametrize(("arguments", "code", "kind", "words"), FAILURES, ids=lambda value: str(value)[-40:])
def test_a_failure_is_one_line_and_a_code_of_its_own(arguments: list[str], code: int, kind: str, words: str) -> None:
    done = camkit_command(*arguments, "--json", env={"DISPLAY": "", "WAYLAND_DISPLAY": ""})
    assert done.returncode == code
    assert done.stderr.startswith("camkit: ") and done.stderr.count("\n") == 1
    assert words in done.stderr
    error = json.loads(done.stdout)["error"]
    assert error == {"type": kind, "message": done.stderr[8:-1], "exit_code": code}


def test_a_bad_argument_with_json_is_an_object_too() -> None:
    done = camkit_command("run", "--size", "big", "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["exit_code"] == 2


def test_a_camera_that_stops_keeps_its_account() -> None:
    done = camkit_command(*SYNTHETIC, "--display", "none", "--fps", "0.1", "--timeout", "3", "--json")
    assert done.returncode == ExitCode.TIMEOUT
    report = last_object(done.stdout)
    assert report["frames"]["delivered"] == 1
    assert report["error"]["type"] == "CameraTimeout"
    assert done.stderr.splitlines()[-1] == f"camkit: {report['error']['message']}"


def test_a_run_without_a_frame_is_a_failure(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    args = parser().parse_args([*SYNTHETIC, "--display", "none", "--json", "--snapshot", str(tmp_path / "s.png")])
    options = {"damage": 1.0, "realtime": False, "frames": 7}
    with camkit.SyntheticCamera(**options) as camera, Display(args, camera) as display:
        assert Run(args, camera, display).run() == ExitCode.FAILED
    printed = capsys.readouterr()
    assert re.fullmatch(r"camkit: no frame came from 'synthetic' in \d+\.\d s", printed.err.splitlines()[-1])
    report = last_object(printed.out)
    assert report["error"]["type"] == "NoFrames"
    assert report["frames"]["dropped"]["corrupt"] == 7 and balanced(report["frames"])
    assert not (tmp_path / "s.png").exists()


def test_a_snapshot_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "loop.png").symlink_to("loop.png")
    done = camkit_command(*SHORT, "--snapshot", str(tmp_path / "loop.png"), "--json")
    assert done.returncode == ExitCode.FAILED
    assert "camkit: cannot write the snapshot" in done.stderr
    report = last_object(done.stdout)
    assert report["frames"]["delivered"] == 6 and report["snapshot"] is None


def test_a_traceback_comes_on_request_only() -> None:
    wrong = ["run", "--source", "/dev/null"]
    assert "Traceback" not in camkit_command(*wrong).stderr
    done = camkit_command(*wrong, env={"CAMKIT_TRACEBACK": "1"})
    assert "Traceback" in done.stderr and done.returncode == 3


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (camkit.CameraNotFound(2, "gone", "/dev/video0"), ExitCode.NO_CAMERA),
        (camkit.CameraBusy(16, "busy", "/dev/video0"), ExitCode.BUSY),
        (camkit.CameraPermission(13, "closed", "/dev/video0"), ExitCode.PERMISSION),
        (camkit.FormatNotSupported("no"), ExitCode.FORMAT),
        (camkit.CameraDisconnected(19, "gone", "/dev/video0"), ExitCode.DISCONNECTED),
        (camkit.CameraTimeout(110, "slow", "/dev/video0"), ExitCode.TIMEOUT),
        (camkit.GLError("no"), ExitCode.GL),
        (camkit.ShaderError("no"), ExitCode.GL),
        (camkit.CameraError(5, "broken", "/dev/video0"), ExitCode.FAILED),
        (camkit.PoolExhausted("no"), ExitCode.FAILED),
        (ZeroDivisionError("no"), ExitCode.FAILED),
        (KeyboardInterrupt(), ExitCode.FAILED),
    ],
)
def test_every_error_has_its_code(error: BaseException, code: ExitCode) -> None:
    assert code_of(error) == code
    assert "\n" not in one_line(error) and "[Errno" not in one_line(error)
    wrapped = camkit.PipelineError("stage 'x' failed")
    wrapped.__cause__ = error
    assert code_of(wrapped) == code


def test_a_line_names_the_device_once() -> None:
    assert one_line(camkit.CameraBusy(16, "held by another", "/dev/video0")) == "'/dev/video0': held by another"
    assert one_line(camkit.CameraBusy(16, "cannot open '/dev/video0'", "/dev/video0")) == "cannot open '/dev/video0'"
    assert one_line(camkit.CameraBusy(16, "see `fuser /dev/video0`", "/dev/video0")).startswith("'/dev/video0': see")
    assert one_line(camkit.ShaderError("1: a\n\n2: b")) == "1: a 2: b"


def test_what_is_no_number_is_null(capsys: pytest.CaptureFixture[str]) -> None:
    write_json({"a": [float("nan"), 1.5], "b": {"c": float("inf")}, "d": (None, True)}, sys.stdout)
    assert json.loads(capsys.readouterr().out) == {"a": [None, 1.5], "b": {"c": None}, "d": [None, True]}
