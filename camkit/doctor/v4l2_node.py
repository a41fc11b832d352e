"""V4l2Node: a device node asked by the doctor's own calls, so that camkit's errors are not taken for the driver's."""

from __future__ import annotations

import errno
import fcntl
import os
from ctypes import Structure, c_int32, sizeof
from fractions import Fraction

from camkit.camera_capture._v4l2.reasons import reason
from camkit.doctor import v4l2_abi as abi
from camkit.doctor.mode import Layout


class V4l2Node:
    """An open node that captures video. One thread at a time.

    Owns its file descriptor.

    Parameters
    ----------
    path : str
        Node.

    Raises
    ------
    CameraError
        It cannot be opened, or does not capture video.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.fd = -1
        self.reopen()
        self.capability = abi.Capability()
        try:
            self.ioctl(abi.QUERYCAP, self.capability, "ask for its capabilities")
            caps = self.capability.capabilities
            caps = self.capability.device_caps if caps & abi.CAP_DEVICE_CAPS else caps
            self.kind = abi.CAPTURE if caps & abi.CAP_VIDEO_CAPTURE else abi.CAPTURE_MPLANE
            self._format = self._answer(abi.G_FMT, self._empty(), "ask for the format")
        except BaseException:
            os.close(self.fd)
            raise
        self._rate = self.rate()

    @property
    def multiplanar(self) -> bool:
        """bool: the driver speaks the multi-planar API."""
        return self.kind == abi.CAPTURE_MPLANE

    def reopen(self) -> None:
        """Open the node again after `close`; what `restore` puts back is what was found the first time."""
        try:
            self.fd = os.open(self.path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise reason(self.path, "open", error.errno or errno.EIO) from None

    def close(self) -> None:
        """Close the node, which leaves format and rate as they are. Closing twice is harmless."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def restore(self) -> list[str]:
        """Put format and rate back to what they were; what could not be put back."""
        failed = []
        try:
            before = self._layout(self._format)
            if self.layout() != before and self._layout(self._set(self._format)) != before:
                failed.append("format")
            if self._rate is not None and self.rate() != self._rate and self.set_rate(self._rate) != self._rate:
                failed.append("rate")
        except OSError as error:
            failed.append(f"format and rate ({error.strerror})")
        return failed

    def ioctl(self, request: int, argument: Structure | c_int32, what: str) -> None:
        """Do one, or raise the CameraError that says what failed."""
        try:
            fcntl.ioctl(self.fd, request, argument)
        except OSError as error:
            raise reason(self.path, what, error.errno or errno.EIO) from None

    # ---- format and rate ----

    def layout(self) -> Layout:
        """Return the format that it is set to now."""
        return self._layout(self._answer(abi.G_FMT, self._empty(), "ask for the format"))

    def try_format(self, code: int, width: int, height: int) -> Layout:
        """Return what `set_format` would make of it, and change nothing."""
        return self._layout(self._answer(abi.TRY_FMT, self._wish(code, width, height), f"try {width}x{height}"))

    def set_format(self, code: int, width: int, height: int) -> Layout:
        """Set the format and return what the driver made of it."""
        return self._layout(self._set(self._wish(code, width, height)))

    def rate(self) -> Fraction | None:
        """Return the rate that it is set to; None: it has none, or does not tell."""
        parm = abi.StreamParm(type=self.kind)
        try:
            fcntl.ioctl(self.fd, abi.G_PARM, parm)
        except OSError:
            return None
        return _rate(parm)

    def set_rate(self, rate: Fraction) -> Fraction | None:
        """Set the rate and return what the driver made of it; None: it has no say in that."""
        parm = abi.StreamParm(type=self.kind)
        try:
            fcntl.ioctl(self.fd, abi.G_PARM, parm)
        except OSError:
            return None
        if not parm.capability & abi.CAP_TIMEPERFRAME:
            return _rate(parm)
        parm.numerator, parm.denominator = rate.denominator, rate.numerator
        self.ioctl(abi.S_PARM, parm, f"set {float(rate):g} frames per second")
        return _rate(parm)

    def _wish(self, code: int, width: int, height: int) -> abi.Format:
        wish = self._empty()
        form = wish.fmt.pix_mp if self.multiplanar else wish.fmt.pix
        form.pixelformat, form.width, form.height = code, width, height
        return wish

    def _empty(self) -> abi.Format:
        return abi.Format(type=self.kind)

    def _set(self, wish: abi.Format) -> abi.Format:
        return self._answer(abi.S_FMT, wish, "set the format")

    def _answer(self, request: int, wish: abi.Format, what: str) -> abi.Format:
        answer = abi.Format.from_buffer_copy(wish)
        self.ioctl(request, answer, what)
        return answer

    def _layout(self, answer: abi.Format) -> Layout:
        if not self.multiplanar:
            pix = answer.fmt.pix
            return Layout(pix.pixelformat, pix.width, pix.height, ((pix.bytesperline, pix.sizeimage),))
        mp = answer.fmt.pix_mp
        used = mp.plane_fmt[: min(mp.num_planes, abi.MOST_PLANES)]
        planes = tuple((plane.bytesperline, plane.sizeimage) for plane in used)
        return Layout(mp.pixelformat, mp.width, mp.height, planes)

    # ---- buffers ----

    def request_buffers(self, count: int, memory: int = abi.MMAP) -> tuple[int, int]:
        """Ask for buffers; how many there are now, and the capabilities of the queue (0: an old kernel)."""
        wish = abi.RequestBuffers(count=count, type=self.kind, memory=memory)
        self.ioctl(abi.REQBUFS, wish, f"get {count} buffers" if count else "free its buffers")
        return wish.count, wish.capabilities

    def export(self, index: int) -> int:
        """Export plane 0 of a buffer and return its size as the dma-buf tells it."""
        wish = abi.ExportBuffer(type=self.kind, index=index, flags=os.O_CLOEXEC)
        self.ioctl(abi.EXPBUF, wish, f"export buffer {index}")
        try:
            return os.lseek(wish.fd, 0, os.SEEK_END)
        finally:
            os.close(wish.fd)


def _rate(parm: abi.StreamParm) -> Fraction | None:
    return Fraction(parm.denominator, parm.numerator) if parm.numerator and parm.denominator else None


assert sizeof(abi.StreamParm) == 204
