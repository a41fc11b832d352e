"""ContextHold: a context that lives as long as frames lie in its memory. Mapping: such memory."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from sys import is_finalizing
from threading import get_ident
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from camkit.gl_core.context import Context


class ContextHold:
    """A context, for the thread that uses it and for the mapped buffers that may outlive that.

    `sweep` and `end` belong to the thread that made it, where the context is current.

    Parameters
    ----------
    context : Context
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        self._lock = threading.RLock()  # a mapping may go while this is held, in the same thread
        self._owner: int | None = get_ident()
        self._mappings = 0
        self._dead: list[int] = []  # buffers whose frames went in other threads

    @property
    def lasting(self) -> bool:
        """bool: the context can be given up by any thread, so that frames may keep it."""
        return self.context.lasting

    def sweep(self) -> list[int]:
        """Take the names of buffers to delete: their last frames are back."""
        with self._lock:
            dead, self._dead = self._dead, []
        return dead

    def end(self) -> None:
        """Use the context no more: it goes now, or with the last frame in its memory."""
        with self._lock:
            self._owner = None
            kept = self._mappings > 0
        if kept:
            self.context.release()
        else:
            self.context.destroy()

    def add(self) -> None:
        """Count a mapping."""
        with self._lock:
            self._mappings += 1

    def forget(self, names: Sequence[int]) -> None:
        """Hear that the last frame in a mapping has gone, in any thread."""
        with self._lock:
            self._mappings -= 1
            if self._owner is not None:
                self._dead += names  # for the thread where the context is current
                return
            last = self._mappings == 0
        if last and not is_finalizing():
            self.context.abandon()


class Mapping:
    """Mapped buffers that frames lie in: made by the Readback, dropped by whichever thread has the last frame."""

    def __init__(self, hold: ContextHold, names: Sequence[int]) -> None:
        self._hold, self._names = hold, list(names)
        hold.add()

    def __del__(self) -> None:
        self._hold.forget(self._names)
