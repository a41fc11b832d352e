"""The command: what it prints, where, and with which exit code."""

import argparse
import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import camkit
from camkit.cli import main
from camkit.cli.arguments import parser
from camkit.cli.display import Display
from camkit.cli.exit_codes import MEANINGS, ExitCode, code_of, one_line
from camkit.cli.report import write_json
from camkit.cli.run import Run
from camkit.performance_core._queue import POLICIES

TOP = Path(__file__).resolve().parent.parent
DOCUMENT = (TOP / "docs" / "json.md").read_text()
CAMKIT = [sys.executable, "-W", "error", "-m", "camkit"]
SYNTHETIC = ["run", "--source", "synthetic"]
SHORT = [*SYNTHETIC, "--display", "none", "--fps", "200", "--frames", "6"]
FOR_EVER = [*SYNTHETIC, "--display", "none", "--fps", "200"]
NAMED = ("latency_us", "transfer.refused", "source.differences")  # objects whose keys depend on the run


def camkit_command(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    env = os.environ | options.pop("env", {})
    return subprocess.run([*CAMKIT, *arguments], capture_output=True, text=True, timeout=200, env=env, **options)


def last_object(printed: str) -> dict[str, Any]:
    """Return the JSON object that the output ends with."""
    found = re.search(r"^\{.*\}\n\Z", printed, re.MULTILINE | re.DOTALL)
    assert found, printed

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    value: dict[str, Any] = json.loads(found[0], parse_constant=refuse)
    return value


def balanced(frames: dict[str, Any]) -> bool:
    return bool(frames["captured"] == frames["delivered"] + sum(frames["dropped"].values()))


def leaves(value: Any, path: str = "") -> Iterator[str]:
    """Yield the dotted name of every field, with <name> for what depends on the run."""
    if isinstance(value, list) and all(isinstance(item, dict) for item in value):
        yield path
        yield from (name for item in value for name in leaves(item, f"{path}[]"))
        return
    if not isinstance(value, dict):
        yield path
        return
    for key, item in value.items():
        name = "<name>" if path in NAMED else key
        yield from leaves(item, f"{path}.{name}" if path else name)


def documented() -> set[str]:
    """Return the fields of the first table of docs/json.md."""
    return set(re.findall(r"^\| `([\w.<>\[\]]+)` \|", DOCUMENT.split("## Latencies")[0], re.MULTILINE))


def latency_names() -> set[str]:
    """Return the names in the second table of docs/json.md."""
    table = DOCUMENT.split("## Latencies")[1].split("\n## ")[0]
    return {name for cell in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", cell)}


class Terminal:
    """A process whose output is a terminal."""

    def __init__(self, *arguments: str) -> None:
        self.shown = ""
        self._ours, theirs = pty.openpty()
        env = os.environ | {"TERM": "xterm-256color", "COLUMNS": "100", "LINES": "40"}
        self.process = subprocess.Popen(
            [*CAMKIT, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=env, start_new_session=True
        )
        os.close(theirs)

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *args: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)

    def read(self) -> bool:
        """Take what is on the screen by now; False when the process has closed it."""
        if not select.select([self._ours], [], [], 60)[0]:
            raise AssertionError(f"nothing came for a minute after {self.shown!r}")
        try:
            text = os.read(self._ours, 65536)
        except OSError:  # Linux says EIO at the end of a terminal
            return False
        self.shown += text.decode(errors="replace")
        return bool(text)

    def wait_for(self, pattern: str) -> None:
        while not re.search(pattern, self.shown):
            assert self.read(), f"no {pattern!r} in {self.shown!r}"

    def end(self) -> int:
        while self.read():
            pass
        return self.process.wait(60)


# ---- list, info, help ------------------------------------------------------------------------------------------------


def test_the_version_is_the_packages() -> None:
    assert camkit_command("--version").stdout == f"camkit {camkit.__version__}\n"


@pytest.mark.parametrize("arguments", [[], ["run"], ["list"], ["info"], ["doctor"]])
def test_help_tells_the_exit_codes(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*arguments, "--help"]) == 0
    shown = capsys.readouterr().out
    for code, meaning in MEANINGS.items():
        assert f"  {code.value}  {meaning}\n" in shown


def test_the_document_tells_the_same_exit_codes() -> None:
    table = re.findall(r"^\| (\d+) \| (.*) \|$", DOCUMENT, re.MULTILINE)
    assert table == [(str(code.value), meaning) for code, meaning in MEANINGS.items()]


def test_list_shows_what_list_cameras_gives(capsys: pytest.CaptureFixture[str]) -> None:
    cameras = camkit.list_cameras()
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["device", "name", "driver", "bus", "id"]
    assert [line.split()[0] for line in lines[1:]] == [str(info) for info in cameras]
    assert main(["list", "--json"]) == 0
    assert [row["id"] for row in json.loads(capsys.readouterr().out)["cameras"]] == [info.id for info in cameras]


def test_info_shows_every_format(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "synthetic"]) == 0
    shown = capsys.readouterr().out
    assert main(["info", "synthetic", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["kind"] == told["id"] == "synthetic"
    names = {row["name"] for row in told["formats"]}
    assert names == {name for name, row in camkit.FORMATS.items() if not row.compressed}
    assert {line.split()[0] for line in shown.splitlines() if "test pattern" in line} == names
    for key in told["formats"][0] | told["formats"][0]["sizes"][0] | told:
        assert f"`{key}`" in DOCUMENT


# ---- a run -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [["list"], ["info", "synthetic"], ["run", "--help"]], ids=" ".join)
def test_no_line_ends_with_blanks(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    main(arguments)
    assert not [line for line in capsys.readouterr().out.splitlines() if line.endswith(" ")]


@pytest.mark.parametrize("display", ["none", "headless"])
def test_a_run_accounts_for_every_frame(display: str, tmp_path: Path) -> None:
    picture = tmp_path / "last.png"
    done = camkit_command(
        *SYNTHETIC, "--size", "320x240", "--fps", "100", "--frames", "20", "--display", display, "--json",
        "--snapshot", str(picture), "--buffers", "32",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = last_object(done.stdout)
    assert done.stdout.lstrip().startswith("{")
    frames, source = report["frames"], report["source"]
    assert frames["delivered"] == 20
    assert balanced(frames)
    assert (source["kind"], source["format"], source["width"], source["height"]) == ("synthetic", "YUYV", 320, 240)
    assert (source["stride"], source["fps"], source["memory"]) == (640, 100.0, "heap")
    assert report["wall_s"] > 0 and report["cpu_s"] > 0 and report["fps_measured"] > 0
    assert report["latency_us"]["dequeue"]["count"] >= 20
    assert report["error"] is None and report["snapshot"] == str(picture)
    assert "captured" in done.stderr and picture.name in done.stderr, "the summary for people"
    if display == "headless":
        assert frames["displayed"] == 20
        assert report["latency_us"]["capture_to_gl"]["count"] == 20
        assert report["gl"]["headless"] is True and report["gl"]["renderer"]
        assert report["transfer"]["path"] not in {None, *report["transfer"]["refused"]}
        size = 320 * 240 * 2
        assert report["copies"] == {"per_frame": 1, "bytes_per_frame": size, "total": 20, "total_bytes": 20 * size}
    else:
        assert report["gl"] is None and report["transfer"] == {"path": None, "refused": {}}
        assert frames["displayed"] == 0
    check_bars(picture, (320, 240))


def check_bars(picture: Path, size: tuple[int, int]) -> None:
    """Compare the middle of each bar with the colour it was drawn in; limited range loses up to 2 levels."""
    from camkit.camera_capture import bar_colours

    shown = np.asarray(Image.open(picture).convert("RGB"))
    assert shown.shape == (size[1], size[0], 3)
    colours = bar_colours()
    step = size[0] // len(colours) // 2 * 2
    for i, colour in enumerate(colours):
        got = shown[size[1] // 2, i * step + step // 2].astype(int)
        assert np.abs(got - colour).max() <= 2, f"bar {i} is {got}, not {colour}"


@pytest.mark.parametrize("display", ["none", "headless"])
def test_the_document_has_every_field_and_no_other(display: str) -> None:
    done = camkit_command(*SYNTHETIC, "--display", display, "--frames", "2", "--fps", "100", "--nearest",
                          "--size", "33x33", "--json")  # fmt: skip
    report = last_object(done.stdout)
    assert report["source"]["differences"]["size"]["asked"] == [33, 33]
    assert set(report["latency_us"]) <= set(latency_names())
    failed = last_object(camkit_command(*SYNTHETIC, "--size", "1x1", "--json").stdout)
    assert failed.keys() == {"error"}
    fields = set(leaves(report)) | set(leaves(failed))
    if display == "headless":
        # Whether a way of transfer was refused depends on the machine.
        elsewhere = {name for name in documented() if name.startswith("pacing.")}  # of a window, in test_pacing.py
        assert documented() - {"transfer.refused.<name>"} - elsewhere == fields - {
            "transfer.refused",
            "transfer.refused.<name>",
        } | {"gl"}
    else:
        assert fields - {"transfer.refused"} <= documented()


def test_without_json_stdout_is_for_people() -> None:
    done = camkit_command(*SHORT)
    assert done.returncode == 0
    assert done.stderr == ""
    assert "6 captured, 6 delivered, 0 displayed, 0 dropped" in done.stdout
    assert re.search(r"dequeue +[\d.]+ [mu]s", done.stdout)
    assert "\x1b" not in done.stdout, "nothing moves where there is no terminal"


def test_auto_says_what_it_took() -> None:
    done = camkit_command("run", "--display", "none", "--frames", "2")
    assert done.returncode == 0
    taken = next(info for info in camkit.list_cameras() if not info.problem)
    assert done.stderr.startswith(f"camkit: --source auto takes {str(taken)!r}")


def test_nearest_says_what_it_got() -> None:
    done = camkit_command(*SHORT, "--nearest", "--size", "10x10")
    assert done.returncode == 0
    assert "camkit: size is (64, 32), the nearest to (10, 10)\n" in done.stderr


def test_seconds_end_a_run() -> None:
    done = camkit_command(*FOR_EVER, "--seconds", "0.3", "--json")
    assert done.returncode == 0
    report = last_object(done.stdout)
    assert report["wall_s"] >= 0.3
    assert balanced(report["frames"])


@pytest.mark.parametrize("policy", POLICIES)
def test_a_policy_reaches_the_pipeline(policy: str) -> None:
    report = last_object(camkit_command(*SHORT, "--policy", policy, "--json").stdout)
    assert report["policy"]["full_queue"] == policy
    assert balanced(report["frames"])


@pytest.mark.parametrize("transfer", ["client", "pbo"])
def test_a_transfer_can_be_chosen(transfer: str) -> None:
    done = camkit_command(*SYNTHETIC, "--frames", "3", "--display", "headless", "--transfer", transfer, "--json")
    assert done.returncode == 0, done.stderr
    assert last_object(done.stdout)["transfer"]["path"] == transfer


def test_auto_opens_a_window_where_there_is_a_screen(tmp_path: Path) -> None:
    xvfb_run = shutil.which("xvfb-run")
    assert xvfb_run, "xvfb-run is missing: apt-get install xvfb"
    done = subprocess.run(
        [xvfb_run, "-a", *CAMKIT, *SYNTHETIC, "--frames", "10", "--json", "--snapshot", str(tmp_path / "w.png")],
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    report = last_object(done.stdout)
    assert report["gl"]["headless"] is False
    assert report["frames"]["displayed"] == 10
    check_bars(tmp_path / "w.png", (640, 480))


def test_the_first_error_is_heard_where_a_thread_keeps_the_context() -> None:
    args = argparse.Namespace(display="headless", snapshot=None, transfer="client", buffers=4)
    with ThreadPoolExecutor(1) as other, camkit.open("synthetic", size=(64, 48)) as camera:
        with pytest.raises(ZeroDivisionError), Display(args, camera) as display:
            (drawing,) = display.nodes
            other.submit(drawing.start).result()
            raise ZeroDivisionError
        other.submit(drawing.stop).result()


def test_auto_says_why_it_is_headless() -> None:
    done = camkit_command(*SYNTHETIC, "--frames", "2", "--json", env={"DISPLAY": "", "WAYLAND_DISPLAY": ""})
    assert done.returncode == 0
    assert done.stderr.startswith("camkit: --display auto is headless: cannot open a window")
    assert last_object(done.stdout)["gl"]["headless"] is True


@pytest.mark.parametrize("buffers", ["2", "3"])
def test_a_snapshot_without_a_gpu_does_not_starve_the_camera(buffers: str, tmp_path: Path) -> None:
    done = camkit_command(
        *SHORT, "--buffers", buffers, "--on-exhausted", "block", "--timeout", "2", "--snapshot", str(tmp_path / "s.png")
    )
    assert done.returncode == 0, done.stderr
    check_bars(tmp_path / "s.png", (640, 480))


# ---- failures --------------------------------------------------------------------------------------------------------

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
    done = camkit_command(*SYNTHETIC, "--display", "none", "--fps", "0.1", "--timeout", "0.2", "--json")
    assert done.returncode == ExitCode.TIMEOUT
    report = last_object(done.stdout)
    assert report["frames"]["delivered"] == 1
    assert report["error"]["type"] == "CameraTimeout"
    assert done.stderr.splitlines()[-1] == f"camkit: {report['error']['message']}"


def test_a_run_without_a_frame_is_a_failure(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    args = parser().parse_args(
        [*SYNTHETIC, "--display", "none", "--seconds", "0.2", "--json", "--snapshot", str(tmp_path / "s.png")]
    )
    with camkit.SyntheticCamera(fps=100, damage=1.0) as camera, Display(args, camera) as display:
        assert Run(args, camera, display).run() == ExitCode.FAILED
    printed = capsys.readouterr()
    assert printed.err.splitlines()[-1].startswith("camkit: no frame came from 'synthetic' in 0.")
    report = last_object(printed.out)
    assert report["error"]["type"] == "NoFrames"
    assert report["frames"]["dropped"]["corrupt"] > 0 and balanced(report["frames"])
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


# ---- terminals, signals, pipes ---------------------------------------------------------------------------------------


def test_a_terminal_shows_a_live_table_and_a_bar() -> None:
    with Terminal(*SYNTHETIC, "--display", "none", "--fps", "100", "--seconds", "1") as terminal:
        assert terminal.end() == 0
    live, summary = terminal.shown.rsplit("captured", 1)
    assert len(re.findall("captured", live)) >= 2, "the table was drawn again and again"
    assert "\u2501" in live and "\x1b[" in live
    assert "\u2501" not in summary


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_run_with_its_summary(how: signal.Signals) -> None:
    with Terminal(*FOR_EVER) as terminal:
        terminal.wait_for(r"[1-9]\d* delivered")
        terminal.process.send_signal(how)
        assert terminal.end() == 0
    assert "Traceback" not in terminal.shown
    assert re.search(r"[1-9]\d* delivered", terminal.shown[-1500:])


def test_control_c_ends_with_the_json_object() -> None:
    with Terminal(*FOR_EVER, "--json") as terminal:
        terminal.wait_for(r"[1-9]\d* delivered")
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.end() == 0
    report = last_object(terminal.shown.replace("\r\n", "\n"))
    assert report["frames"]["delivered"] > 0 and balanced(report["frames"])
    assert report["error"] is None


def test_a_run_leaves_a_report_and_a_trace(tmp_path: Path) -> None:
    page, trace = tmp_path / "r.html", tmp_path / "t.json"
    done = camkit_command(*SHORT, "--report", str(page), "--trace", str(trace), "--json")
    assert done.returncode == 0, done.stderr
    report = last_object(done.stdout)
    assert (report["report"], report["trace"]) == (str(page), str(trace))
    assert str(page) in done.stderr and str(trace) in done.stderr
    found = re.search('<script type="application/json" id="stats">(.*)</script>', page.read_text())
    assert found
    shown = json.loads(found[1])
    assert (shown["frames"], shown["latency_us"]) == (report["frames"], report["latency_us"])
    events = json.loads(trace.read_text())["traceEvents"]
    assert sum(event["ph"] == "B" and event["cat"] == "sink" for event in events) == 6


def test_control_c_leaves_a_trace_too(tmp_path: Path) -> None:
    trace = tmp_path / "t.json"
    with Terminal(*FOR_EVER, "--trace", str(trace)) as terminal:
        terminal.wait_for(r"[1-9]\d* delivered")
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.end() == 0
    assert json.loads(trace.read_text())["otherData"]["stats"]["frames"]["delivered"] > 0


def test_a_trace_that_cannot_be_written_is_told_before_the_run(tmp_path: Path) -> None:
    done = camkit_command(*SHORT, "--trace", "/proc/t.json")
    assert done.returncode == ExitCode.FAILED and "cannot write the trace '/proc/t.json': " in done.stderr
    assert "captured" not in done.stdout


@pytest.mark.parametrize("arguments", [["info", "synthetic"], ["--help"], [*SHORT, "--json"], ["list", "--json"]])
def test_a_reader_that_has_had_enough_is_no_news(arguments: list[str]) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    done = subprocess.run([*CAMKIT, *arguments], stdout=theirs, stderr=subprocess.PIPE, text=True, timeout=200)
    os.close(theirs)
    assert "Traceback" not in done.stderr and "Broken" not in done.stderr and "Exception" not in done.stderr


@pytest.mark.parametrize("arguments", [["list"], ["list", "--json"], SHORT, [*SHORT, "--json"]])
def test_a_full_disk_is_one_line(arguments: list[str]) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run([*CAMKIT, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, timeout=200)
    assert done.returncode == ExitCode.FAILED
    assert done.stderr.endswith("camkit: No space left on device\n")
    assert done.stderr.count("camkit: ") == 1 and "Traceback" not in done.stderr


def test_closed_output_is_survived() -> None:
    done = subprocess.run(["sh", "-c", 'exec "$@" >&- 2>&-', "sh", *CAMKIT, *SHORT, "--json"], timeout=200)
    assert done.returncode == 0
