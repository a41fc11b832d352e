"""How long an examination takes, and how its time is divided."""

from __future__ import annotations

from typing import Literal

Length = Literal["quick", "normal", "full"]
LENGTHS: tuple[Length, ...] = ("quick", "normal", "full")
PATIENCE_S = {"quick": 2.0, "normal": 3.0, "full": 10.0}  # the longest wait for a frame
