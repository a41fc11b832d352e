"""Event and Events: what happened to a camera beside its frames."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from camkit.errors import SettingNotSupported
from camkit.memory_manager._checks import check_seconds

if TYPE_CHECKING:
    from camkit.camera_capture.control import Control

LIMIT = 256


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a camera.

    Attributes
    ----------
    kind : str
        `source_change` (the driver says that what comes in is another; fields: `input`, `changes`), `signal` (what
        comes in now; those of `Signal.as_dict`), `renegotiated` (the stream goes on as another; `before`, `after`,
        `frames_lost`), `end_of_stream`, `disconnected` and `reconnected` (`path`, `away_s`; under
        `reconnect`), `control` (`name`, `value`, `changes`, `flags`, `minimum`, `maximum`, `step`,
        `default`), `frame_sync` (`sequence`), or, of a kind that camkit does not know, `event_<number>`.
    time_ns : int
        When, on the monotonic clock.
    fields : dict
        What else there is to tell, all of it as JSON can hold it.
    """

    kind: str
    time_ns: int
    fields: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return `kind`, `time_ns` and the fields in one dict, as JSON can hold it."""
        return {"kind": self.kind, "time_ns": self.time_ns, **self.fields}


class Events:
    """The events of a camera, oldest first: an iterator that waits for the next one and ends with the camera.

    Keeps the newest of them until somebody takes them, and counts those that nobody took in time. May be used from
    any thread, by several at once; each event goes to one of them. Listeners get all.

    Parameters
    ----------
    limit : int
        The most that are kept.

    Attributes
    ----------
    lost : int
        Events that had to make room for newer ones, unseen.

    Examples
    --------
    >>> for event in camera.events:  # in a thread of its own
    ...     print(event.kind, event.fields)
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self.lost = 0
        self._kept: deque[Event] = deque(maxlen=limit)
        self._closed = False
        self._changed = threading.Condition()
        self._listeners: list[Callable[[Event], object]] = []

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self)} kept, {self.lost} lost>"

    def __len__(self) -> int:
        return len(self._kept)

    def __iter__(self) -> Iterator[Event]:
        return self

    def __next__(self) -> Event:
        event = self.wait()
        if event is None:
            raise StopIteration
        return event

    def wait(self, timeout: float | None = None) -> Event | None:
        """Take the oldest event, or wait for one.

        Parameters
        ----------
        timeout : float, optional
            Seconds; 0 only looks. Default: until there is one or the camera is closed.

        Returns
        -------
        Event or None
            None: the time is over, or the camera is closed and all was taken.

        Raises
        ------
        CameraError
            The camera is gone, or failed.
        TypeError, ValueError
            `timeout` is no number of seconds.
        """
        end = None if timeout is None else time.monotonic() + check_seconds("timeout", timeout)
        while True:
            self._pump()
            with self._changed:
                if self._kept:
                    return self._kept.popleft()
                if self._closed:
                    return None
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                return None
            self._sleep(left)

    def take(self) -> list[Event]:
        """Take all events that there are, without waiting."""
        self._pump()
        with self._changed:
            taken = list(self._kept)
            self._kept.clear()
        return taken

    def listen(self, listener: Callable[[Event], object]) -> Callable[[], None]:
        """Have each event told at once, beside being kept, in whatever thread learns of it.

        Parameters
        ----------
        listener : callable
            Gets the Event. It must be quick, for it may hold up frames, and leave the camera alone; what it raises,
            the reader of frames or events gets.

        Returns
        -------
        callable
            Ends it.

        Raises
        ------
        TypeError
            It cannot be called.
        """
        if not callable(listener):  # else whoever reads frames would get the error, much later
            raise TypeError(f"listener is {listener!r}, not a function of an event")
        with self._changed:
            self._listeners = [*self._listeners, listener]

        def end() -> None:
            with self._changed:
                self._listeners = [other for other in self._listeners if other is not listener]

        return end

    def watch_frames(self, on: bool = True) -> None:
        """Begin or end to tell of each frame as it begins, by an event of kind `frame_sync`.

        Raises
        ------
        SettingNotSupported
            The driver has no such event.
        """
        if on:
            raise SettingNotSupported("cannot tell of the beginning of frames: this kind of camera has no such event")

    def watch_controls(self, controls: Iterable[Control], on: bool) -> None:
        """Begin or end to tell of changes of controls; see `Controls.watch`."""
        for control in controls if on else ():
            raise SettingNotSupported(
                f"cannot tell of changes of {control.name!r}: this kind of camera has no such event"
            )

    def add(self, kind: str, time_ns: int | None = None, **fields: Any) -> None:
        """Add an event; a camera's own doing, not its user's."""
        event = Event(kind, time.monotonic_ns() if time_ns is None else time_ns, fields)
        with self._changed:
            self.lost += len(self._kept) == self._kept.maxlen
            self._kept.append(event)
            self._changed.notify_all()
            listeners = self._listeners
        for listener in listeners:
            listener(event)

    def close(self) -> None:
        """Let waiting and iterating end; a camera's own doing. What is kept can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _pump(self) -> None:
        # A camera whose events must be fetched does so here.
        pass

    def _sleep(self, seconds: float | None) -> None:
        with self._changed:
            if not self._kept and not self._closed:
                self._changed.wait(seconds)
