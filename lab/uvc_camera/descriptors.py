"""What the webcam tells the USB host about itself: USB 2.0 and Video Class 1.1 descriptors."""

import struct
from dataclasses import dataclass, field

from lab.uvc_camera.pictures import FORMATS, MJPG, YUYV

__all__ = [
    "CAMERA_TERMINAL",
    "PROCESSING_UNIT",
    "STREAMING_INTERFACE",
    "Model",
    "configuration_descriptor",
    "device_descriptor",
    "string_descriptor",
]

CONTROL_INTERFACE, STREAMING_INTERFACE = 0, 1
CAMERA_TERMINAL, PROCESSING_UNIT, OUTPUT_TERMINAL = 1, 2, 3
CLOCK_HZ = 48_000_000
UNITS_PER_SECOND = 10_000_000  # frame intervals count 100 ns
ENDPOINT_IN = 0x81
GUID_YUY2 = bytes.fromhex("5955593200001000800000aa00389b71")

DEVICE, CONFIGURATION, STRING, INTERFACE, ENDPOINT, ASSOCIATION = 1, 2, 3, 4, 5, 11
CLASS_SPECIFIC = 0x24
VIDEO, VIDEO_CONTROL, VIDEO_STREAMING, VIDEO_COLLECTION = 0x0E, 1, 2, 3
MISCELLANEOUS = (0xEF, 2, 1)
# Subtypes on the control interface, then on the streaming interface.
VC_HEADER, VC_INPUT_TERMINAL, VC_OUTPUT_TERMINAL, VC_PROCESSING_UNIT = 1, 2, 3, 5
VS_INPUT_HEADER, VS_FORMAT_UNCOMPRESSED, VS_FRAME_UNCOMPRESSED = 1, 4, 5
VS_FORMAT_MJPEG, VS_FRAME_MJPEG, VS_COLOUR = 6, 7, 13
CAMERA_SENSOR, USB_STREAM = 0x0201, 0x0101
BT709, BT601_MATRIX = 1, 4


