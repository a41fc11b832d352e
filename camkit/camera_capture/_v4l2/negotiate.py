"""Choose what a V4L2 device shall deliver, and hold the driver to it."""

from __future__ import annotations

import errno
from fractions import Fraction
from typing import Any, NamedTuple

from camkit.camera_capture._v4l2.device import Device, code_name, code_text
from camkit.camera_capture.info import FrameSize, Request, Size, mode
from camkit.errors import CameraError, FormatNotSupported
from camkit.memory_manager._checks import check_int
from camkit.memory_manager._format import FORMATS, PixelFormat

# What is nice to have when nobody asked: no decoding, then what most cameras and GPUs do best.
PREFERRED = ("YUYV", "NV12", "RGB24", "BGR24", "UYVY", "YU12", "NV21", "RGBA32", "XRGB32", "GREY")
LAST = "MJPG"
WHOLE = ("progressive", "interlaced")  # fields of which a frame has all rows, from top to bottom
DEFAULT_SIZE = (1280, 720)
DEFAULT_RATE = Fraction(30)


class Agreement(NamedTuple):
    """What the camera will deliver, and how that differs from what was asked."""

    format: PixelFormat
    size: Size
    rate: Fraction | None
    differences: dict[str, tuple[Any, Any]]


def negotiate(device: Device, request: Request, size_without_wish: Size | None = None) -> Agreement:
    """Set the device to what was asked, or to what is nearest if the request allows that.

    Parameters
    ----------
    device : Device
        Open device.
    request : Request
        What is asked of it.
    size_without_wish : (int, int), optional
        Size to take, as near as it is offered, when the request has none. Default: the device's own.

    Raises
    ------
    FormatNotSupported
        The device has not got exactly what was asked, or has no format that camkit knows.
    CameraBusy
        Another program streams from the device.
    """
    if device.overwrites and request.on_exhausted != "copy":
        raise CameraError(
            errno.EOPNOTSUPP,
            f"cannot open with on_exhausted={request.on_exhausted!r}: its driver writes into frames that are still "
            'held, so each must be copied; open it with on_exhausted="copy"',
            device.path,
        )
    stride = request.options.get("stride")
    device.wanted_stride = 0 if stride is None else check_int("stride", stride, 1, 1 << 24)
    offered = _offered(device)
    wanted = request.format.name if request.format is not None else None
    if request.fourcc is not None and any(code == request.fourcc for code, _, _ in device.codes()):
        offered[str(wanted)] = request.fourcc
    code = offered[wanted if wanted in offered else _best(offered)]
    wish = request.size or size_without_wish
    size = _nearest_size(device, code, wish) if wish else _default_size(device, code)
    # All of this only asks, so that a refusal leaves the device as it was.
    name, size = _known(device, device.try_format(code, *size) or (code, *size))
    rate = _nearest_rate(device, code, size, request.fps)
    request.settle(device.path, name, size, None if rate is None else float(rate))

    name, size = _known(device, device.set_format(code, *size))
    _check_layout(device, name, size)
    got = device.set_rate(rate or DEFAULT_RATE)
    differences = request.settle(device.path, name, size, None if got is None else float(got))
    if request.fourcc is not None and code != request.fourcc:
        asked, instead = code_text(request.fourcc), code_text(code)
        if request.match == "exact":
            raise FormatNotSupported(f"cannot open '{device.path}': {asked} is not offered; nearest is {instead}")
        differences["format"] = (asked, instead)
    stride_got = device.layout[0][0][0]
    if stride_got < device.wanted_stride:
        if request.match == "exact":
            raise FormatNotSupported(
                f"cannot open '{device.path}': rows {stride} bytes apart are not offered in {mode(name, size, None)}; "
                f"nearest is {stride_got}"
            )
        differences["stride"] = (stride, stride_got)
    return Agreement(FORMATS[name], size, got, differences)


