"""The video endpoint of the webcam: frames cut into payloads, at the pace that was agreed on."""

import errno
import random
import threading
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from lab.uvc_camera.clock import HEADER_SIZE, CameraClock, timed_header
from lab.uvc_camera.descriptors import UNITS_PER_SECOND, Model
from lab.uvc_camera.faults import Faults
from lab.uvc_camera.pictures import reel
from lab.uvc_camera.requests import StreamFormat
from lab.uvc_camera.usbip import Link, Submit, packet_table, with_error

__all__ = ["Stopped", "Stream", "Transfer", "cut_frame"]

FRAME_ID, END_OF_FRAME, ERROR, END_OF_HEADER = 0x01, 0x02, 0x40, 0x80
# A sleep this short notices an unplug or the end of the stream in time.
NAP_S = 0.05
SLOW_S = 1.0
EXPOSURES = 512
FRAME_FAULTS = ("errbit", "noeof", "zerolen", "isoerr", "truncate", "corrupt")


class Stopped(Exception):
    """The webcam was unplugged, or the host ended the stream."""


class Transfer(NamedTuple):
    """The answer to one transfer: payload bytes, and the table of an isochronous one."""

    data: bytes
    table: bytes


def cut_frame(
    picture: bytes, size: int, packets: int, *, toggle: int, error: bool = False, end: bool = True
) -> list[Transfer]:
    """Return a frame as it goes over the wire.

    Payloads of `size` bytes each begin with a header, which has room for times and says that there are none; the
    frame's parity `toggle` tells frames apart. An isochronous transfer has `packets` of them, a bulk one (0) has one.
    """
    room = size - HEADER_SIZE
    cuts = [picture[start : start + room] for start in range(0, len(picture), room)] or [b""]
    flags = END_OF_HEADER | toggle | (ERROR if error else 0)
    room_for_times = bytes(HEADER_SIZE - 2)
    payloads = [bytes((HEADER_SIZE, flags)) + room_for_times + cut for cut in cuts[:-1]]
    payloads.append(bytes((HEADER_SIZE, flags | (END_OF_FRAME if end else 0))) + room_for_times + cuts[-1])
    if not packets:
        return [Transfer(payload, b"") for payload in payloads]
    transfers = []
    for start in range(0, len(payloads), packets):
        part = payloads[start : start + packets]
        lengths = [len(payload) for payload in part] + [0] * (packets - len(part))
        transfers.append(Transfer(b"".join(part), packet_table(lengths, size)))
    return transfers


