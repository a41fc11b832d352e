"""The numbers of the colour conversion, against published coefficients."""

import numpy as np
import pytest

from camkit.gl_core.colour import conversion, matrix_of, range_of

# Factors of Y, of Cr in R, of Cb and Cr in G and of Cb in B, with codes of 8 bits: rounded, from public tables.
PUBLISHED = {
    (6, 1): (1.16438356, 1.59602679, -0.39176229, -0.81296765, 2.01723214),
    (6, 2): (1.0, 1.402, -0.34413629, -0.71413629, 1.772),
    (1, 1): (1.16438356, 1.79274107, -0.21324861, -0.53290933, 2.11240179),
    (1, 2): (1.0, 1.5748, -0.18732427, -0.46812427, 1.8556),
    (9, 1): (1.16438356, 1.67867411, -0.18732610, -0.65042432, 2.14177232),
    (9, 2): (1.0, 1.4746, -0.16455313, -0.57135313, 1.8814),
}


@pytest.mark.parametrize(("matrix", "range_"), PUBLISHED)
def test_coefficients_are_the_published_ones(matrix: int, range_: int) -> None:
    m = conversion("yuv", 2, 2, matrix, range_).matrix
    assert (m[0], m[2], m[4], m[5], m[7]) == pytest.approx(PUBLISHED[matrix, range_], abs=1e-8)
    assert m[0] == m[3] == m[6]
    assert m[1] == m[8] == 0


@pytest.mark.parametrize("bits", [8, 10, 16])
@pytest.mark.parametrize("matrix", [1, 6, 7, 9])
@pytest.mark.parametrize("range_", [1, 2])
def test_black_and_white_are_exact_in_every_depth(matrix: int, range_: int, bits: int) -> None:
    found = conversion("yuv", 2, 2, matrix, range_, bits)
    unit, top = 1 << (bits - 8), (1 << bits) - 1
    black, white = (16 * unit, 235 * unit) if range_ == 1 else (0, top)
    for code, expected in ((black, 0.0), (white, 1.0)):
        ycc = np.array([code, 128 * unit, 128 * unit]) / top
        rgb = np.reshape(found.matrix, (3, 3)) @ (ycc - found.offset)
        assert rgb == pytest.approx([expected] * 3, abs=1e-12)


@pytest.mark.parametrize(
    ("primaries", "transfer", "matrix", "expected"),
    [
        (2, 2, 2, 6),  # a webcam that says nothing
        (1, 13, 2, 6),  # sRGB: V4L2's default encoding is BT.601
        (1, 1, 2, 1),  # Rec. 709
        (12, 2, 2, 1),  # DCI-P3
        (9, 2, 2, 9),
        (7, 2, 2, 7),
        (5, 2, 2, 6),
        (9, 2, 1, 1),  # what is known counts
        (2, 2, 0, 6),  # "RGB" cannot be the matrix of YUV
        (2, 2, 99, 6),
    ],
)
def test_an_unknown_matrix_follows_the_rule_of_v4l2(primaries: int, transfer: int, matrix: int, expected: int) -> None:
    assert matrix_of(primaries, transfer, matrix) == expected


def test_an_unknown_range_is_limited_for_yuv_alone() -> None:
    assert [range_of(model, 0) for model in ("yuv", "rgb", "grey", "bayer")] == [1, 2, 2, 2]
    assert range_of("yuv", 2) == 2
    assert range_of("rgb", 1) == 1
    assert range_of("grey", 77) == 2
