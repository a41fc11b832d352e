"""ThreadClock: the CPU time of a thread, readable by others while it runs and after it has ended."""

from __future__ import annotations

import threading
import time


class ThreadClock:
    """Tell the CPU time of one thread. `begin` and `end` belong to that thread, `cpu_s` to any.

    The clock's number is asked for by the thread itself: of one that has ended pthread_getcpuclockid() may read freed
    memory, while a stale number only makes clock_gettime() fail.
    """

    def __init__(self) -> None:
        self._clock: int | None = None
        self._began: float | None = None
        self._took: float | None = None

    def begin(self) -> None:
        """Count from now on."""
        self._took = None
        self._began = time.thread_time()
        if hasattr(time, "pthread_getcpuclockid"):
            self._clock = time.pthread_getcpuclockid(threading.get_ident())

    def end(self) -> None:
        """Keep what it came to: a later thread may get the same number."""
        if self._began is not None:
            self._took = time.thread_time() - self._began
        self._clock = None

    @property
    def cpu_s(self) -> float | None:
        """float or None: seconds of CPU so far; None before `begin`, or where only the thread itself can know."""
        clock, began = self._clock, self._began
        if clock is not None and began is not None:
            try:
                seconds = time.clock_gettime(clock) - began
            except OSError:  # it ends just now
                return self._took
            if self._clock is not None:
                return seconds
        return self._took
