"""V4l2Stream: the buffers of a driver, taken and given back by hand."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import mmap
import select
import time
from ctypes import c_int32
from fractions import Fraction
from typing import Any

from camkit.camera_capture._v4l2.reasons import reason
from camkit.doctor import v4l2_abi as abi
from camkit.doctor.mode import Mode
from camkit.doctor.sample import Sample
from camkit.doctor.v4l2_node import V4l2Node
from camkit.errors import CameraError


class V4l2Stream:
    """A running stream; a context manager that ends it.

    Unlike camkit's own it keeps no buffer back: the caller may hold all of them, for how a driver behaves then is one
    of the things to find out. One thread at a time. Borrows the node.

    Attributes
    ----------
    fps : Fraction or None
        Rate that the driver has agreed on.
    buffers : int
        How many the driver gave.
    length : int
        Bytes of room in each, all planes together.
    """

    def __init__(self, node: V4l2Node, mode: Mode, buffers: int, fps: Fraction | None) -> None:
        self._node, self.mode, self.fps = node, mode, fps
        self._maps: list[list[mmap.mmap]] = []
        self._views: list[list[memoryview]] = []
        self._poll = select.poll()
        self._poll.register(node.fd, select.POLLIN)
        self._out: list[Sample] = []  # a driver may hand a buffer over that we hold already
        self.length = 0
        self.buffers, _ = node.request_buffers(buffers)
        try:
            if not self.buffers:
                raise CameraError(errno.ENOMEM, f"cannot start {mode}: the driver gave no buffer", node.path)
            for index in range(self.buffers):
                self._map(index)
            for index in range(self.buffers):
                self._queue(index)
            self.started_ns = time.monotonic_ns()
            node.ioctl(abi.STREAMON, c_int32(node.kind), f"start {mode}")
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> V4l2Stream:
        return self

    def __exit__(self, *args: object) -> None:
        self.close()

    def close(self) -> None:
        """End the stream; what was taken can no longer be looked at. Closing twice is harmless."""
        with contextlib.suppress(OSError):  # the device may be gone
            self._node.ioctl(abi.STREAMOFF, c_int32(self._node.kind), "end the stream")
        for sample in self._out:
            _forget(sample)
        self._out = []
        for view in (view for row in self._views for view in row):
            view.release()
        for memory in (memory for row in self._maps for memory in row):
            memory.close()
        self._views, self._maps = [], []
        with contextlib.suppress(OSError):
            self._node.request_buffers(0)

    def read(self, seconds: float) -> Sample | None:
        """Take the next filled buffer; None: none came within the time.

        Raises
        ------
        CameraError
            The driver failed.
        """
        begun = time.monotonic_ns()
        end = begun + round(seconds * 1e9)
        while True:
            buffer, planes = self._describe()
            try:
                self._node.ioctl(abi.DQBUF, buffer, "take a frame")
                break
            except CameraError as error:
                if error.errno != errno.EAGAIN:
                    raise
            now = time.monotonic_ns()
            if now >= end:
                return None
            for _, events in self._poll.poll((end - now) / 1e6 + 1):
                if events & (select.POLLERR | select.POLLHUP) and not events & select.POLLIN:
                    self._broken()
        now = time.monotonic_ns()
        sample = self._sample(buffer, planes, now, now - begun)
        sample.held = any(other.index == sample.index for other in self._out)
        self._out.append(sample)
        return sample

    def give_back(self, sample: Sample) -> None:
        """Let the driver fill the buffer again, unless another sample still needs it."""
        self._out = [other for other in self._out if other is not sample]
        _forget(sample)
        if all(other.index != sample.index for other in self._out):
            self._queue(sample.index)

    def _broken(self) -> None:
        # poll says the same of an unplugging, of a fatal error and of a driver without buffers.
        if len(self._out) >= self.buffers:
            raise reason(self._node.path, "take a frame: all buffers are held", errno.EAGAIN)
        self._node.ioctl(abi.QUERYCAP, abi.Capability(), "take a frame")
        buffer, _ = self._describe()
        with contextlib.suppress(BlockingIOError):
            self._node.ioctl(abi.DQBUF, buffer, "take a frame")
        raise reason(self._node.path, "take a frame: the driver has given the stream up", errno.EIO)

    def _map(self, index: int) -> None:
        buffer, planes = self._describe(index)
        self._node.ioctl(abi.QUERYBUF, buffer, f"ask for buffer {index}")
        if self._node.multiplanar:
            places = [(plane.length, plane.m.offset) for plane in planes[: buffer.length]]
        else:
            places = [(buffer.length, buffer.m.offset)]
        row = [
            mmap.mmap(self._node.fd, length, mmap.MAP_SHARED, mmap.PROT_READ, offset=offset)
            for length, offset in places
        ]
        self._maps.append(row)
        self._views.append([memoryview(memory) for memory in row])
        self.length = sum(length for length, _ in places)

    def _queue(self, index: int) -> None:
        buffer, _ = self._describe(index)
        self._node.ioctl(abi.QBUF, buffer, f"queue buffer {index}")

    def _describe(self, index: int = 0) -> tuple[abi.Buffer, Any]:
        buffer = abi.Buffer(index=index, type=self._node.kind, memory=abi.MMAP)
        planes = (abi.Plane * abi.MOST_PLANES)()
        if self._node.multiplanar:
            buffer.m.planes = ctypes.cast(planes, ctypes.POINTER(abi.Plane))
            buffer.length = abi.MOST_PLANES
        return buffer, planes

    def _sample(self, buffer: abi.Buffer, planes: Any, now: int, waited: int) -> Sample:
        views = self._views[buffer.index]
        if self._node.multiplanar:
            spans = [(plane.data_offset, plane.bytesused) for plane in planes[: len(views)]]
        else:
            spans = [(0, buffer.bytesused)]
        return Sample(
            index=buffer.index,
            sequence=buffer.sequence,
            timestamp_ns=buffer.seconds * 1_000_000_000 + buffer.microseconds * 1000,
            dequeue_ns=now,
            waited_ns=waited,
            clock=abi.CLOCKS.get(buffer.flags & abi.CLOCK_MASK, "unknown"),
            stamp="start_of_exposure" if buffer.flags & abi.STAMP_MASK == abi.STAMP_START else "end_of_frame",
            error=bool(buffer.flags & abi.FLAG_ERROR),
            nbytes=sum(end - start for start, end in spans),
            length=self.length,
            data=[view[start:end] for view, (start, end) in zip(views, spans, strict=True)],
        )


def _forget(sample: Sample) -> None:
    """Let go of a sample's memory, which cannot be unmapped while anybody looks at it."""
    for part in sample.data:
        part.release()
    sample.data = []