def _offered(device: Device) -> dict[str, int]:
    """Return the fourcc of every format of the device that camkit knows, by camkit's name."""
    codes = device.codes()
    if not codes:
        raise FormatNotSupported(
            f"cannot open '{device.path}': it offers no format at all; give it a signal, or start the program that "
            "feeds it"
        )
    known = {name: code for code, _, _ in reversed(codes) if (name := code_name(code)) is not None}
    if not known:
        theirs = ", ".join(f"{code_text(code)} ({description})" for code, description, _ in codes)
        raise FormatNotSupported(
            f"cannot open '{device.path}': camkit knows none of its formats: {theirs}; it knows {', '.join(FORMATS)}"
        )
    return known


def _best(offered: dict[str, int]) -> str:
    for name in PREFERRED:
        if name in offered:
            return name
    return next((name for name in FORMATS if name in offered and name != LAST), LAST)


def _known(device: Device, answer: tuple[int, int, int]) -> tuple[str, Size]:
    code, width, height = answer
    name = code_name(code)
    if name is None:
        raise FormatNotSupported(
            f"cannot open '{device.path}': the driver insists on {code_text(code)}, which camkit does not know"
        )
    if device.field not in WHOLE:
        raise FormatNotSupported(
            f"cannot open '{device.path}': it delivers {mode(name, (width, height), None)} as {device.field}, which "
            "camkit cannot put together; set its input to a progressive or interlaced mode"
        )
    return name, (width, height)


def _default_size(device: Device, code: int) -> Size:
    """Leave the size that the device has, if the format has it too; else the largest up to DEFAULT_SIZE."""
    _, width, height = device.current()
    sizes = device.sizes(code)
    if not sizes or sizes[0].minimum is not None or any((s.width, s.height) == (width, height) for s in sizes):
        return width, height
    fitting = [s for s in sizes if s.width <= DEFAULT_SIZE[0] and s.height <= DEFAULT_SIZE[1]]
    best = max(fitting, key=_area) if fitting else min(sizes, key=_area)
    return best.width, best.height


def _area(size: FrameSize) -> int:
    return size.width * size.height


def _nearest_size(device: Device, code: int, wish: Size) -> Size:
    """Return the offered size nearest to the wish; the wish itself where the driver tells a range or nothing."""
    sizes = device.sizes(code)
    if not sizes or sizes[0].minimum is not None:
        return wish
    best = min(sizes, key=lambda s: abs(s.width - wish[0]) + abs(s.height - wish[1]))
    return best.width, best.height


def _nearest_rate(device: Device, code: int, size: Size, fps: float | None) -> Fraction | None:
    """Return the offered rate nearest to the wish; the wish itself where the driver tells a range or nothing."""
    wish = DEFAULT_RATE if fps is None else Fraction(fps)
    return min(device.rates(code, *size), key=lambda rate: abs(rate - wish), default=wish)


def _check_layout(device: Device, name: str, size: Size) -> None:
    """Refuse what frames cannot describe before any buffer exists."""
    planes, _ = device.layout
    what = mode(name, size, None)
    format = FORMATS[name]
    if len(planes) not in (1, len(format.planes)):
        raise FormatNotSupported(
            f"cannot open '{device.path}': its {what} lies in {len(planes)} separate memories, but has "
            f"{len(format.planes)} plane(s)"
        )
    if not all(size for _, size in planes):
        raise CameraError(errno.EPROTO, f"cannot open: the driver says that {what} takes no memory", device.path)
    if format.compressed:
        return
    across, down = format.multiple
    if size[0] % across or size[1] % down:
        raise FormatNotSupported(
            f"cannot open '{device.path}': {what} is not possible: its width must be a multiple of {across} "
            f"and its height of {down}"
        )
    for plane, (stride, _) in enumerate(planes):
        least = format.row_bytes(size[0], plane)
        proportional = len(planes) > 1 or len(format.planes) == 1 or stride % across == 0
        if stride < least or stride % format.itemsize or not proportional:
            raise CameraError(
                errno.EPROTO,
                f"cannot open: the driver says that the rows of {what} are {stride} bytes apart, they have {least}",
                device.path,
            )
