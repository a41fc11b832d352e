"""The parts of the lab's webcam: pictures, descriptors, negotiation, transfers, faults and orders."""

import io
import os
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lab.uvc_camera import control_socket, descriptors, jpeg, pictures, requests, streaming, usbip
from lab.uvc_camera.__main__ import main as webcam_main
from lab.uvc_camera.camera import Camera
from lab.uvc_camera.descriptors import Model
from lab.uvc_camera.faults import Faults


def segments(data: bytes) -> dict[int, list[bytes]]:
    """Return the segments of a JPEG file up to its entropy-coded data."""
    found: dict[int, list[bytes]] = {}
    at = 2
    while at < len(data):
        mark, marker, length = struct.unpack_from(">BBH", data, at)
        assert mark == 0xFF
        found.setdefault(marker, []).append(data[at + 4 : at + 2 + length])
        at += 2 + length
        if marker == 0xDA:
            return found
    raise AssertionError("no start of scan")


@pytest.mark.parametrize(("width", "height"), pictures.FORMATS[pictures.MJPG])
def test_jpeg_pictures_decode_to_what_was_drawn(width: int, height: int) -> None:
    number = 0x01020305
    data = pictures.mjpg_frame(width, height, number)
    assert data[:2] == b"\xff\xd8"
    assert data[-2:] == b"\xff\xd9"
    found = segments(data)
    assert found[0xE4] == [b"CAMKIT" + number.to_bytes(4, "big")]
    assert len(found[0xDB]) == 2
    assert len(found[0xC4]) == 4
    [frame] = found[0xC0]
    assert struct.unpack_from(">BHHB", frame) == (8, height, width, 3)
    assert frame[6:] == bytes((1, 0x21, 0, 2, 0x11, 1, 3, 0x11, 1)), "not 4:2:2"
    with Image.open(io.BytesIO(data)) as picture:
        picture.draft("YCbCr", (width, height))
        pixels = np.asarray(picture)
    assert pixels.shape == (height, width, 3)
    columns = width // 8
    luma = np.repeat(32 + 187 * np.arange(columns) // (columns - 1), 8)
    lower = pixels[height // 2 :]
    assert (lower[:, :, 0] == luma).all()
    assert (lower[:, :, 1] == 128).all()
    assert (lower[:, :, 2] == 64 + 16 * (number % 8)).all()
    assert (pixels[: height // 16 * 8, :, 0] != luma).any(axis=1).all(), "the upper half has no texture"


def test_jpeg_coefficients_survive_long_runs_and_large_values() -> None:
    last = [0] * 62 + [3]
    full = [(-1) ** k * (k % 5) for k in range(63)]
    blocks = [jpeg.Block(-128, last), jpeg.Block(127), jpeg.Block(0, full), jpeg.Block(-1, [0] * 17 + [1])]
    unit = jpeg.Unit(*blocks)
    data = jpeg.encode_picture(32, 16, [jpeg.encode_band([unit, unit])] * 2)
    with Image.open(io.BytesIO(data)) as picture:
        picture.draft("YCbCr", (32, 16))
        pixels = np.asarray(picture).astype(int)
    # Chroma is blended with its neighbours when it is stretched to the full width.
    assert (pixels[:8, :16, 0] == pixels[8:, 16:, 0]).all(), "equal units decode differently"
    assert (pixels[:, 8:16, 0] == 255).all()
    # The block with only the highest frequency: 3 steps of 8, by the definition of the transform.
    wave = np.cos((2 * np.arange(8) + 1) * 7 * np.pi / 16)
    expected = np.clip(np.round(0 + 24 / 4 * np.outer(wave, wave)), 0, 255)
    assert abs(pixels[:8, :8, 0] - expected).max() <= 1
    with pytest.raises(ValueError, match="whole units of 16x8"):
        jpeg.encode_picture(24, 16, [b""] * 2)


def test_prepared_pictures_are_those_made_in_place(tmp_path: Path) -> None:
    folder = pictures.prepare(tmp_path)
    assert folder is not None
    assert pictures.prepare(tmp_path) == folder
    assert len(list(folder.iterdir())) == 8 * len(pictures.FORMATS[pictures.MJPG])
    for number in range(9):
        read = pictures.reel(pictures.MJPG, 640, 480, folder).frame(number)
        assert read == pictures.mjpg_frame(640, 480, number)
    assert pictures.prepare(tmp_path / "absent") is None


def test_yuyv_frames_carry_their_number() -> None:
    frame = pictures.yuyv_frame(640, 480, 0xA5000001)
    assert len(frame) == 640 * 480 * 2
    assert sum((frame[16 * bit] > 128) << bit for bit in range(32)) == 0xA5000001
    row = frame[640 * 2 : 640 * 4]
    assert row[1::2] == bytes([128]) * 640
    assert list(row[::2]) == [x // 2 * 512 // 640 for x in range(640)]


def walk(data: bytes) -> list[bytes]:
    """Cut a configuration into its descriptors by their own lengths."""
    found = []
    while data:
        assert 2 <= data[0] <= len(data)
        found.append(data[: data[0]])
        data = data[data[0] :]
    return found


@pytest.mark.parametrize(
    "model",
    [Model(), Model(bulk=True), Model(fourccs=("MJPG",), rates=(60,)), Model(rates=(5, 120, 30))],
    ids=["isochronous", "bulk", "one format", "three rates"],
)
def test_descriptors_are_well_formed(model: Model) -> None:
    device = descriptors.device_descriptor(model)
    assert (device[0], device[1], len(device)) == (18, 1, 18)
    configuration = descriptors.configuration_descriptor(model)
    assert struct.unpack_from("<H", configuration, 2)[0] == len(configuration)
    parts = walk(configuration)
    assert [part[1] for part in parts].count(5) == 1, "one endpoint"
    interfaces = [part for part in parts if part[1] == 4]
    assert len({part[2] for part in interfaces}) == configuration[4] == 2
    position = parts.index(interfaces[1])
    control = [part for part in parts[:position] if part[1] == 0x24]
    assert struct.unpack_from("<H", control[0], 5)[0] == sum(map(len, control))
    streaming_parts = [part for part in parts[position:] if part[1] == 0x24]
    header = streaming_parts[0]
    assert struct.unpack_from("<H", header, 4)[0] == sum(map(len, streaming_parts))
    assert header[3] == len(model.fourccs)
    formats = [part for part in streaming_parts if part[2] in (4, 6)]
    frames = [part for part in streaming_parts if part[2] in (5, 7)]
    assert [part[3] for part in formats] == list(range(1, len(model.fourccs) + 1))
    assert [part[4] for part in formats] == [len(pictures.FORMATS[fourcc]) for fourcc in model.fourccs]
    sizes = [struct.unpack_from("<HH", part, 5) for part in frames]
    assert sizes == [size for fourcc in model.fourccs for size in pictures.FORMATS[fourcc]]
    for frame in frames:
        count = frame[25]
        intervals = struct.unpack_from(f"<{count}I", frame, 26)
        assert list(intervals) == sorted(10_000_000 // rate for rate in model.rates)
        assert len(frame) == 26 + 4 * count
    serial = descriptors.string_descriptor(model, 3)
    assert serial is not None
    assert serial[2:].decode("utf-16-le") == model.serial
    assert descriptors.string_descriptor(model, 4) is None


def setup(kind: int, request: int, value: int, index: int, length: int) -> bytes:
    return struct.pack("<BBHHH", kind, request, value, index, length)


def test_negotiation_offers_the_nearest_and_obeys_faults() -> None:
    faults, switched = Faults(), []
    endpoint = requests.ControlEndpoint(Model(bulk=True), faults, switched.append)
    wanted = struct.pack("<HBBI", 1, 2, 99, 400_000).ljust(34, b"\0")
    assert endpoint.answer(setup(0x21, 1, 0x100, 1, 34), wanted) == b""
    offer = endpoint.answer(setup(0xA1, 0x81, 0x100, 1, 34), b"")
    assert offer is not None
    assert struct.unpack_from("<HBBI", offer) == (1, 2, 4, 333_333)
    assert not switched
    faults.arm("commit")
    assert endpoint.answer(setup(0x21, 1, 0x200, 1, 34), offer) is None
    assert endpoint.answer(setup(0x21, 1, 0x200, 1, 34), offer) == b""
    assert endpoint.agreed == requests.StreamFormat("MJPG", 3840, 2160, 333_333)
    assert switched == [True]
    assert endpoint.answer(setup(0x21, 1, 0x200, 1, 3), b"\1\0\2") is None, "a short block"


def test_control_requests_check_range_and_size() -> None:
    endpoint = requests.ControlEndpoint(Model(), Faults(), lambda on: None)
    brightness = 0x200, descriptors.PROCESSING_UNIT << 8
    assert endpoint.answer(setup(0x21, 1, *brightness, 2), (-7 & 0xFFFF).to_bytes(2, "little")) == b""
    assert endpoint.answer(setup(0xA1, 0x81, *brightness, 2), b"") == b"\xf9\xff"
    assert endpoint.answer(setup(0x21, 1, *brightness, 2), (65).to_bytes(2, "little")) is None
    assert endpoint.answer(setup(0x21, 1, *brightness, 1), b"\1") is None
    assert endpoint.answer(setup(0xA1, 0x81, *brightness, 2), b"") == b"\xf9\xff"
    assert endpoint.answer(setup(0xA1, 0x81, 0x7700, 0x200, 2), b"") is None, "no such control"
    assert endpoint.answer(setup(0x80, 6, 0x0100, 0, 8), b"") == descriptors.device_descriptor(Model())[:8]
    assert endpoint.answer(setup(0x80, 6, 0x0900, 0, 8), b"") is None, "no such descriptor"


@pytest.mark.parametrize("packets", [0, 3], ids=["bulk", "isochronous"])
@pytest.mark.parametrize("size", [0, 1, 500, 501, 5000])
def test_a_frame_is_cut_without_loss(packets: int, size: int) -> None:
    picture = os.urandom(size)
    transfers = streaming.cut_frame(picture, 512, packets, toggle=1)
    payloads: list[bytes] = []
    for data, table in transfers:
        lengths = (
            [usbip.PACKET.unpack_from(table, at)[2] for at in range(0, len(table), 16)] if packets else [len(data)]
        )
        assert sum(lengths) == len(data)
        for length in lengths:
            if length:
                payloads.append(data[:length])
            data = data[length:]
    assert b"".join(payload[12:] for payload in payloads) == picture
    assert all(payload[0] == 12 and payload[1] & 0x8D == 0x81 for payload in payloads)
    assert [bool(payload[1] & 2) for payload in payloads] == [False] * (len(payloads) - 1) + [True]


def test_faults_happen_as_often_as_ordered() -> None:
    faults = Faults()
    faults.arm("drop", 2)
    faults.arm("slow", -1)
    assert [faults.take("drop") for _ in range(4)] == [True, True, False, False]
    assert all(faults.take("slow") for _ in range(5))
    faults.arm("slow", 0)
    assert not faults.take("slow")
    assert faults.happened == {"drop": 2, "slow": 5}
    with pytest.raises(ValueError, match="there is no fault 'dorp', only drop, truncate"):
        faults.arm("dorp")


@pytest.mark.parametrize(
    ("order", "answer"),
    [
        ("fault dorp", "error: there is no fault 'dorp'"),
        ("fault drop many", "error: invalid literal"),
        ("freeze", "error: cannot freeze: the webcam is not plugged in"),
        ("explode", "error: there is no order 'explode', only plug"),
        ("", "error: there is no order ''"),
        ("fault drop 3", "ok"),
        ("clock ppm 100", "ok"),
        ("clock wrap", "ok"),
        ("clock tick 1", "error: a clock has no 'tick', only ppm"),
        ("unplug", "ok"),
        ("quit", "bye"),
    ],
)
def test_orders_are_answered(order: str, answer: str) -> None:
    assert control_socket.obey(Camera(Model()), order).startswith(answer)


def test_an_order_to_no_webcam_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert webcam_main(["--send", "stat", "--control", str(tmp_path / "none")]) == 1
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert "is it plugged in with --uvc?" in message
