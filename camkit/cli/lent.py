"""The GPU's memory for a camera to fill, where `--transfer` names a way that needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import camkit
from camkit.cli.exit_codes import UsageError
from camkit.gl_core.transfers import row_of

if TYPE_CHECKING:
    from camkit.gl_core._sink import GLSink


class Lent:
    """What makes the pool for a camera: it is opened before its screen, and asks for memory when it starts.

    Parameters
    ----------
    transfer : str
        The way that is asked for.

    Attributes
    ----------
    screen : GLSink or None
        Whose memory it is.
    """

    def __init__(self, transfer: str) -> None:
        self.transfer = transfer
        self.screen: GLSink | None = None

    def __call__(self, slots: int, nbytes: int) -> camkit.FramePool:
        if self.screen is None:
            raise UsageError(f"--transfer {self.transfer} has the camera fill the GPU's memory, and nothing is drawn")
        pool: camkit.FramePool = getattr(self.screen, row_of(self.transfer).lends)(slots, nbytes)
        return pool


def lent(transfer: str) -> Lent | None:
    """Return what the camera is to be given as memory; None if the way takes any."""
    return Lent(transfer) if transfer != "auto" and row_of(transfer).lends else None
