"""What a check found: a verdict, the numbers behind it, and what it means for the user."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """How a check ended."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"
    NOT_POSSIBLE = "not_possible"


SEVERITY = (Verdict.OK, Verdict.NOTE, Verdict.PROBLEM)


@dataclass
class Outcome:
    """What a check tells.

    Attributes
    ----------
    summary : str
        What was found, in one sentence.
    meaning : str
        What that means for the user, and what can be done; empty when all is well.
    evidence : dict
        Numbers and lists that JSON can hold.
    verdict : Verdict
    """

    summary: str = ""
    meaning: str = ""
    evidence: dict[str, Any] = field(default_factory=dict)
    verdict: Verdict = Verdict.OK

    def add(self, verdict: Verdict, summary: str, meaning: str = "") -> None:
        """Tell one more thing; the worst verdict counts and comes first."""
        if SEVERITY.index(verdict) > SEVERITY.index(self.verdict):
            self.verdict = verdict
            self.summary, self.meaning = _joined(summary, self.summary), _joined(meaning, self.meaning)
        else:
            self.summary, self.meaning = _joined(self.summary, summary), _joined(self.meaning, meaning)

    def note(self, summary: str, meaning: str = "") -> None:
        """Tell something that is worth knowing and no fault."""
        self.add(Verdict.NOTE, summary, meaning)

    def problem(self, summary: str, meaning: str = "") -> None:
        """Tell a fault."""
        self.add(Verdict.PROBLEM, summary, meaning)


def _joined(first: str, second: str) -> str:
    return "; ".join(part for part in (first, second) if part)


@dataclass(frozen=True)
class Finding:
    """An outcome with the name of its check.

    Attributes
    ----------
    name, title : str
        Of the check; the name never changes, the title is for people.
    verdict : Verdict
    summary, meaning : str
        As of `Outcome`.
    evidence : dict
        As of `Outcome`.
    seconds : float
        How long it took.
    """

    name: str
    title: str
    verdict: Verdict
    summary: str
    meaning: str
    evidence: dict[str, Any]
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """Return it in what JSON can hold."""
        return {**asdict(self), "verdict": self.verdict.value}


def words_of(error: BaseException) -> str:
    """Return what an error says, in one line."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split()) or type(error).__name__


class NotPossible(Exception):
    """A check that cannot be made here; its text says why."""
