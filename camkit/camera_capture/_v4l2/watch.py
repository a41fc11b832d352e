"""V4L2Events: what a V4L2 driver tells of itself, fetched by whoever waits for frames or for events."""

from __future__ import annotations

import errno
import os
import select
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Protocol
from weakref import ref

from camkit.camera_capture._v4l2.device import Device
from camkit.camera_capture._v4l2.events import (
    CONTROL,
    END_OF_STREAM,
    FRAME_SYNC,
    SOURCE_CHANGE,
    EventNode,
    RawEvent,
)
from camkit.camera_capture._v4l2.inputs import InputNode
from camkit.camera_capture._v4l2.reasons import reason
from camkit.camera_capture.control import FLAGS, Control
from camkit.camera_capture.events import Events
from camkit.errors import CameraDisconnected, SettingNotSupported

CHANGES = {1: "resolution"}  # V4L2_EVENT_SRC_CH_*
CONTROL_CHANGES = {1: "value", 2: "flags", 4: "range", 8: "dimensions"}  # V4L2_EVENT_CTRL_CH_*
SLICE = 0.5  # seconds after which a waiter looks whether its camera is still there


class Owner(Protocol):
    """Whose events they are."""

    def source_changed(self) -> None:
        """Take notice that another signal may come in; from any thread."""


