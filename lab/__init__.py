"""Run a command on a real Linux kernel that has cameras, without hardware: the camera lab.

`python -m lab --help` tells how to use it, lab/README.md what to know about it. Standard library only, so that it runs
with the system's Python.
"""

import sys
from pathlib import Path

__all__ = ["CHECKOUT", "LabError", "say"]

CHECKOUT = Path(__file__).resolve().parent.parent


class LabError(Exception):
    """The lab itself failed, not the command that ran in it: exit status 125."""


def say(text: str) -> None:
    """Tell the user what the lab is doing, on standard error."""
    print(f"camkit lab: {text}", file=sys.stderr, flush=True)
