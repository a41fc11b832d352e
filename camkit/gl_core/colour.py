"""From the colour properties of a frame to the numbers of the conversion to R'G'B'."""

from typing import NamedTuple

# Kr and Kb by the matrix numbers of ISO/IEC 23091-2: ITU-R BT.709-6 (1), BT.601-7 (6), SMPTE 240M (7), BT.2020-2 (9).
WEIGHTS = {1: (0.2126, 0.0722), 6: (0.299, 0.114), 7: (0.212, 0.087), 9: (0.2627, 0.0593)}

BT709, BT601, SMPTE240M, BT2020 = 1, 6, 7, 9
LIMITED, FULL = 1, 2
MATRIX_NAMES = {BT709: "bt709", BT601: "bt601", SMPTE240M: "smpte240m", BT2020: "bt2020"}
RANGE_NAMES = {LIMITED: "limited", FULL: "full"}

# V4L2's rule for the default encoding of a colorspace, told here by its primaries.
MATRIX_OF_PRIMARIES = {7: SMPTE240M, 9: BT2020, 12: BT709}
PRIMARIES_BT709 = TRANSFER_BT709 = 1


class Conversion(NamedTuple):
    """R'G'B' = matrix * (code - offset), where codes and results go from 0 to 1; immutable.

    Attributes
    ----------
    matrix : tuple of 9 float
        Row by row.
    offset : tuple of 3 float
        The code of black.
    name : str
        What was taken, for people.
    """

    matrix: tuple[float, ...]
    offset: tuple[float, float, float]
    name: str


def matrix_of(primaries: int, transfer: int, matrix: int) -> int:
    """Return the matrix of a YUV frame; an unknown one follows V4L2's rule (BT.601 for sRGB webcams)."""
    if matrix in WEIGHTS:
        return matrix
    if primaries == PRIMARIES_BT709 and transfer == TRANSFER_BT709:
        return BT709
    return MATRIX_OF_PRIMARIES.get(primaries, BT601)


def range_of(model: str, range_: int) -> int:
    """Return the range of a frame; an unknown one is limited for YUV and full for everything else."""
    if range_ in RANGE_NAMES:
        return range_
    return LIMITED if model == "yuv" else FULL


def conversion(model: str, primaries: int, transfer: int, matrix: int, range_: int, bits: int = 8) -> Conversion:
    """Compute the conversion of a frame's codes to R'G'B'.

    Parameters
    ----------
    model : str
        `yuv`, `rgb`, `grey` or `bayer`.
    primaries, transfer, matrix, range_ : int
        The colour properties, numbered as in the frame.
    bits : int
        Bits of one sample, 8 to 16.

    Returns
    -------
    Conversion
        By the formulas of BT.601, BT.709 and BT.2020: black at 16 and white at 235 of 8 bits in the limited range,
        chroma from 16 to 240 around 128.
    """
    range_ = range_of(model, range_)
    top, unit = (1 << bits) - 1, 1 << (bits - 8)
    limited = range_ == LIMITED
    black = 16 * unit / top if limited else 0.0
    luma = top / (219 * unit) if limited else 1.0
    if model != "yuv":
        diagonal = (luma, 0.0, 0.0, 0.0, luma, 0.0, 0.0, 0.0, luma)
        return Conversion(diagonal, (black, black, black), RANGE_NAMES[range_])
    chroma = top / (224 * unit) if limited else 1.0
    zero = 128 * unit / top
    matrix = matrix_of(primaries, transfer, matrix)
    kr, kb = WEIGHTS[matrix]
    kg = 1 - kr - kb
    red, blue = 2 * (1 - kr) * chroma, 2 * (1 - kb) * chroma
    rows = (luma, 0.0, red, luma, -blue * kb / kg, -red * kr / kg, luma, blue, 0.0)
    return Conversion(rows, (black, zero, zero), f"{MATRIX_NAMES[matrix]} {RANGE_NAMES[range_]}")
