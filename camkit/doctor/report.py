"""Report: what an examination found, in one object for screens, files and programs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from camkit.camera_capture.info import CameraInfo
from camkit.doctor.finding import Finding, Verdict
from camkit.doctor.length import Length
from camkit.doctor.machine import describe_machine
from camkit.doctor.privacy import known_serials, without_serials


@dataclass(frozen=True)
class Report:
    """What was found.

    Attributes
    ----------
    info : CameraInfo
        Which camera.
    mode : str or None
        What was watched, such as `YUYV 640x480@30`.
    length : str
        `quick`, `normal` or `full`.
    findings : list of Finding
    interrupted : bool
        Ctrl-C ended it early.
    error : BaseException or None
        Why nothing more could be done: the camera could not be opened, was in use, or went away.
    wall_s : float
        Seconds that it took.
    machine : dict
        As of `describe_machine`.
    """

    info: CameraInfo
    mode: str | None
    length: Length
    findings: list[Finding]
    interrupted: bool
    error: BaseException | None
    wall_s: float
    machine: dict[str, Any]

    @property
    def problems(self) -> int:
        """int: checks that found one."""
        return self.counts()["problem"]

    def counts(self) -> dict[str, int]:
        """Count the checks by verdict."""
        return {verdict.value: sum(f.verdict is verdict for f in self.findings) for verdict in Verdict}

    def finding(self, name: str) -> Finding:
        """Return what a check found; KeyError: it was not made."""
        for finding in self.findings:
            if finding.name == name:
                return finding
        raise KeyError(name)

    def as_dict(self, *, serials: bool = False) -> dict[str, Any]:
        """Return all of it in what JSON can hold; docs/json.md describes every field.

        Parameters
        ----------
        serials : bool
            Also the serial numbers of the camera and its hubs.
        """
        told = {
            "version": self.machine["camkit"],
            "camera": asdict(self.info),
            "mode": self.mode,
            "length": self.length,
            "interrupted": self.interrupted,
            "wall_s": round(self.wall_s, 2),
            "counts": self.counts(),
            "checks": [finding.as_dict() for finding in self.findings],
            "machine": self.machine,
        }
        hidden: dict[str, Any] = told if serials else without_serials(told, known_serials(self.machine))
        return hidden


def make_report(
    info: CameraInfo,
    mode: object,
    length: Length,
    findings: list[Finding],
    *,
    interrupted: bool,
    error: BaseException | None,
    wall_s: float,
) -> Report:
    """Add what is known of the machine."""
    told = None if mode is None else str(mode)
    return Report(info, told, length, findings, interrupted, error, wall_s, describe_machine(info))
