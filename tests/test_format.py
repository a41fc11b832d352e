"""Pixel formats: everything is derived from the rows of pixel_format.h."""

import pickle

import pytest

from camkit.errors import FormatNotSupported
from camkit.memory_manager import FORMATS, FramePool, PixelFormat

REQUIRED = {
    "YUYV": "YUYV", "UYVY": "UYVY", "NV12": "NV12", "NV21": "NV21", "NV16": "NV16", "NV61": "NV61", "YU12": "YU12",
    "GREY": "GREY", "Y16": "Y16 ",
    "RGB24": "RGB3", "BGR24": "BGR3", "RGBA32": "AB24", "XRGB32": "BX24", "SBGGR8": "BA81", "SGBRG8": "GBRG",
    "SGRBG8": "GRBG", "SRGGB8": "RGGB", "MJPG": "MJPG",
}  # fmt: skip
PICTURES = [name for name, row in FORMATS.items() if not row.compressed]


def test_the_required_formats_carry_the_kernels_fourccs():
    assert {name: FORMATS[name].fourcc for name in REQUIRED} == REQUIRED


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_is_found_by_name_fourcc_number_and_itself(name):
    row = FORMATS[name]
    for key in (name, name.lower(), row.fourcc, row.v4l2, row):
        assert PixelFormat.find(key) is row
    assert pickle.loads(pickle.dumps(row)) is row


@pytest.mark.parametrize("name", PICTURES)
def test_planes_fill_the_image_exactly(name):
    row, (width, height) = FORMATS[name], (64, 48)
    total = 0
    for i in range(len(row.planes)):
        shape = row.plane_shape(width, height, i)
        samples = shape[1] * (shape[2] if len(shape) == 3 else 1)
        assert row.row_bytes(width, i) == samples * row.itemsize
        assert row.plane_stride(row.row_bytes(width), i) == row.row_bytes(width, i)
        total += shape[0] * row.row_bytes(width, i)
    assert row.image_bytes(width, height) == total


@pytest.mark.parametrize(
    ("name", "bits_per_pixel"),
    [("YUYV", 16), ("NV12", 12), ("YU12", 12), ("GREY", 8), ("Y16", 16), ("RGB24", 24), ("XRGB32", 32), ("SRGGB8", 8)],
)
def test_bits_per_pixel(name, bits_per_pixel):
    assert FORMATS[name].image_bytes(64, 48) == 64 * 48 * bits_per_pixel // 8


@pytest.mark.parametrize("name", PICTURES)
def test_a_padded_stride_reaches_every_plane(name):
    pool = FramePool(1, format=name, size=(64, 48), stride=FORMATS[name].row_bytes(64) + 64)
    frame = pool.acquire()
    for i, plane in enumerate(frame.planes):
        assert plane.shape == FORMATS[name].plane_shape(64, 48, i)
        assert plane.strides[0] == frame.strides[i] == FORMATS[name].plane_stride(frame.strides[0], i)
        plane[:] = i + 1
    for i, plane in enumerate(frame.planes):
        assert (plane == i + 1).all(), "planes overlap"


@pytest.mark.parametrize("bad", ["", "YUY", "NV99", 0, -1, 1 << 40])
def test_an_unknown_format_is_refused_with_the_names_there_are(bad):
    with pytest.raises(FormatNotSupported, match="camkit has YUYV, UYVY"):
        PixelFormat.find(bad)


@pytest.mark.parametrize("bad", [None, 1.5, b"YUYV", True])
def test_a_format_of_the_wrong_type_is_a_type_error(bad):
    with pytest.raises((TypeError, FormatNotSupported)):
        PixelFormat.find(bad)


def test_a_plane_that_is_not_there():
    with pytest.raises(IndexError, match="YUYV has 1 plane"):
        FORMATS["YUYV"].row_bytes(64, 1)


def test_formats_are_not_made_by_hand():
    with pytest.raises(TypeError, match="not made by hand"):
        PixelFormat()
    assert PixelFormat.__new__(PixelFormat).planes == FORMATS["YUYV"].planes, "an empty one is harmless"