class V4L2Events(Events):
    """The events of a V4L2 device; see `Events`.

    Source changes and ends of stream are subscribed to from the start, where the driver has them. Who reads frames
    calls `pump` when the driver says that there is something; who waits for events polls the device himself, so that
    they come without a stream too.

    Parameters
    ----------
    device : Device
        Open device; borrowed until `close`.
    owner : Owner
        Told of source changes; not kept alive.

    Attributes
    ----------
    lasting : bool
        Who waits goes on waiting when the device is gone, for it will be another one by and by.
    """

    def __init__(self, device: Device, owner: Owner) -> None:
        super().__init__()
        self.lasting = False
        self._bell = -1  # an eventfd, when somebody waits for the first time
        self._owner = ref(owner)
        self._users: list[int] = []  # threads that may use the device just now
        self._process = os.getpid()
        self._pumping = threading.RLock()  # so that events keep their order
        self._watched: dict[tuple[int, int], Control | None] = {}
        self.attach(device)

    def __del__(self) -> None:
        if self._bell >= 0:
            os.close(self._bell)

    def attach(self, device: Device) -> None:
        """Take events from this device from now on, those that were subscribed to before included."""
        self._node = EventNode(device)
        self._away = False
        # Drivers number their source changes by input, or all of them 0.
        inputs = max(len(InputNode(device).inputs()), 1)
        for type, id in [*((SOURCE_CHANGE, number) for number in range(inputs)), (END_OF_STREAM, 0)]:
            if not self._node.subscribe(type, id):
                self._watched.setdefault((type, id), None)
        for type, id in self._watched:
            self._node.subscribe(type, id, own=type == CONTROL)

    def detach(self) -> None:
        """Let go of the device, which is gone, when nobody uses it any more; who waits goes on until `attach`."""
        me = threading.get_ident()
        with self._changed:
            self._away = True
            self._ring()
            while os.getpid() == self._process and any(user != me for user in self._users):
                self._changed.wait(SLICE)

    @property
    def kinds(self) -> tuple[str, ...]:
        """tuple of str: what is subscribed to at the driver."""
        names = {SOURCE_CHANGE: "source_change", END_OF_STREAM: "end_of_stream", FRAME_SYNC: "frame_sync"}
        return tuple(dict.fromkeys(names.get(type, "control") for type, _ in self._watched))

    def watch_controls(self, controls: Iterable[Control], on: bool) -> None:
        """Begin or end to tell of changes of controls."""
        for control in controls:
            self._subscribe(CONTROL, control.raw.id, control, on, f"tell of changes of {control.name!r}")

    def watch_frames(self, on: bool = True) -> None:
        """Begin or end to tell of each frame that begins: an event of kind `frame_sync` for each."""
        self._subscribe(FRAME_SYNC, 0, None, on, "tell of the beginning of frames")

    def pump(self) -> bool:
        """Fetch what the driver has to tell, without waiting; whether a source has changed.

        The device must not be closed meanwhile.
        """
        with self._pumping:
            return self._tell_all(self._node.take())

    def add(self, kind: str, time_ns: int | None = None, **fields: Any) -> None:
        """Add an event and wake who waits for one."""
        try:
            super().add(kind, time_ns, **fields)
        finally:
            self._ring()

    def close(self) -> None:
        """Let waiting end, and wait until nobody uses the device any more."""
        super().close()
        self._ring()
        me = threading.get_ident()
        with self._changed:
            # The threads of a parent process are not in its child.
            while os.getpid() == self._process and any(user != me for user in self._users):
                self._changed.wait(SLICE)

    def _subscribe(self, type: int, id: int, control: Control | None, on: bool, what: str) -> None:
        with self._pumping, self._using() as usable:
            if not usable:
                raise ValueError(f"camera {self._node.path!r} is closed")
            if not on:
                self._watched.pop((type, id), None)
                self._node.unsubscribe(type, id)
                return
            error = self._node.subscribe(type, id, own=True)
            if error:
                why = self._node.failure(what, error)
                raise SettingNotSupported(f"camera {self._node.path!r} cannot {what}: its driver has no such event "
                                          f"({os.strerror(error)})") from why  # fmt: skip
            self._watched[type, id] = control

    def _tell_all(self, raws: list[RawEvent]) -> bool:
        for raw in raws:
            self._tell(raw)
        return any(raw.type == SOURCE_CHANGE for raw in raws)

    def _tell(self, raw: RawEvent) -> None:
        if raw.type == SOURCE_CHANGE:
            self.add("source_change", raw.time_ns, input=raw.id, changes=_names(CHANGES, raw.details))
        elif raw.type == END_OF_STREAM:
            self.add("end_of_stream", raw.time_ns)
        elif raw.type == FRAME_SYNC:
            self.add("frame_sync", raw.time_ns, sequence=raw.details)
        elif raw.type == CONTROL:
            self._tell_control(raw)
        else:
            self.add(f"event_{raw.type}", raw.time_ns, id=raw.id)

    def _tell_control(self, raw: RawEvent) -> None:
        control, told = self._watched.get((CONTROL, raw.id)), dict(raw.details)
        if control is None:  # no longer watched
            return
        flags = [flag for bit, flag in enumerate(FLAGS) if told["flags"] >> bit & 1]
        told |= {"changes": _names(CONTROL_CHANGES, told["changes"]), "flags": flags}
        # The driver tells no values of arrays and the like.
        told["value"] = None if control.size else control.decode(told["value"])
        self.add("control", raw.time_ns, name=control.name, **told)

    def _pump(self) -> None:
        with self._changed:
            if self._bell < 0:
                try:
                    self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
                except OSError as error:
                    raise reason(self._node.path, "make an event descriptor", error.errno or errno.EMFILE) from None
        with self._pumping:
            raws: list[RawEvent] = []
            with self._using() as usable:
                try:
                    raws = self._node.take() if usable else []
                except CameraDisconnected:
                    if not self.lasting:
                        raise
                    self._away = True  # the reader of frames may not have noticed yet
            changed = self._tell_all(raws)
        owner = self._owner()
        if changed and owner is not None:
            owner.source_changed()

    def _sleep(self, seconds: float | None) -> None:
        owner = self._owner()
        if owner is None:  # forgotten, never closed
            super().close()
        del owner
        poller = select.poll()
        poller.register(self._bell, select.POLLIN)
        with self._using() as usable:
            if not usable and self._closed:
                return
            # Asked for nothing else, a driver does not take it for the wish to stream.
            if usable:
                poller.register(self._node.fileno(), select.POLLPRI)
            answers = dict(poller.poll(1000 * min(SLICE, SLICE if seconds is None else seconds)))
            if usable and answers.get(self._node.fileno(), 0) & ~select.POLLPRI:
                time.sleep(0.01)  # a device that is gone answers at once, for ever
        with suppress(BlockingIOError):
            os.eventfd_read(self._bell)

    @contextmanager
    def _using(self) -> Iterator[bool]:
        me = threading.get_ident()
        with self._changed:
            usable = not self._closed and not self._away
            if usable:
                self._users.append(me)
        try:
            yield usable
        finally:
            if usable:
                with self._changed:
                    self._users.remove(me)
                    self._changed.notify_all()

    def _ring(self) -> None:
        if self._bell >= 0:
            with suppress(BlockingIOError):
                os.eventfd_write(self._bell, 1)


def _names(words: dict[int, str], bits: int) -> list[str]:
    return [words.get(1 << bit, f"bit_{bit}") for bit in range(bits.bit_length()) if bits >> bit & 1]
