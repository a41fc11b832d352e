"""CameraPatient: a camera of any backend, by way of camkit; the synthetic one is examined so."""

from __future__ import annotations

import time
from fractions import Fraction

import numpy as np

from camkit.camera_capture.camera import Camera
from camkit.camera_capture.info import FrameSize
from camkit.camera_capture.registry import list_formats
from camkit.doctor.finding import NotPossible
from camkit.doctor.mode import Layout, Mode, Offer
from camkit.doctor.patient import Patient
from camkit.doctor.sample import Sample
from camkit.errors import CameraTimeout
from camkit.memory_manager import FORMATS

MOST = (1920, 1080)  # of a range: larger pictures only fill the memory


class CameraStream:
    """A stream through `camkit.Camera`, which counts and marks what is damaged but hands it over."""

    def __init__(self, camera: Camera) -> None:
        self._camera = camera
        s = camera.stream
        self.fps = None if s.fps is None else _fraction(s.fps)
        self.buffers = s.buffers
        self.length = 0 if not s.stride else FORMATS[s.format].image_bytes(s.width, s.height, s.stride)
        self.started_ns = time.monotonic_ns()
        camera.start()

    def __enter__(self) -> CameraStream:
        return self

    def __exit__(self, *args: object) -> None:
        self._camera.close()

    def read(self, seconds: float) -> Sample | None:
        """Take the next frame; None: none came within the time."""
        begun = time.monotonic_ns()
        try:
            frame = self._camera.read(timeout=seconds)
        except CameraTimeout:
            return None
        except EOFError:
            raise NotPossible("the stream is over") from None
        return Sample(
            index=frame.slot,
            sequence=frame.sequence & 0xFFFFFFFF,
            timestamp_ns=frame.timestamp_ns,
            dequeue_ns=frame.dequeue_ns,
            waited_ns=frame.dequeue_ns - begun,
            clock=frame.clock,
            stamp=frame.stamp,
            error=frame.corrupt,
            nbytes=frame.nbytes,
            length=self.length or frame.nbytes,
            data=[np.ascontiguousarray(plane).reshape(-1).view(np.uint8) for plane in frame.planes],
            token=frame,
        )

    def give_back(self, sample: Sample) -> None:
        """Drop the frame and its views."""
        sample.data, sample.token = [], None


class CameraPatient(Patient):
    """A camera that camkit opens; see `Patient`."""

    def offers(self) -> tuple[Offer, ...]:
        return tuple(
            Offer(
                FORMATS[row.name].v4l2,
                row.fourcc,
                row.name,
                row.compressed,
                tuple((_bounded(size), tuple(map(_fraction, size.fps))) for size in row.sizes),
            )
            for row in list_formats(self.info.path or self.info.id)
            if row.name is not None
        )  # fmt: skip

    def try_mode(self, mode: Mode) -> Layout:
        with self.camera(mode, match="exact") as camera:
            s = camera.stream
            return Layout(mode.code, s.width, s.height, ((s.stride, _bytes(s.format, s.width, s.height, s.stride)),))

    def stream(self, mode: Mode, buffers: int = 4) -> CameraStream:
        return CameraStream(
            self.camera(mode, match="exact", buffers=buffers, corrupt="deliver", on_exhausted="drop", timeout=None)
        )


def _bytes(name: str, width: int, height: int, stride: int) -> int:
    return FORMATS[name].image_bytes(width, height, stride) if stride else 0


def _fraction(fps: float) -> Fraction:
    return Fraction(fps).limit_denominator(1001)


def _bounded(size: FrameSize) -> FrameSize:
    if size.minimum is None:
        return size
    return FrameSize(min(size.width, MOST[0]), min(size.height, MOST[1]), size.fps, size.minimum, size.step)
