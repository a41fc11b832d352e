"""Patient: the camera under examination, whatever kind it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from fractions import Fraction
from typing import Any, NamedTuple, Protocol, Self

from camkit.camera_capture.camera import Camera
from camkit.camera_capture.info import CameraInfo
from camkit.camera_capture.registry import open as open_camera
from camkit.doctor.finding import NotPossible
from camkit.doctor.mode import Layout, Mode, Offer
from camkit.doctor.sample import Sample
from camkit.doctor.v4l2_abi import Capability
from camkit.errors import CameraError

MOST_FPS = Fraction(30)  # of the stream that is watched: what camkit asks for when nobody says


class Stream(Protocol):
    """A running stream; a context manager that ends it.

    Attributes
    ----------
    fps : Fraction or None
        Rate that was agreed on.
    buffers : int
        Buffers that driver and caller share.
    started_ns : int
        When it was told to start, on the monotonic clock.
    """

    fps: Fraction | None
    buffers: int
    started_ns: int

    def __enter__(self) -> Self: ...

    def __exit__(self, *args: object) -> None: ...

    def read(self, seconds: float) -> Sample | None:
        """Take the next filled buffer; None: none came within the time."""

    def give_back(self, sample: Sample) -> None:
        """Let the driver fill the buffer again."""


class Memories(NamedTuple):
    """Ways that frames can take into memory."""

    kinds: list[str]  # mmap, userptr, dmabuf
    capabilities: list[str]
    exported_bytes: int | None  # of a buffer as a dma-buf
    refused: str  # why there is no dma-buf
    ways: dict[str, str]  # those of camkit's option `io`: how a frame came, or why none did


class Patient(ABC):
    """A camera under examination. One thread at a time.

    Attributes
    ----------
    info : CameraInfo
        Which camera it is.
    options : dict
        What `camkit.open` gets beside the mode.
    overwrites : bool
        The driver is known to fill buffers that it has lent out.
    capability : v4l2_abi.Capability or None
        What a V4L2 driver says of itself.
    """

    overwrites = False
    capability: Capability | None = None

    def __init__(self, info: CameraInfo, options: dict[str, Any] | None = None) -> None:
        self.info, self.options = info, options or {}

    @abstractmethod
    def offers(self) -> tuple[Offer, ...]:
        """List what the camera says it offers."""

    @abstractmethod
    def try_mode(self, mode: Mode) -> Layout:
        """Return what the camera would make of a mode; nothing changes."""

    @abstractmethod
    def stream(self, mode: Mode, buffers: int = 4) -> Stream:
        """Set a mode and start; raises OSError or ValueError if that is refused, or something else is given."""

    def camera(self, mode: Mode | None = None, **wishes: Any) -> Camera:
        """Open the camera as users do."""
        if mode is not None:
            wishes = {"format": mode.name, "size": (mode.width, mode.height), "match": "nearest", **wishes}
            if mode.fps is not None:
                wishes["fps"] = float(mode.fps)
        return open_camera(self.info.path or self.info.id, **self.options, **wishes)

    def busy(self) -> CameraError | None:
        """Return the error that says who streams from the camera, None if nobody does."""
        return None

    def memories(self, mode: Mode, seconds: float) -> Memories:
        """Tell which ways into memory there are, with a frame by each; raises NotPossible where there is no choice."""
        raise NotPossible("not a V4L2 device")

    def usual_mode(self) -> Mode:
        """Return the mode that `camkit.open` takes when nobody says which."""
        with self.camera() as camera:
            s = camera.stream
        code = next(offer.code for offer in self.offers() if offer.fourcc == s.fourcc)
        fps = MOST_FPS if s.fps is None else Fraction(s.fps).limit_denominator(1001)
        return Mode(code, s.fourcc, s.format, s.width, s.height, fps)

    def restore(self) -> list[str]:
        """Put format and rate back; what could not be put back."""
        return []

    def reopen(self) -> None:  # noqa: B027
        """Open the camera again after `close`."""

    def close(self) -> None:  # noqa: B027
        """Give the camera up. Closing twice is harmless."""