@dataclass(frozen=True)
class Model:
    """The make of a webcam: names, numbers, formats, rates and kind of endpoint."""

    name: str = "camkit lab webcam"
    serial: str = "0001"
    vendor: int = 0x1D6B
    product: int = 0x0102
    bulk: bool = False
    rates: tuple[int, ...] = (30, 15)
    fourccs: tuple[str, ...] = (YUYV, MJPG)
    maker: str = field(default="camkit", init=False)

    @property
    def intervals(self) -> list[int]:
        """Return the frame intervals on offer, shortest first, in units of 100 ns."""
        return [UNITS_PER_SECOND // rate for rate in sorted(self.rates, reverse=True)]

    @property
    def largest_payload(self) -> int:
        """Return the largest payload transfer in bytes: three packets of a microframe, or one bulk transfer."""
        return 16384 if self.bulk else 3 * 1024


def device_descriptor(model: Model) -> bytes:
    """Return the device descriptor: strings 1, 2, 3 are maker, name and serial."""
    ids = (model.vendor, model.product)
    return struct.pack("<BBHBBBBHHHBBBB", 18, DEVICE, 0x0200, *MISCELLANEOUS, 64, *ids, 0x0100, 1, 2, 3, 1)


def string_descriptor(model: Model, index: int) -> bytes | None:
    """Return string `index`, or None where there is none; 0 is the list of languages."""
    strings = ("\u0409", model.maker, model.name, model.serial)
    if index >= len(strings):
        return None
    text = strings[index].encode("utf-16-le")
    return struct.pack("BB", len(text) + 2, STRING) + text


def configuration_descriptor(model: Model) -> bytes:
    """Return the configuration with its two interfaces, control and streaming."""
    association = struct.pack("8B", 8, ASSOCIATION, CONTROL_INTERFACE, 2, VIDEO, VIDEO_COLLECTION, 0, 0)
    body = association + _control_interface() + _streaming_interface(model)
    return struct.pack("<BBHBBBBB", 9, CONFIGURATION, 9 + len(body), 2, 1, 0, 0x80, 250) + body


def _control_interface() -> bytes:
    # Terminal: auto exposure mode and exposure time. Unit: brightness, contrast, saturation, power line frequency.
    sensor = (CAMERA_TERMINAL, CAMERA_SENSOR, 0, 0, 0, 0, 0, 3, 0x0A, 0, 0)
    units = _class_specific(VC_INPUT_TERMINAL, "BHBBHHHBBBB", *sensor)
    units += _class_specific(VC_PROCESSING_UNIT, "BBHBBBBB", PROCESSING_UNIT, CAMERA_TERMINAL, 0, 3, 0x0B, 0x04, 0, 0)
    units += _class_specific(VC_OUTPUT_TERMINAL, "BHBBB", OUTPUT_TERMINAL, USB_STREAM, 0, PROCESSING_UNIT, 0)
    header = _class_specific(VC_HEADER, "HHIBB", 0x0110, 13 + len(units), CLOCK_HZ, 1, STREAMING_INTERFACE)
    return _interface(CONTROL_INTERFACE, 0, 0, VIDEO_CONTROL) + header + units


def _streaming_interface(model: Model) -> bytes:
    formats = b"".join(_format(model, number, fourcc) for number, fourcc in enumerate(model.fourccs, 1))
    count = len(model.fourccs)
    size = 13 + count
    numbers = (count, size + len(formats), ENDPOINT_IN, 0, OUTPUT_TERMINAL, 0, 0, 0, 1)
    header = _class_specific(VS_INPUT_HEADER, f"BHBBBBBBB{count}s", *numbers, bytes(count))
    # Isochronous, a setting without bandwidth comes first. 0x1400: 3 packets of 1024 bytes in a microframe.
    kind, packet, interval = (2, 512, 0) if model.bulk else (5, 0x1400, 1)
    endpoint = struct.pack("<BBBBHB", 7, ENDPOINT, ENDPOINT_IN, kind, packet, interval)

    def setting(number: int, endpoints: int) -> bytes:
        return _interface(STREAMING_INTERFACE, number, endpoints, VIDEO_STREAMING)

    if model.bulk:
        return setting(0, 1) + header + formats + endpoint
    return setting(0, 0) + header + formats + setting(1, 1) + endpoint


def _format(model: Model, number: int, fourcc: str) -> bytes:
    sizes = FORMATS[fourcc]
    if fourcc == YUYV:
        subtype = VS_FRAME_UNCOMPRESSED
        guid = (GUID_YUY2, 16, 1, 0, 0, 0, 0)
        parts = [_class_specific(VS_FORMAT_UNCOMPRESSED, "BB16sBBBBBB", number, len(sizes), *guid)]
    else:
        subtype = VS_FRAME_MJPEG
        parts = [_class_specific(VS_FORMAT_MJPEG, "8B", number, len(sizes), 1, 1, 0, 0, 0, 0)]
    intervals = model.intervals
    for frame, (width, height) in enumerate(sizes, 1):
        pixels = width * height
        rates = (pixels * 16, pixels * 16 * 30)
        layout = f"BBHHIIIIB{len(intervals)}I"
        fields = (frame, 0, width, height, *rates, pixels * 2, intervals[0], len(intervals), *intervals)
        parts.append(_class_specific(subtype, layout, *fields))
    parts.append(_class_specific(VS_COLOUR, "BBB", BT709, BT709, BT601_MATRIX))
    return b"".join(parts)


def _interface(number: int, setting: int, endpoints: int, subclass: int) -> bytes:
    return struct.pack("9B", 9, INTERFACE, number, setting, endpoints, VIDEO, subclass, 0, 0)


def _class_specific(subtype: int, layout: str, *values: int | bytes) -> bytes:
    body = struct.pack("<" + layout, *values)
    return struct.pack("BBB", len(body) + 3, CLASS_SPECIFIC, subtype) + body
