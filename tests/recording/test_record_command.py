"""`camkit record`, and `camkit run` of what it made."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from camkit.cli import main
from tests.recording.conftest import Kept, play

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "json.md").read_text()

SYNTHETIC = ["--source", "synthetic", "--size", "64x32", "--fps", "200"]


def test_the_command_records_and_accounts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.mcap"
    assert main(["record", str(path), *SYNTHETIC, "--frames", "7", "--json"]) == 0
    printed = capsys.readouterr()
    report = json.loads(printed.out)
    lost = report["frames"]["dropped"]["driver"]  # by a camera whose reader was late, as on a busy machine
    assert report["frames"] == {
        "captured": 7 + lost, "recorded": 7, "dropped": {"driver": lost, "corrupt": 0, "pool": 0, "pipeline": 0},
    }  # fmt: skip
    assert report["file"]["bytes"] == path.stat().st_size and report["file"]["complete"] is True
    assert f"{7 + lost} captured, 7 recorded, {lost} dropped" in printed.err
    section = DOCUMENT[DOCUMENT.index("## `camkit record") :]
    for name in ("file", "frames"):
        for field in report[name]:
            assert f"`{name}.{field}" in section
    assert main(["run", "--source", str(path), "--display", "none", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["frames"]["delivered"] == 7
    assert main(["info", str(path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["recording"]["frames"] == 7 and told["recording"]["info"]["kind"] == "synthetic"
    assert told["recording"]["indexed"] is True and told["recording"]["damage"] is None
    assert [size["fps"] for size in told["formats"][0]["sizes"]] == [[200.0]]
    assert main(["info", str(path)]) == 0
    assert "recording of Synthetic camera (synthetic, camkit), 7 frames" in capsys.readouterr().out
    assert main(["list", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["cameras"][-1]["path"] == str(path)


def test_the_command_refuses_what_it_cannot_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.mcap"
    for arguments, code, words in (
        ([str(tmp_path / "a.avi")], 2, "does not end in .mcap"),
        ([str(tmp_path / "no" / "a.mcap")], 2, "there is no folder"),
        ([str(path), "--source", "/dev/none"], 3, "/dev/none"),
    ):
        assert main(["record", *arguments]) == code
        assert words in capsys.readouterr().err
    path.write_text("mine")
    assert main(["record", str(path), *SYNTHETIC, "--frames", "1"]) == 2
    assert "--overwrite replaces it" in capsys.readouterr().err and path.read_text() == "mine"
    assert main(["record", str(path), *SYNTHETIC, "--frames", "1", "--overwrite", "--compression", "zstd"]) == 0
    assert len(play(path)) == 1


def test_the_command_plays_a_damaged_file_up_to_the_damage(
    path: Path, ten: tuple[bytes, list[Kept]], capsys: pytest.CaptureFixture[str]
) -> None:
    path.write_bytes(ten[0][: len(ten[0]) // 2])
    assert main(["run", "--source", str(path), "--display", "none", "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["error"]["type"] == "RecordingDamaged" and 0 < report["frames"]["delivered"] < 10
    assert main(["list", str(path)]) == 0
    assert "is damaged" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_recording_whole(tmp_path: Path, number: signal.Signals) -> None:
    path = tmp_path / "a.mcap"
    command = [sys.executable, "-W", "error", "-m", "camkit", "record", path, *SYNTHETIC, "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not path.exists() or path.stat().st_size < 100_000:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(number)
    out, err = process.communicate(timeout=200)
    assert process.returncode == 0, err
    report = json.loads(out)
    frames = report["frames"]
    assert report["file"]["complete"] is True
    assert frames["captured"] == frames["recorded"] + sum(frames["dropped"].values())
    assert len(play(path)) == frames["recorded"]


def test_a_full_disk_fails_the_command(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    done = subprocess.run(
        [sys.executable, "-m", "camkit", "record", path, "--source", "synthetic", "--json"],
        capture_output=True,
        text=True,
        timeout=200,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (5_000_000, 5_000_000)),
    )
    report = json.loads(done.stdout)
    assert done.returncode == 1 and report["error"]["type"] == "RecordError", done.stderr
    assert "File too large" in report["error"]["message"] and report["file"]["complete"] is True
    frames = report["frames"]
    assert len(play(path)) == frames["recorded"] == 8
    assert frames["captured"] == 8 + sum(frames["dropped"].values()) and frames["dropped"]["pipeline"] > 0
