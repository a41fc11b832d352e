"""Every format that vivid draws, compared with what it says it draws: bars of 75 % colour."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from camkit.camera_capture._v4l2.find import formats
from camkit.errors import FormatNotSupported
from camkit.memory_manager import Frame
from camkit.memory_manager._format import FORMATS

SIZE = 320, 180
RATE = 120
LEVELS = 2  # by which a driver's integer arithmetic may differ from ours in floats
UNCOMPRESSED = [name for name, row in FORMATS.items() if not row.compressed]
SMOKE = ("YUYV", "NV12", "RGB24")


def bars(width: int, height: int) -> NDArray[np.float64]:
    """Return the picture as RGB, 0 to 255: white, yellow, cyan, green, magenta, red, blue, black."""
    colours = np.array([(1, 1, 1), (1, 1, 0), (0, 1, 1), (0, 1, 0), (1, 0, 1), (1, 0, 0), (0, 0, 1), (0, 0, 0)])
    return np.broadcast_to(colours[np.arange(width) * 8 // width] * 0.75 * 255, (height, width, 3))


def yuv(rgb: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Convert by ITU-R BT.601-7 equations 2.5.1 and 2.5.2 to limited range, all planes at full size."""
    r, g, b = np.moveaxis(rgb / 255, -1, 0)
    y = 0.299 * r + 0.587 * g + 0.114 * b
    return 16 + 219 * y, 128 + 224 * (b - y) / 1.772, 128 + 224 * (r - y) / 1.402


def expected(name: str) -> list[NDArray[np.float64]]:
    """Return the planes of the bars in a format of camkit's table."""
    row = FORMATS[name]
    rgb = bars(*SIZE)
    y, u, v = yuv(rgb)
    if row.model == "grey":
        # vivid's grey is luma by ITU-R BT.709 in full range, and its 16 bits are the 8 with a zero byte below.
        return [rgb @ (0.2126, 0.7152, 0.0722) * (256 if row.itemsize == 2 else 1)]
    if row.model == "rgb":
        parts = {"R": rgb[..., 0], "G": rgb[..., 1], "B": rgb[..., 2], "A": 0 * y, "X": 0 * y}
        return [np.stack([parts[letter] for letter in row.order], axis=-1)]
    if row.model == "bayer":
        plane = np.empty(y.shape)
        for place, letter in enumerate(row.order):
            plane[place // 2 :: 2, place % 2 :: 2] = rgb[place // 2 :: 2, place % 2 :: 2, "RGB".index(letter)]
        return [plane]
    if row.shader == "packed":
        chroma = np.where(np.arange(SIZE[0]) % 2, v, u)
        return [np.stack((y, chroma) if row.order == "YUYV" else (chroma, y), axis=-1)]
    u, v = (part[:: row.planes[1][1], ::2] for part in (u, v))
    if row.shader == "two_planes":
        return [y, np.stack((u, v) if row.order == "UV" else (v, u), axis=-1)]
    return [y, u, v]


def compare(frame: Frame, name: str) -> None:
    for plane, wanted in zip(frame.planes, expected(name), strict=True):
        assert plane.shape == wanted.shape
        tolerance = LEVELS * (256 if plane.dtype == np.uint16 else 1)
        assert np.abs(plane.astype(float) - wanted).max() <= tolerance


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.smoke] * (n in SMOKE)) for n in UNCOMPRESSED])
def test_all_pixels_are_those_that_the_driver_drew(any_vivid, open_camera, name):
    camera = open_camera(any_vivid.path, format=name, size=SIZE, fps=RATE)
    camera.start()
    frame = camera.read()
    assert frame.format == name and frame.size == SIZE and not frame.corrupt
    assert frame.memory == "mmap" and frame.readonly and not frame.copied
    compare(frame, name)
    # Nothing moves: every further frame is the same, byte for byte, through all the buffers.
    for _ in range(5):
        for plane, other in zip(frame.planes, camera.read().planes, strict=True):
            np.testing.assert_array_equal(plane, other)


@pytest.mark.parametrize("name", ["YUYV", "NV12", "YU12", "Y16", "RGB24"])
def test_padded_rows_are_honoured(any_vivid, open_camera, name):
    row = FORMATS[name]
    stride = row.row_bytes(SIZE[0]) + 128
    camera = open_camera(any_vivid.path, format=name, size=SIZE, fps=RATE, options={"stride": stride})
    camera.start()
    frame = camera.read()
    assert camera.stream.stride == stride
    assert frame.strides == tuple(row.plane_stride(stride, plane) for plane in range(len(row.planes)))
    compare(frame, name)
    held = [camera.read(), camera.read()]
    assert held[-1].copied
    compare(held[-1], name)


def test_rows_that_the_driver_does_not_pad(webcam, open_camera):
    wishes = {"format": "YUYV", "size": (640, 480), "options": {"stride": 2048}}
    with pytest.raises(
        FormatNotSupported, match="rows 2048 bytes apart are not offered in YUYV 640x480; nearest is 1280"
    ):
        open_camera(webcam.path, **wishes)
    assert open_camera(webcam.path, **wishes, match="nearest").stream.differences == {"stride": (2048, 1280)}


@pytest.mark.smoke
def test_vivid_offers_every_uncompressed_format_of_the_table(any_vivid):
    assert {info.name for info in formats(any_vivid.path)} - {None} == set(UNCOMPRESSED)


def test_driver_memory_cannot_be_written(vivid, open_camera):
    camera = open_camera(vivid.path, format="RGB24", size=SIZE, fps=RATE)
    camera.start()
    array = camera.read().array
    with pytest.raises(ValueError, match="read-only"):
        array[0, 0] = 1
    with pytest.raises(ValueError, match="WRITEABLE"):
        array.flags.writeable = True


# Of the driver's control: colour space, encoding, quantization; and what frames must say.
COLOURS = [
    ((2, 0, 0), ("bt709", "srgb", "bt601", "limited")),  # sRGB
    ((1, 0, 0), ("bt709", "bt709", "bt709", "limited")),  # Rec. 709
    ((0, 0, 0), ("smpte170m", "bt709", "bt601", "limited")),  # SMPTE 170M
    ((4, 0, 0), ("bt2020", "bt709", "bt2020", "limited")),  # BT.2020
    ((6, 0, 0), ("smpte240m", "smpte240m", "smpte240m", "limited")),  # SMPTE 240M
    ((2, 2, 1), ("bt709", "srgb", "bt709", "full")),  # sRGB, but Rec. 709 encoding in full range
]


@pytest.mark.parametrize(("controls", "words"), COLOURS)
def test_colour_follows_the_driver(vivid, open_camera, controls, words):
    for name, value in zip(("Colorspace", "Y'CbCr Encoding", "Quantization"), controls, strict=True):
        vivid.set(name, value)
    camera = open_camera(vivid.path, format="YUYV", size=SIZE, fps=RATE)
    camera.start()
    stream = camera.stream
    assert (stream.primaries, stream.transfer, stream.matrix, stream.range) == words
    assert camera.read().colour == words


@pytest.mark.parametrize("name", ["RGB24", "SRGGB8"])
def test_rgb_is_full_range_and_has_no_matrix(vivid, open_camera, name):
    stream = open_camera(vivid.path, format=name).stream
    assert (stream.matrix, stream.range) == ("rgb", "full")
