"""Watch: hear of cameras that come and go."""

from __future__ import annotations

import errno
import os
import sys
import threading
import time
from typing import Literal, NamedTuple

from camkit.camera_capture.info import CameraInfo
from camkit.camera_capture.registry import list_cameras
from camkit.errors import CameraError
from camkit.memory_manager._checks import check_seconds


class CameraEvent(NamedTuple):
    """What happened to a camera.

    Attributes
    ----------
    action : {"added", "removed", "changed"}
        Changed: another camera has its number, or it can be opened now, or no more; `info.problem` tells why.
    info : CameraInfo
        The camera; for one that was removed, as it was.
    """

    action: Literal["added", "removed", "changed"]
    info: CameraInfo


class Watch:
    """An iterator of what happens to the cameras of this machine; it sleeps until the kernel tells of something.

    Nothing that happens from its making on is missed, except a camera that comes and goes again before it is asked.
    A context manager. One thread may wait; `close` from any other ends its loop.

    Raises
    ------
    CameraError
        The system does not tell: so far only Linux does.

    Examples
    --------
    >>> with camkit.watch() as cameras:
    ...     for event in cameras:
    ...         print(event.action, event.info.path)
    """

    def __init__(self) -> None:
        if not sys.platform.startswith("linux"):
            raise CameraError(errno.ENOTSUP, f"cannot watch for cameras on {sys.platform}: only on Linux so far")
        from camkit.camera_capture._v4l2.hotplug import Monitor

        self._lock = threading.Lock()  # of the bell
        self._monitor = Monitor()
        self._known = _cameras()
        self._bell = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._told: list[CameraEvent] = []
        self._waiting = self._closing = False

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *args: object) -> None:
        self.close()

    def __iter__(self) -> Watch:
        return self

    def __next__(self) -> CameraEvent:
        event = self.wait()
        if event is None:
            raise StopIteration
        return event

    def wait(self, timeout: float | None = None) -> CameraEvent | None:
        """Wait for the next event.

        Parameters
        ----------
        timeout : float, optional
            Seconds. Default: for ever.

        Returns
        -------
        CameraEvent or None
            None: nothing happened within the time, or the watch was closed.

        Raises
        ------
        TypeError, ValueError
            `timeout` is no number of seconds.
        """
        end = None if timeout is None else time.monotonic() + check_seconds("timeout", timeout)
        with self._lock:
            if self._bell < 0:
                return None
            self._waiting = True
        try:
            while not self._told and self._monitor.wait(_left(end), bell=self._bell):
                self._compare()
            return self._told.pop(0) if self._told else None
        finally:
            with self._lock:
                self._waiting = False
                if self._bell >= 0 and self._closing:
                    self._give_up()

    def close(self) -> None:
        """Watch no more, and end a loop in another thread. Closing twice is harmless."""
        with self._lock:
            if self._bell < 0:
                return
            self._closing = True
            if self._waiting:
                os.eventfd_write(self._bell, 1)
            else:
                self._give_up()

    def _give_up(self) -> None:
        os.close(self._bell)
        self._bell = -1
        self._monitor.close()

    def _compare(self) -> None:
        before, self._known = self._known, _cameras()
        for path, info in before.items():
            if path not in self._known:
                self._told.append(CameraEvent("removed", info))
        for path, info in self._known.items():
            if path not in before:
                self._told.append(CameraEvent("added", info))
            elif info != before[path]:
                self._told.append(CameraEvent("changed", info))


def watch() -> Watch:
    """Watch for cameras that come and go.

    Returns
    -------
    Watch
        An iterator of CameraEvent.

    Raises
    ------
    CameraError
        The system does not tell: so far only Linux does.
    """
    return Watch()


def _left(end: float | None) -> float | None:
    return None if end is None else max(0.0, end - time.monotonic())


def _cameras() -> dict[str, CameraInfo]:
    return {info.path: info for info in list_cameras() if info.path}
