"""The doctor on real drivers: a healthy camera gets no false alarm, and every fault is found by the check for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import pytest

from camkit.camera_capture._v4l2.device import Device
from camkit.camera_capture.registry import list_controls
from camkit.cli.doctor import code_of_report
from camkit.doctor import Verdict, examine
from camkit.doctor.checks.controls import settings
from tests.kernel.patients import Saboteur, again_and_again, alarms, told, when

CAMKIT = [sys.executable, "-m", "camkit"]


def mapped(path):
    with open("/proc/self/maps") as maps:
        return path in maps.read()


@pytest.fixture
def moving(vivid):
    """Give a vivid device with its counter in the picture, so that pictures differ."""
    vivid.set("OSD Text Mode", 0)
    return vivid


@pytest.fixture
def each_moving(any_vivid):
    """Give the vivid device of each API likewise."""
    any_vivid.set("OSD Text Mode", 0)
    return any_vivid


def test_a_healthy_vivid_gets_no_alarm_and_is_left_as_it_was(each_moving, open_files):
    with Device(each_moving.path) as device:
        before = device.set_format(device.codes()[-1][0], 320, 180), settings(list_controls(each_moving.path))
    things = open_files()
    report = examine(each_moving.path, length="quick")
    assert alarms(report) == {}
    # vivid stamps the end of the frame before it is there.
    assert "in the future" in report.finding("timestamps").summary
    assert report.finding("timestamps").verdict in (Verdict.NOTE, Verdict.PROBLEM)  # which it was once, see above
    assert report.finding("io").evidence["memory"] == ["mmap", "userptr", "dmabuf"]
    assert report.finding("io").evidence["ways"]["mmap"].startswith('io="mmap"')
    assert report.finding("formats").evidence["tried"] > 0
    assert (report.error, report.interrupted) == (None, False)
    with Device(each_moving.path, write=False) as device:
        assert (device.current(), settings(list_controls(each_moving.path))) == before
    assert open_files() == things


def test_a_timestamp_of_the_start_is_fine(moving):
    moving.set("Timestamp Source", 1)
    report = examine(moving.path, length="quick", only=["timestamps"])
    evidence = report.finding("timestamps").evidence
    assert (evidence["in_the_future"], evidence["stamp"].keys()) == (0, {"start_of_exposure"})


def test_lost_frames_are_found_and_counted(moving):
    moving.set("Percentage of Dropped Buffers", 30)
    report = examine(moving.path, length="quick", only=["sequence"])
    finding = report.finding("sequence")
    assert finding.verdict is Verdict.PROBLEM and "were lost" in finding.summary
    assert finding.evidence["lost_percent"] > 2  # a busy host makes the driver lose more
    assert code_of_report(report) == 10


@pytest.mark.parametrize("width", [1, 2], ids=["64 bits", "32 bits"])
def test_a_time_that_is_none_is_found(moving, width):
    moving.set("Wrap Timestamp", width)
    report = examine(moving.path, length="quick", only=["timestamps"])
    finding = report.finding("timestamps")
    assert finding.verdict is Verdict.PROBLEM and "away from the monotonic clock" in finding.summary


def test_frames_that_the_driver_marks_are_found(each_moving):
    with again_and_again(lambda: each_moving.set("Inject V4L2_BUF_FLAG_ERROR"), 0.02):
        report = examine(each_moving.path, length="quick", only=["payload"])
    finding = report.finding("payload")
    assert finding.verdict is Verdict.PROBLEM
    assert finding.evidence["damaged"]["marked as damaged by the driver"] >= 3


def test_a_start_that_fails_is_found(each_moving):
    harm = Saboteur("starts", lambda: each_moving.set("Inject VIDIOC_STREAMON Error"))
    report = examine(each_moving.path, length="quick", only=["starts"], watcher=harm)
    finding = report.finding("starts")
    assert finding.verdict is Verdict.PROBLEM and "1 of" in finding.summary
    assert len(finding.evidence["failures"]) == 1
    assert finding.evidence["open_files"][0] == finding.evidence["open_files"][1]


def test_a_mode_that_is_refused_is_found(each_moving):
    harm = Saboteur("modes", lambda: each_moving.set("Inject VIDIOC_REQBUFS Error"))
    finding = examine(each_moving.path, length="quick", only=["modes"], watcher=harm).finding("modes")
    assert finding.verdict is Verdict.PROBLEM
    assert [row["why"] for row in finding.evidence["failed"]] == ["cannot get 4 buffers: Invalid argument"]


def test_a_stream_that_breaks_off_is_found(moving):
    with again_and_again(lambda: moving.set("Inject Fatal Streaming Error")):
        finding = examine(moving.path, length="quick", only=["stream"]).finding("stream")
    assert finding.verdict is Verdict.PROBLEM and "broke off" in finding.summary


def test_a_silent_camera_is_found(moving):
    moving.set("Percentage of Dropped Buffers", 100)
    finding = examine(moving.path, length="quick", only=["stream"]).finding("stream")
    assert finding.verdict is Verdict.PROBLEM and "no frame" in finding.summary


@pytest.mark.smoke
def test_a_camera_that_goes_away_ends_the_examination_with_a_report(moving):
    ends = []
    harm = Saboteur("stream", lambda: ends.append(when(lambda: mapped(moving.path), lambda: moving.set("Disconnect"))))
    report = examine(moving.path, length="quick", only=["stream", "sequence", "starts"], watcher=harm)
    ends[0]()
    assert report.finding("stream").verdict is Verdict.PROBLEM
    assert "went away" in report.finding("stream").summary
    assert report.finding("starts").summary == "the camera is gone"
    assert code_of_report(report) == 6


def test_an_interrupted_examination_leaves_the_camera_as_it_was(moving):
    def press() -> None:
        raise KeyboardInterrupt

    with Device(moving.path) as device:
        before = device.set_format(*device.codes()[0][:1], 320, 180)
    report = examine(
        moving.path, length="quick", only=["rates", "modes", "starts", "settings"], watcher=Saboteur("starts", press)
    )
    assert report.interrupted and report.finding("modes").verdict is Verdict.OK
    assert {report.finding(name).summary for name in ("starts", "settings")} == {"interrupted"}
    with Device(moving.path, write=False) as device:
        assert device.current() == before
    assert code_of_report(report) == 1


def test_a_camera_in_use_is_reported_with_who_has_it(vivid):
    process = subprocess.Popen([*CAMKIT, "run", "--source", vivid.path, "--display", "none"], stderr=subprocess.DEVNULL)
    try:
        report = examine_when_streaming(vivid.path, process.pid)
    finally:
        process.kill()
        process.wait()
    finding = report.finding("access")
    assert finding.verdict is Verdict.PROBLEM and f"process {process.pid} (" in finding.summary
    assert [row["pid"] for row in finding.evidence["open_in"] if row["streams"]] == [process.pid]
    assert report.finding("formats").verdict is Verdict.OK, "asking is possible all the same"
    assert report.finding("modes").verdict is Verdict.NOT_POSSIBLE
    assert code_of_report(report) == 4


def examine_when_streaming(path, pid):
    while True:
        with open(f"/proc/{pid}/maps") as maps:
            if path in maps.read():
                return examine(path, length="quick", only=["formats", "modes"])
        time.sleep(0.02)


@pytest.mark.parametrize("named", [True, False], ids=["named", "auto"])
def test_a_camera_that_may_not_be_opened_is_reported(vivid, named):
    os.seteuid(65534)
    try:
        report = examine(vivid.path if named else "auto", length="quick")
    finally:
        os.seteuid(0)
    assert report.finding("access").verdict is Verdict.PROBLEM
    assert "permission denied" in report.finding("access").summary
    assert report.finding("stream").verdict is Verdict.NOT_POSSIBLE
    assert code_of_report(report) == 9


def test_controls_are_set_only_with_consent_and_put_back(moving):
    names = {row["name"] for row in list_controls(moving.path)}
    before = settings(list_controls(moving.path))
    report = examine(moving.path, length="quick", only=["controls"])
    assert report.finding("controls").evidence == {"controls": len(names), "wrong": [], "set": None}
    report = examine(moving.path, length="full", only=["controls"], set_controls=True)
    finding = report.finding("controls")
    assert finding.verdict is Verdict.OK, finding
    assert finding.evidence["set"] > 30 and not finding.evidence["not_put_back"]
    # vivid's `standard` begins active and is not once its signal was touched, though that is as before.
    after = settings(list_controls(moving.path))
    assert after.items() <= before.items() and set(before) - set(after) <= {"standard"}


# ---- a driver that fills buffers which are held ----------------------------------------------------------------------


def test_buffers_that_are_written_again_are_found(loopback):
    loopback.feed("YUYV", 64, 32)
    loopback.write(bytes(64 * 32 * 2))
    number = iter(range(1, 1 << 30))
    with again_and_again(lambda: loopback.write(next(number).to_bytes(4, "little") * (64 * 32 // 2)), 0.01):
        report = examine(loopback.path, length="quick", only=["tearing", "restart"])
    finding = report.finding("tearing")
    assert finding.verdict is Verdict.PROBLEM and "written again while they were held" in finding.summary, told(report)
    assert "camkit copies each frame of this driver" in finding.meaning
    # So whoever uses camkit does not see it.
    assert report.finding("restart").evidence["held_frame_unchanged"]


# ---- the command -----------------------------------------------------------------------------------------------------


def test_the_command_reports_a_fault_and_says_so_by_its_code(vivid, tmp_path):
    vivid.set("Percentage of Dropped Buffers", 40)
    page = tmp_path / "report.html"
    done = subprocess.run(
        [*CAMKIT, "doctor", vivid.path, "--quick", "--only", "sequence", "--json", "--output", str(page)],
        capture_output=True,
        text=True,
        timeout=800,
    )
    assert done.returncode == 10, done.stderr
    report = json.loads(done.stdout)
    assert report["camera"]["driver"] == report["machine"]["driver"]["name"] == "vivid"
    assert {row["name"]: row["verdict"] for row in report["checks"]}["sequence"] == "problem"
    assert "frame numbers" in page.read_text()