class Stream:
    """The frames of one plugged-in webcam, sent by a thread that runs `run`.

    Its methods may be called by any thread.
    """

    def __init__(
        self, model: Model, faults: Faults, link: Link, agreed: Callable[[], StreamFormat], clock: CameraClock
    ) -> None:
        self.model = model
        self.faults = faults
        self.clock = clock
        self.link = link
        self.agreed = agreed
        self.pictures: Path | None = None
        self.flat_out = False
        self.counts: Counter[str] = Counter()
        self.form: StreamFormat | None = None
        self.on = False
        # The truth: (number, ns of the monotonic clock) of the last pictures, when they were taken.
        self.exposures: deque[tuple[int, int]] = deque(maxlen=EXPOSURES)
        self._picture_ticks = 0
        self._plugged = True
        self._frozen = False
        self._waiting: OrderedDict[int, Submit] = OrderedDict()
        self._in_flight: int | None = None
        self._change = threading.Condition()
        self._cuts: dict[tuple[int, int, int, int], list[Transfer]] = {}

    def switch(self, on: bool) -> None:
        """Start or end the stream."""
        with self._change:
            if on and not self.on:
                self.form = self.agreed()
            self.on = on
            self._change.notify_all()

    def freeze(self, frozen: bool) -> None:
        """Stop answering the host's transfers, or go on."""
        with self._change:
            self._frozen = frozen
            self._change.notify_all()

    def end(self) -> None:
        """End the thread: the webcam is unplugged."""
        with self._change:
            self._plugged = False
            self._change.notify_all()

    def offer(self, submit: Submit) -> None:
        """Take a transfer that the host wants filled."""
        with self._change:
            self._waiting[submit.number] = submit
            self._change.notify_all()
            start = self.model.bulk and not self.on
        if start:
            self.switch(True)

    def withdraw(self, number: int) -> bool:
        """Give a transfer back unfilled; return False if it was filled before."""
        with self._change:
            while self._in_flight == number and self._plugged:
                self._change.wait(1)
            return self._waiting.pop(number, None) is not None

    def run(self) -> None:
        """Send frames until the webcam is unplugged."""
        try:
            while True:
                self._wait_until_on()
                self._run_once()
        except (Stopped, OSError):
            pass

    def _wait_until_on(self) -> None:
        with self._change:
            self._change.wait_for(lambda: self.on or not self._plugged)
            if not self._plugged:
                raise Stopped

    def _run_once(self) -> None:
        """Send frames of one format, until the stream is switched off or its format changes."""
        form = self.form
        assert form is not None
        frames = reel(form.fourcc, form.width, form.height, self.pictures)
        self._cuts.clear()
        interval = form.interval / UNITS_PER_SECOND
        due = time.monotonic()
        while self.on and self.form == form:
            number = self.counts["numbered"] = self.counts["numbered"] + 1
            if self.faults.take("slow"):
                due += SLOW_S
            if self.faults.take("drop"):
                due += interval
                continue
            self._sleep_until(due)
            # A late frame is not made up for by a burst.
            due = max(due, time.monotonic() - interval) + interval
            self._expose(number)
            index = number % len(frames.pictures)
            if self._send(index, frames.pictures[index], number, frames.offset, frames.stamp(number)):
                self.counts["frames"] += 1

    def _expose(self, number: int) -> None:
        now = time.monotonic_ns()
        self.exposures.append((number, now))
        if not self.clock.stuck:
            self._picture_ticks = self.clock.ticks(now)

    def _sleep_until(self, due: float) -> None:
        while not self.flat_out and self._plugged and self.on and (left := due - time.monotonic()) > 0:
            time.sleep(min(left, NAP_S))

    def _send(self, index: int, picture: bytes, number: int, offset: int, stamp: bytes) -> bool:
        """Fill transfers with a frame; return False if the stream was switched off on the way."""
        faults = {name for name in FRAME_FAULTS if self.faults.take(name)}
        if self.faults.take("stall"):
            self.freeze(True)
        special = bool(faults - {"isoerr"})
        if special:
            picture = _spoil(picture[:offset] + stamp + picture[offset + len(stamp) :], faults)
        toggle = number & 1
        transfers: list[Transfer] | None = None
        sent = 0
        while transfers is None or sent < len(transfers):
            submit = self._next_submit()
            if submit is None:
                return False
            size = submit.packets[0] if submit.packets else min(submit.length, self.model.largest_payload)
            count = len(submit.packets)
            if special and transfers is None:
                error, end = "errbit" in faults, "noeof" not in faults
                transfers = cut_frame(picture, size, count, toggle=toggle, error=error, end=end)
            elif transfers is None:
                # Cutting is most of the work, and there are few pictures.
                key = (index, toggle, size, count)
                transfers = self._cuts.get(key) or self._cuts.setdefault(
                    key, cut_frame(picture, size, count, toggle=toggle)
                )
            data, table = transfers[sent]
            if sent == 0 and table and "isoerr" in faults:
                table = with_error(table, -errno.EPROTO)
            # A transfer is one time for the host, so only its first payload tells the camera's.
            parts: list[bytes | memoryview] = [timed_header(data[1], self.clock, self._picture_ticks)]
            rest = memoryview(data)
            if sent == 0 and not special:
                start = HEADER_SIZE + offset
                parts += [rest[HEADER_SIZE:start], stamp, rest[start + len(stamp) :]]
            else:
                parts.append(rest[HEADER_SIZE:])
            self.clock.delay()
            self._answer(submit, len(data), b"".join((*parts, table)))
            sent += 1
        return True

    def _next_submit(self) -> Submit | None:
        """Wait for a transfer to fill; return None when the stream is off."""
        with self._change:
            self._change.wait_for(lambda: not self._plugged or not self.on or (self._waiting and not self._frozen))
            if not self._plugged:
                raise Stopped
            if not self.on:
                return None
            number, submit = self._waiting.popitem(last=False)
            self._in_flight = number  # a withdrawal waits until it is answered
            return submit

    def _answer(self, submit: Submit, size: int, data: bytes) -> None:
        try:
            self.link.reply(submit.number, 0, size, data, len(submit.packets) or -1)
        finally:
            with self._change:
                self._in_flight = None
                self._change.notify_all()
        self.counts["bytes"] += size


def _spoil(frame: bytes, faults: set[str]) -> bytes:
    if "zerolen" in faults:
        return b""
    data = bytearray(frame)
    if "truncate" in faults:
        del data[len(data) // 2 :]
    if "corrupt" in faults:
        # The start holds the headers and the number: a frame nobody can place is another fault.
        for _ in range(200):
            data[random.randrange(len(data) // 8, len(data))] ^= 0xFF
    return bytes(data)
