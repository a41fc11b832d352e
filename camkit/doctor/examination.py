"""Examination: the checks of the table, one after the other, on one camera."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from camkit.camera_capture.info import CameraInfo
from camkit.doctor.finding import Finding, NotPossible, Outcome, Verdict, words_of
from camkit.doctor.length import LENGTHS, PATIENCE_S, Length
from camkit.doctor.mode import Layout, Mode
from camkit.doctor.patient import Patient
from camkit.doctor.sample import Recording
from camkit.errors import CameraBusy, CameraDisconnected, CameraNotFound, CamkitError


class Check(NamedTuple):
    """A row of the table of checks."""

    name: str
    title: str
    examine: Callable[[Examination], Outcome]
    seconds: tuple[float, float, float]  # that it takes at most when quick, normal, full
    streams: bool = True  # it is not possible while another program has the camera
    after: tuple[str, ...] = ()  # checks whose result it builds on


class Watcher(Protocol):
    """Who is told how the examination goes on."""

    def began(self, check: Check, spent: float, total: float) -> None:
        """Tell that a check begins."""

    def ended(self, finding: Finding) -> None:
        """Tell what it found."""

    def ask(self, text: str) -> None:
        """Ask the user to do something."""

    def stopped(self) -> bool:
        """Tell whether no more checks are wanted."""


class Silent:
    """A watcher that looks on."""

    def began(self, check: Check, spent: float, total: float) -> None: ...

    def ended(self, finding: Finding) -> None: ...

    def ask(self, text: str) -> None: ...

    def stopped(self) -> bool:
        return False


class Try(NamedTuple):
    """A listed mode, and what TRY_FMT made of it: a layout, or why it was refused."""

    mode: Mode
    layout: Layout | None
    problem: str


@dataclass
class Examination:
    """What is known so far, for the checks that build on others.

    Attributes
    ----------
    info : CameraInfo
    patient : Patient or None
        None: it cannot be opened.
    length : Length
    may_set_controls : bool
        The user has agreed that controls are set.
    watcher : Watcher
    mode : Mode or None
        What is watched.
    """

    info: CameraInfo
    patient: Patient | None
    length: Length = "normal"
    may_set_controls: bool = False
    watcher: Watcher = field(default_factory=Silent)
    mode: Mode | None = None
    tries: list[Try] = field(default_factory=list)
    recording: Recording | None = None
    controls_before: dict[str, Any] = field(default_factory=dict)
    error: BaseException | None = None  # why nothing more can be done
    barred: str = ""  # the same in words
    interrupted: bool = False
    deadline: float = 0.0
    allowed: float = 0.0  # seconds of the present check

    @property
    def patience(self) -> float:
        """float: seconds, the longest wait for a frame."""
        return PATIENCE_S[self.length]

    @property
    def camera(self) -> Patient:
        """Patient: the camera, or NotPossible."""
        if self.patient is None:
            raise NotPossible(self.barred or "the camera cannot be opened")
        return self.patient

    def count_from_now(self) -> None:
        """Give the present check all of its time: a first frame that is slow to come shall cost it none."""
        self.deadline = time.monotonic() + self.allowed

    def left(self) -> float:
        """Return the seconds that the present check has left."""
        return max(0.0, self.deadline - time.monotonic())

    def recorded(self) -> Recording:
        """Return what was watched, or raise NotPossible."""
        if self.recording is None or not self.recording.samples:
            raise NotPossible("no frame was recorded")
        return self.recording

    def watched_mode(self) -> Mode:
        """Return the mode that is examined closely, or raise NotPossible."""
        if self.mode is None:
            self.mode = self.camera.usual_mode()
        return self.mode

    def run(self, checks: Sequence[Check]) -> list[Finding]:
        """Make the checks; Ctrl-C ends them, which `interrupted` tells.

        Returns
        -------
        list of Finding
            One for each check.
        """
        place = LENGTHS.index(self.length)
        total = sum(check.seconds[place] for check in checks)
        findings: list[Finding] = []
        spent = 0.0
        for check in checks:
            try:
                self._make(check, findings, spent, total)
            except KeyboardInterrupt:  # in the check, or in what the watcher does with it
                self.interrupted = True
                if not findings or findings[-1].name != check.name:
                    self._tell(check, _not_possible("interrupted"), 0.0, findings)
            spent += check.seconds[place]
        return findings

    def _make(self, check: Check, findings: list[Finding], spent: float, total: float) -> None:
        begun = time.monotonic()
        self.allowed = check.seconds[LENGTHS.index(self.length)]
        self.deadline = begun + self.allowed
        self.watcher.began(check, spent, total)
        self.interrupted = self.interrupted or self.watcher.stopped()
        outcome = _not_possible("interrupted") if self.interrupted else self._examine(check)
        self._tell(check, outcome, time.monotonic() - begun, findings)

    def _tell(self, check: Check, outcome: Outcome, seconds: float, findings: list[Finding]) -> None:
        findings.append(Finding(name=check.name, title=check.title, seconds=seconds, **vars(outcome)))
        self.watcher.ended(findings[-1])

    def _examine(self, check: Check) -> Outcome:
        if self.barred and check.streams:
            return _not_possible(self.barred)
        try:
            return check.examine(self)
        except NotPossible as why:
            return _not_possible(str(why))
        except (CameraDisconnected, CameraNotFound) as error:
            return self._went_away(error)
        except CameraBusy as error:
            return _not_possible(words_of(error))
        except (CamkitError, OSError, ValueError, MemoryError) as error:
            if isinstance(error, OSError) and error.errno == errno.ENODEV:
                return self._went_away(error)
            outcome = Outcome(evidence={"error": type(error).__name__})
            outcome.problem(
                f"the check failed: {words_of(error)}", "programs that use this camera will meet the same error"
            )
            return outcome

    def _went_away(self, error: Exception) -> Outcome:
        if not isinstance(error, CameraDisconnected):
            error = CameraDisconnected(errno.ENODEV, words_of(error), self.info.path)
        self.bar(error, "the camera is gone")
        outcome = Outcome()
        outcome.problem(f"the camera went away: {words_of(error)}", "look at its cable, its hub and its power supply")
        return outcome

    def bar(self, error: BaseException, words: str) -> None:
        """Say that nothing that streams is possible any more, and why."""
        self.error, self.barred = error, words


def _not_possible(why: str) -> Outcome:
    return Outcome(why, verdict=Verdict.NOT_POSSIBLE)
