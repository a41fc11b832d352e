"""The command in a terminal, with signals, and with an output that nobody reads."""

import json
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from camkit.cli.exit_codes import ExitCode
from tests.command import CAMKIT, FOR_EVER, SHORT, Terminal, balanced, camkit_command, last_object


def test_a_terminal_shows_a_live_table_and_a_bar() -> None:
    with Terminal(*FOR_EVER, "--frames", "1000000") as terminal:
        terminal.wait_for(r"(?s)(captured.*){3}")  # the table is drawn again and again
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.end() == 0
    live, summary = terminal.shown.rsplit("captured", 1)
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
