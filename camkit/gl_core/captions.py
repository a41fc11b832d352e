"""Captions: the lines over a picture that change a few times a second: name, rate, drops and messages."""

import time
import weakref
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from camkit.gl_core._panel import Panel
    from camkit.gl_core._sink import GLSink
    from camkit.performance_core.pipeline import Pipeline

UPDATE_S = 0.25
RATE_S = 1.0  # that the rate is taken over
MESSAGE_S = 4.0  # that a message stays
ALERT = "\1"


class Caption:
    """Compose the lines of one panel. For the main thread, except `tell` and `alert`, which any may call.

    Parameters
    ----------
    name : str
    panel : Panel
    sink : GLSink
        Whose refused frames are counted.
    """

    def __init__(self, name: str, panel: "Panel", sink: "GLSink") -> None:
        self._name, self._panel = name, panel
        self._sink = weakref.ref(sink)
        self._pipeline: weakref.ref[Pipeline] | None = None
        self._message: tuple[str, float] | None = None
        self._alert = ""
        self._next = 0.0
        self._seen: deque[tuple[float, int]] = deque()

    def attach(self, pipeline: "Pipeline") -> None:
        """Tell of this pipeline's drops from now on; it is not kept alive."""
        self._pipeline = weakref.ref(pipeline)
        self._alert = ""

    def tell(self, message: str) -> None:
        """Show a message for some seconds."""
        self._message = (message, time.monotonic() + MESSAGE_S)
        self._next = 0.0

    def alert(self, message: str) -> None:
        """Show a message until the next run; an empty one ends it."""
        self._alert = message
        self._next = 0.0

    def update(self) -> bool:
        """Hand the lines to the panel if it is time to; tell whether it was."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + UPDATE_S
        self._panel.say("\n".join(self._lines(now)))
        return True

    def _lines(self, now: float) -> list[str]:
        message, alert = self._message, self._alert
        if message is not None and now >= message[1]:
            self._message = message = None
        # First, since only those are shown while the overlay is off.
        lines = [ALERT + text for text in (alert, message[0] if message else "") if text]
        return [*lines, self._name, f"{self._rate(now)}, {self._drops()}"]

    def _rate(self, now: float) -> str:
        seen = self._seen
        seen.append((now, self._panel.seen))
        while len(seen) > 2 and now - seen[1][0] >= RATE_S:
            seen.popleft()
        (then, before), (_, frames) = seen[0], seen[-1]
        return f"{max(0, frames - before) / (now - then):.1f} fps" if now > then else "... fps"

    def _drops(self) -> str:
        pipeline = self._pipeline() if self._pipeline is not None else None
        sink = self._sink()
        words = []
        if pipeline is not None:
            stats = pipeline.stats()
            words.append(str(stats.frames.dropped))
            if stats.outages:
                words.append(f"{stats.outages} outage(s)")
        if sink is not None and (refused := sink.stats().refused):
            words.append(f"{refused} refused")
        return ", ".join(words) or "no pipeline"
