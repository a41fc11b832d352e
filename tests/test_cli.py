"""The command: what it prints, where, and with which exit code."""

import argparse
import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import camkit
from camkit.cli import main
from camkit.cli.display import Display
from camkit.cli.exit_codes import MEANINGS
from camkit.performance_core._queue import POLICIES
from tests.command import DOCUMENT, FOR_EVER, SHORT, SYNTHETIC, balanced, camkit_command, last_object
from tests.xscreen import lone_screen

NAMED = ("latency_us", "transfer.refused", "source.differences")  # objects whose keys depend on the run


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
    with lone_screen(tmp_path) as screen:
        done = camkit_command(
            *SYNTHETIC, "--frames", "10", "--json", "--snapshot", str(tmp_path / "w.png"),
            env={"DISPLAY": screen.display, "WAYLAND_DISPLAY": ""},
        )  # fmt: skip
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
    starved = ("--on-exhausted", "block", "--timeout", "60")
    done = camkit_command(*SHORT, "--buffers", buffers, *starved, "--snapshot", str(tmp_path / "s.png"))
    assert done.returncode == 0, done.stderr
    check_bars(tmp_path / "s.png", (640, 480))
