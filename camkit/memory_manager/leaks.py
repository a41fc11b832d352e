"""Where slots were taken, for pools that watch for leaks."""

from __future__ import annotations

import atexit
import os
import sys
import threading
import traceback
import warnings
from collections.abc import Iterable
from typing import Protocol
from weakref import WeakSet

from camkit.errors import LeakWarning
from camkit.memory_manager.pool_stats import SlotHolder

DEEPEST = 16  # calls that are remembered of where a slot was taken


def asked_for() -> bool:
    """Tell whether the environment says that pools watch for leaks."""
    return os.environ.get("CAMKIT_DEBUG_LEAKS", "") not in ("", "0")


class Watched(Protocol):
    """A pool that can say what is not back."""

    def _report_leaks(self, when: str) -> None: ...


_live: WeakSet[Watched] = WeakSet()


class LeakWatch:
    """Remember for each slot of one pool where it was taken last. Safe from any thread that has the GIL."""

    def __init__(self, pool: Watched) -> None:
        self._taken: dict[int, tuple[str, traceback.StackSummary]] = {}
        _live.add(pool)

    def note(self, slot: int) -> None:
        """Remember that this thread takes a slot now."""
        ident = threading.get_ident()
        # Not current_thread(), which would leave an object behind for a thread that is none of Python's.
        names = [thread.name for thread in threading.enumerate() if thread.ident == ident]
        calls = traceback.walk_stack(sys._getframe(1))
        stack = traceback.StackSummary.extract(calls, limit=DEEPEST, lookup_lines=False)
        stack.reverse()
        self._taken[slot] = names[0] if names else f"native {threading.get_native_id()}", stack

    def taken(self, slot: int) -> str | None:
        """Tell where a slot was taken last."""
        if slot not in self._taken:
            return None
        name, stack = self._taken[slot]
        return f"thread {name!r} at\n{''.join(stack.format())}".rstrip()


def warn(pool: object, when: str, slots: int, holders: Iterable[SlotHolder]) -> None:
    """Report slots that are not back."""
    told = [str(holder) for holder in holders]
    if told:
        words = f"{pool!r} {when} with {len(told)} of {slots} slots in use"
        warnings.warn("\n".join([words, *told]), LeakWarning, stacklevel=2)


@atexit.register
def _report_all() -> None:
    for pool in list(_live):
        pool._report_leaks("was left to the end of the interpreter")
