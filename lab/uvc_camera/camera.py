"""The webcam: a USB device that can be plugged in and out."""

import contextlib
import errno
import threading
from dataclasses import replace
from pathlib import Path

from lab.uvc_camera import usbip
from lab.uvc_camera.clock import CameraClock
from lab.uvc_camera.descriptors import Model
from lab.uvc_camera.faults import Faults
from lab.uvc_camera.requests import ControlEndpoint
from lab.uvc_camera.streaming import Stream

__all__ = ["Camera"]

JOIN_S = 3


class Camera:
    """A webcam. Its methods are for one thread; faults and the frame number go on over a replug."""

    def __init__(self, model: Model, pictures: Path | None = None, flat_out: bool = False) -> None:
        self.model = model
        self.pictures = pictures
        self.flat_out = flat_out
        self.faults = Faults()
        self.clock = CameraClock()
        self.stream: Stream | None = None
        self._link: usbip.Link | None = None
        self._threads: list[threading.Thread] = []
        self._frames_before = 0

    def plug(self) -> None:
        """Plug the webcam in, if it is not; raise OSError where the kernel takes no more devices."""
        if self._link:
            return
        link = self._link = usbip.attach()
        endpoint = ControlEndpoint(self.model, self.faults, lambda on: stream.switch(on))
        stream = self.stream = Stream(self.model, self.faults, link, lambda: endpoint.agreed, self.clock)
        stream.pictures, stream.flat_out = self.pictures, self.flat_out
        stream.counts["numbered"] = self._frames_before
        self._threads = [
            threading.Thread(target=_serve, args=(link, endpoint, stream), name="usb", daemon=True),
            threading.Thread(target=stream.run, name="stream", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def unplug(self) -> None:
        """Pull the webcam out, if it is plugged in."""
        if not self._link or not self.stream:
            return
        self._link.shutdown()
        for thread in self._threads:
            thread.join(JOIN_S)
        self._link.close()
        self._frames_before = self.stream.counts["numbered"]
        self._link = self.stream = None

    def remake(self, **changes: object) -> None:
        """Be another make of webcam when plugged in next: fields of its Model."""
        if self._link:
            raise ValueError("the webcam is plugged in: unplug it first")
        self.model = replace(self.model, **changes)  # type: ignore[arg-type]

    def node(self) -> str | None:
        """Return the video device that captures from this webcam, such as /dev/video0, once the kernel has made it."""
        for serial in usbip.VHCI.glob("usb*/*/serial"):
            with contextlib.suppress(OSError):  # a device that goes just now
                if serial.read_text().strip() != self.model.serial:
                    continue
                for index in serial.parent.glob("*/video4linux/video*/index"):
                    # Index 1 is the node for the metadata of the frames.
                    if index.read_text().strip() == "0":
                        return f"/dev/{index.parent.name}"
        return None

    def describe(self) -> dict[str, object]:
        """Return what the webcam is doing and has done."""
        stream = self.stream
        return {
            "plugged": stream is not None,
            "node": self.node(),
            "on": stream.on if stream else False,
            "format": list(stream.form) if stream and stream.form else None,
            "frames": stream.counts["frames"] if stream else 0,
            "bytes": stream.counts["bytes"] if stream else 0,
            "last_number": stream.counts["numbered"] if stream else self._frames_before,
            "exposures": list(stream.exposures) if stream else [],
            "faults": dict(self.faults.happened),
        }


def _serve(link: usbip.Link, endpoint: ControlEndpoint, stream: Stream) -> None:
    """Answer the host until it or the user unplugs the webcam."""
    try:
        while True:
            request = link.receive()
            if isinstance(request, usbip.Unlink):
                link.reply_unlink(request.number, stream.withdraw(request.victim))
            elif request.endpoint:
                stream.offer(request)
            else:
                answer = endpoint.answer(request.setup, request.data)
                if answer is None:
                    link.reply(request.number, -errno.EPIPE, 0)
                elif request.inward:
                    link.reply(request.number, 0, len(answer), answer)
                else:
                    link.reply(request.number, 0, len(request.data))
    except OSError:
        pass
    finally:
        stream.end()
