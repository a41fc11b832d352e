"""The control endpoint of the webcam: standard requests, format negotiation, picture controls."""

import struct
from collections.abc import Callable
from typing import NamedTuple

from lab.uvc_camera.descriptors import (
    CAMERA_TERMINAL,
    CLOCK_HZ,
    PROCESSING_UNIT,
    STREAMING_INTERFACE,
    Model,
    configuration_descriptor,
    device_descriptor,
    string_descriptor,
)
from lab.uvc_camera.faults import Faults
from lab.uvc_camera.pictures import FORMATS

__all__ = ["CONTROLS", "Control", "ControlEndpoint", "StreamFormat"]

# Standard requests.
GET_STATUS, CLEAR_FEATURE, GET_DESCRIPTOR, GET_CONFIGURATION, GET_INTERFACE, SET_INTERFACE = 0, 1, 6, 8, 10, 11
DEVICE, CONFIGURATION, STRING = 1, 2, 3
TYPE_MASK, TO_ENDPOINT = 0x60, 0x02
# Requests of the video class.
SET_CUR, GET_CUR, GET_MIN, GET_MAX, GET_RES, GET_LEN, GET_INFO, GET_DEF = 0x01, *range(0x81, 0x88)
PROBE, COMMIT = 1, 2
CAN_GET_AND_SET = 3
NEGOTIATION_SIZE = 34  # of the probe and commit blocks in Video Class 1.1


class Control(NamedTuple):
    """A picture control: its size in bytes and its range."""

    size: int
    low: int
    high: int
    step: int
    default: int


BRIGHTNESS = (PROCESSING_UNIT, 2)
CONTROLS = {
    BRIGHTNESS: Control(2, -64, 64, 1, 0),
    (PROCESSING_UNIT, 3): Control(2, 0, 64, 1, 32),  # contrast
    (PROCESSING_UNIT, 7): Control(2, 0, 128, 1, 64),  # saturation
    (PROCESSING_UNIT, 5): Control(1, 0, 2, 1, 1),  # power line frequency
    (CAMERA_TERMINAL, 2): Control(1, 1, 8, 9, 8),  # auto exposure mode: its step is a mask of the modes 1 and 8
    (CAMERA_TERMINAL, 4): Control(4, 1, 5000, 1, 157),  # exposure time, 100 us
}


class StreamFormat(NamedTuple):
    """What was agreed on: fourcc, size, and the frame interval in units of 100 ns."""

    fourcc: str
    width: int
    height: int
    interval: int


class ControlEndpoint:
    """Answers the requests of one plugged-in webcam.

    `streaming(on)` is called when the host starts or stops the stream. Used by one thread; `agreed` may be read by any.
    """

    def __init__(self, model: Model, faults: Faults, streaming: Callable[[bool], None]) -> None:
        self.model = model
        self.faults = faults
        self.streaming = streaming
        self.values = {key: control.default for key, control in CONTROLS.items()}
        self.offer, self.agreed = self._negotiate(bytes(NEGOTIATION_SIZE))

    def answer(self, setup: bytes, data: bytes) -> bytes | None:
        """Return the bytes of the data stage for a setup packet, or None to stall."""
        kind, request, value, index, length = struct.unpack("<BBHHH", setup)
        if kind & TYPE_MASK == 0:
            reply = self._standard(kind, request, value, index)
        elif index & 0xFF == STREAMING_INTERFACE:
            reply = self._stream_request(request, value >> 8, data)
        else:
            reply = self._control_request(request, (index >> 8, value >> 8), data)
        return None if reply is None else reply[:length]

    def _standard(self, kind: int, request: int, value: int, index: int) -> bytes | None:
        if request == GET_DESCRIPTOR:
            return self._descriptor(value >> 8, value & 0xFF)
        if request == GET_STATUS:
            return bytes(2)
        if request in (GET_CONFIGURATION, GET_INTERFACE):
            return bytes((1,))
        if request == SET_INTERFACE and index == STREAMING_INTERFACE:
            self.streaming(value == 1)
        if request == CLEAR_FEATURE and kind == TO_ENDPOINT and self.model.bulk:
            # uvcvideo ends a bulk stream by clearing a halt of its endpoint.
            self.streaming(False)
        return b""

    def _descriptor(self, kind: int, index: int) -> bytes | None:
        if kind == DEVICE:
            return device_descriptor(self.model)
        if kind == CONFIGURATION:
            return configuration_descriptor(self.model)
        return string_descriptor(self.model, index) if kind == STRING else None

    def _stream_request(self, request: int, selector: int, data: bytes) -> bytes | None:
        if selector not in (PROBE, COMMIT) or self.faults.take("probe" if selector == PROBE else "commit"):
            return None
        if request == GET_LEN:
            return struct.pack("<H", NEGOTIATION_SIZE)
        if request == GET_INFO:
            return bytes((CAN_GET_AND_SET,))
        if request != SET_CUR:
            return self.offer
        if len(data) < NEGOTIATION_SIZE:
            return None
        self.offer, wanted = self._negotiate(data)
        if selector == COMMIT:
            self.agreed = wanted
            if self.model.bulk:
                self.streaming(True)
        return b""

    def _negotiate(self, data: bytes) -> tuple[bytes, StreamFormat]:
        """Return the nearest offer to what the host asks for, as bytes and in words."""
        _, form, frame, interval = struct.unpack("<HBBI", data[:8])
        form = min(max(form, 1), len(self.model.fourccs))
        fourcc = self.model.fourccs[form - 1]
        frame = min(max(frame, 1), len(FORMATS[fourcc]))
        width, height = FORMATS[fourcc][frame - 1]
        intervals = self.model.intervals
        interval = min(intervals, key=lambda each: abs(each - interval)) if interval else intervals[0]
        largest = (width * height * 2, self.model.largest_payload, CLOCK_HZ)
        offer = struct.pack("<HBBIHHHHH", 1, form, frame, interval, 0, 0, 0, 0, 0)
        offer += struct.pack("<IIIBBBB", *largest, 3, 0, 0, 0)
        return offer, StreamFormat(fourcc, width, height, interval)

    def _control_request(self, request: int, key: tuple[int, int], data: bytes) -> bytes | None:
        control = CONTROLS.get(key)
        if control is None or (key == BRIGHTNESS and self.faults.take("brightness")):
            return None
        if request == SET_CUR:
            value = int.from_bytes(data, "little", signed=True)
            if len(data) != control.size or not control.low <= value <= control.high:
                return None
            self.values[key] = value
            return b""
        if request == GET_INFO:
            return bytes((CAN_GET_AND_SET,))
        if request == GET_LEN:
            return struct.pack("<H", control.size)
        answers = {GET_CUR: self.values[key], GET_MIN: control.low, GET_MAX: control.high}
        answers |= {GET_RES: control.step, GET_DEF: control.default}
        if request not in answers:
            return None
        return answers[request].to_bytes(control.size, "little", signed=True)
