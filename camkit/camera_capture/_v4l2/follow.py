"""Follower: what comes in at a V4L2 device while it streams, and what is to be done about it."""

from __future__ import annotations

import errno

from camkit.camera_capture._v4l2.device import Device
from camkit.camera_capture._v4l2.signal import Detected, detect
from camkit.camera_capture._v4l2.wishes import Wishes
from camkit.camera_capture.events import Events
from camkit.camera_capture.info import Request, StreamInfo
from camkit.errors import NoSignal, SourceChanged


class Follower:
    """Look at the input of an open device for a stream.

    Borrows the device. One thread at a time; the attributes may be read by any.

    Parameters
    ----------
    device : Device
        Open device, set up.
    request : Request
        What was asked of it.
    events : Events
        Where to tell of the signal.

    Attributes
    ----------
    signal : Signal
        What came in at the last look.
    lost : bool
        There is no signal, so frames are no pictures.
    restarts : int
        How often the stream began anew because of what came in.
    """

    def __init__(self, device: Device, request: Request, events: Events) -> None:
        self.device, self.events = device, events
        self.wishes = Wishes.make(request.options)
        self.signal = detect(device).signal
        self.lost = self.signal.lost
        self.restarts = 0

    def look(self) -> Detected:
        """Look, and tell of a signal that is not as before.

        Raises
        ------
        NoSignal
            There is none, and `on_no_signal` is "raise".
        CameraDisconnected
            The device is gone.
        """
        found = detect(self.device)
        if found.signal != self.signal:
            self.signal = found.signal
            self.events.add("signal", **found.signal.as_dict())
        self.lost = found.signal.lost
        if self.lost and self.wishes.on_no_signal == "raise":
            raise self.no_signal()
        return found

    def no_signal(self) -> NoSignal:
        """Return the error for a camera without a signal."""
        words = f"no picture to be had: {self.signal}; see to the cable and to what sends"
        return NoSignal(errno.ENOLINK, words, self.device.path)

    def check_change(self, stream: StreamInfo) -> None:
        """Raise SourceChanged if `stream` may not go on as another."""
        if self.wishes.on_change == "raise":
            words = (
                f"another {self.signal} has come in than {stream} was set up for; stop() and start() take it, "
                'on_change="renegotiate" does so by itself'
            )
            raise SourceChanged(errno.EPROTO, words, self.device.path)

    def restarted(self, before: StreamInfo, after: StreamInfo, frames_lost: int) -> None:
        """Count and tell of a stream that has begun anew."""
        self.restarts += 1
        self.events.add("renegotiated", before=str(before), after=str(after), frames_lost=frames_lost)

    def explain(self) -> list[str]:
        """Tell in words what came in."""
        words = [str(self.signal)] if self.signal.state != "unknown" else []
        if self.restarts:
            words.append(f"began anew {self.restarts} times because something else came in")
        return words
