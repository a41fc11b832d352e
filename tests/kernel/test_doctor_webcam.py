"""The doctor on webcams: a healthy one gets no false alarm, and every fault of it is found."""

from __future__ import annotations

import json

import pytest

from camkit.doctor import Verdict, examine
from tests.kernel.patients import Saboteur, again_and_again, alarms, when


@pytest.fixture
def sick(webcam):
    """Give a function that orders a fault of the webcam for good, and heal it after the test."""
    ordered: list[str] = []

    def order(fault: str, count: int = -1) -> None:
        ordered.append(fault)
        webcam.order(f"fault {fault} {count}")

    yield order
    for fault in ordered:
        webcam.order(f"fault {fault} 0")


def test_a_healthy_webcam_gets_no_alarm(webcam):
    report = examine(webcam.path, length="quick", set_controls=True)
    assert alarms(report) == {}
    assert report.finding("modes").evidence["listed"] >= 7
    assert report.machine["usb"][0]["vendor_id"] == "1d6b"
    assert any("camkit lab webcam" in line for line in report.machine["log"])
    # Where the host held the guest up, the time was over before the second format.
    looked_at = lambda report: {name.split()[0] for name in report.finding("payload").evidence["frames"]}  # noqa: E731
    while looked_at(report) != {"YUYV", "MJPG"}:
        report = examine(webcam.path, length="quick", only=["payload"])


def test_serial_numbers_stay_at_home(webcam):
    report = examine(webcam.path, length="quick", only=["access"])
    assert report.machine["usb"][0]["serial"] == "0001"
    assert report.as_dict()["camera"]["bus"] == report.info.bus, "the controller's number is no serial"
    assert not [line for line in report.as_dict()["machine"]["log"] if "SerialNumber: 0001" in line]
    assert report.as_dict()["machine"]["usb"][0]["serial"] == "(serial left out)"
    whole = report.as_dict(serials=True)
    assert [line for line in whole["machine"]["log"] if "SerialNumber: 0001" in line]


@pytest.mark.parametrize(
    ("fault", "words"),
    [("truncate", "without a JPEG's end"), ("corrupt", "JPEG")],
)
def test_a_damaged_jpeg_that_nobody_marks_is_found(webcam, sick, fault, words):
    sick(fault)
    finding = examine(webcam.path, length="quick", only=["payload"]).finding("payload")
    assert finding.verdict is Verdict.PROBLEM and words in finding.summary, finding


def test_frames_that_the_driver_hides_are_found_as_gaps(webcam, sick):
    assert alarms(examine(webcam.path, length="quick", only=["sequence"])) == {}
    with again_and_again(lambda: sick("errbit", 2), 0.3):
        finding = examine(webcam.path, length="quick", only=["sequence"]).finding("sequence")
    assert finding.verdict is Verdict.PROBLEM and finding.evidence["lost"] >= 2


def test_a_rate_that_is_not_kept_is_found(webcam, sick):
    sick("slow")
    report = examine(webcam.path, length="quick", only=["rates", "stream"])
    assert report.finding("rates").verdict is Verdict.PROBLEM
    assert report.finding("rates").evidence["rates"][0]["measured"] < 20
    assert report.finding("stream").verdict is not Verdict.OK


def test_a_mode_that_the_webcam_lists_and_refuses_is_found(webcam, sick):
    harm = Saboteur("modes", lambda: sick("commit"))
    finding = examine(webcam.path, length="quick", only=["modes"], watcher=harm).finding("modes")
    assert finding.verdict is Verdict.PROBLEM
    assert len(finding.evidence["failed"]) == finding.evidence["started"] >= 2
    assert "cannot start" in finding.evidence["failed"][0]["why"]


def test_a_webcam_that_falls_silent_is_found(webcam):
    before = json.loads(webcam.order("stat"))["frames"]
    end = when(lambda: json.loads(webcam.order("stat"))["frames"] > before + 2, lambda: webcam.order("freeze"))
    try:
        finding = examine(webcam.path, length="quick", only=["stream"]).finding("stream")
    finally:
        end()
        webcam.order("resume")
    assert finding.verdict is Verdict.PROBLEM and "no frame came for 2 s" in finding.summary


class Hand(Saboteur):
    """A user who unplugs and plugs in when asked to."""

    def __init__(self, webcam) -> None:
        super().__init__("", None)
        self.webcam = webcam

    def ask(self, text):
        super().ask(text)
        self.webcam.order(text.split()[0])  # unplug, plug


def test_unplugging_and_plugging_in_is_measured(webcam):
    hand = Hand(webcam)
    report = examine(webcam.path, length="quick", only=["reconnect"], watcher=hand)
    assert [text.split()[0] for text in hand.asked] == ["unplug", "plug"]
    finding = report.finding("reconnect")
    assert finding.verdict is Verdict.OK, finding
    assert finding.evidence["same_path"] and finding.evidence["path"] == webcam.path
    assert report.error is None


def test_a_user_who_does_nothing_is_told_so(webcam, monkeypatch):
    monkeypatch.setattr("camkit.doctor.examination.Examination.left", lambda exam: 1.0)
    finding = examine(webcam.path, length="quick", only=["reconnect"]).finding("reconnect")
    assert (finding.verdict, finding.summary) == (Verdict.NOT_POSSIBLE, "it was not unplugged in time")
