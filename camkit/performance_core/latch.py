"""Latch: something that happens once and is waited for, also by a signal handler."""

from __future__ import annotations

import contextlib
import threading


class Latch:
    """Say once that something has happened. Safe from any thread and from a signal handler.

    A handler may wait for, or set, the very latch that the code it interrupted waits for, which would hang with
    `threading.Event`: its lock is taken by both.
    """

    def __init__(self) -> None:
        self._happened = False
        self._gate = threading.Lock()
        self._gate.acquire()

    def is_set(self) -> bool:
        """Tell whether it has happened."""
        return self._happened

    def set(self) -> None:
        """Let everybody who waits go on. Setting twice is harmless."""
        self._happened = True
        with contextlib.suppress(RuntimeError):  # it was set before
            self._gate.release()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it has happened, or for `timeout` seconds; tell whether it has."""
        if not self._happened and self._gate.acquire(timeout=-1 if timeout is None else min(timeout, 1e6)):
            self.set()
        return self._happened
