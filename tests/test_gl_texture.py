"""Which textures a format gets."""

import pytest

from camkit.errors import FormatNotSupported
from camkit.gl_core.texture import R8, R16, RG8, RGBA8, plane_textures
from camkit.memory_manager import FORMATS

DRAWN = [row for row in FORMATS.values() if not row.compressed]


@pytest.mark.parametrize("row", DRAWN, ids=lambda row: row.name)
def test_textures_hold_every_byte_of_a_row(row) -> None:
    for plane, texture in enumerate(plane_textures(row, 66, 34, 16384)):
        assert texture.columns * texture.texel_bytes == row.row_bytes(66, plane)
        assert texture.rows == row.plane_shape(66, 34, plane)[0]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("YUYV", [(RGBA8, 320, 480)]),
        ("NV12", [(R8, 640, 480), (RG8, 320, 240)]),
        ("YU12", [(R8, 640, 480), (R8, 320, 240), (R8, 320, 240)]),
        ("RGB24", [(R8, 1920, 480)]),
        ("RGBA32", [(RGBA8, 640, 480)]),
        ("Y16", [(R16, 640, 480)]),
        ("SRGGB8", [(R8, 640, 480)]),
    ],
)
def test_formats_are_those_that_a_driver_copies_unchanged(name: str, expected: list) -> None:
    planes = plane_textures(FORMATS[name], 640, 480, 16384)
    assert [(p.internal, p.columns, p.rows) for p in planes] == expected


def test_a_compressed_format_cannot_be_drawn() -> None:
    with pytest.raises(FormatNotSupported, match="MJPG cannot be drawn.*decode it first"):
        plane_textures(FORMATS["MJPG"], 640, 480, 16384)


def test_too_large_names_both_sizes() -> None:
    with pytest.raises(FormatNotSupported, match=r"RGB24 6000x10 needs a texture of 18000x10.*takes 16384x16384"):
        plane_textures(FORMATS["RGB24"], 6000, 10, 16384)
