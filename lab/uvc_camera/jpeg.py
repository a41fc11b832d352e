"""Encode baseline JPEG pictures (4:2:2, Y Cb Cr) from their coefficients, in plain Python.

A picture is a stack of bands, each one row of 16x8 pixel units that starts with a restart marker, so that equal bands
are encoded once. The luma and chroma DC steps are 8: a block with only a DC value v decodes to exactly v + 128.
"""

import struct
from collections.abc import Iterable, Sequence
from functools import cache
from typing import NamedTuple

__all__ = ["UNIT_HEIGHT", "UNIT_WIDTH", "Block", "Unit", "encode_band", "encode_picture"]

UNIT_WIDTH, UNIT_HEIGHT = 16, 8
STEP = 8


class Block(NamedTuple):
    """8x8 samples: the mean less 128, and the other coefficients in zigzag order from the first, in steps of 8."""

    dc: int
    ac: Sequence[int] = ()


class Unit(NamedTuple):
    """16x8 pixels: two blocks of luma side by side, one of each chroma at half the width."""

    left: Block
    right: Block
    cb: Block
    cr: Block


class Table(NamedTuple):
    """A Huffman table: how many codes there are of each length from 1 to 16, and their values in order."""

    counts: bytes
    values: bytes


def _tens(*high: int, first: int) -> bytes:
    """Return the values 0xHL with the low digit from `first` to 10 for each high digit."""
    return bytes(digit << 4 | low for digit in high for low in range(first, 11))


# The tables of the JPEG standard's annex K, which many cameras use and some decoders assume.
DC_LUMA = Table(bytes.fromhex("00010501010101010100000000000000"), bytes(range(12)))
DC_CHROMA = Table(bytes.fromhex("00030101010101010101010000000000"), bytes(range(12)))
AC_LUMA = Table(
    bytes.fromhex("0002010303020403050504040000017d"),
    bytes.fromhex("01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a")
    + _tens(2, first=5)
    + _tens(3, first=4)
    + _tens(4, 5, 6, 7, 8, first=3)
    + _tens(9, 0xA, 0xB, 0xC, 0xD, first=2)
    + _tens(0xE, 0xF, first=1),
)
AC_CHROMA = Table(
    bytes.fromhex("00020102040403040705040400010277"),
    bytes.fromhex("0001020311040521310612415107617113223281081442 91a1b1c109233352f0156272d10a162434e125f11718191a")
    + _tens(2, first=6)
    + _tens(3, first=5)
    + _tens(4, 5, 6, 7, first=3)
    + _tens(8, 9, 0xA, 0xB, 0xC, 0xD, 0xE, 0xF, first=2),
)


def encode_band(units: Iterable[Unit]) -> bytes:
    """Return the entropy-coded bytes of one band."""
    bits = _Bits()
    y = cb = cr = 0
    for unit in units:
        y = _put_block(bits, unit.left, y, DC_LUMA, AC_LUMA)
        y = _put_block(bits, unit.right, y, DC_LUMA, AC_LUMA)
        cb = _put_block(bits, unit.cb, cb, DC_CHROMA, AC_CHROMA)
        cr = _put_block(bits, unit.cr, cr, DC_CHROMA, AC_CHROMA)
    return bits.finish()


def encode_picture(width: int, height: int, bands: Sequence[bytes], application: bytes = b"") -> bytes:
    """Return a JPEG file of `width` x `height` pixels, with an APP4 segment of the bytes `application` in front."""
    if width % UNIT_WIDTH or height != len(bands) * UNIT_HEIGHT or not bands:
        raise ValueError(f"cannot encode {width}x{height} from {len(bands)} bands: whole units of 16x8 are wanted")
    components = bytes((1, 0x21, 0, 2, 0x11, 1, 3, 0x11, 1))
    tables = ((0x00, DC_LUMA), (0x10, AC_LUMA), (0x01, DC_CHROMA), (0x11, AC_CHROMA))
    parts = [b"\xff\xd8"]
    if application:
        parts.append(_segment(0xE4, application))
    parts += [_segment(0xDB, bytes((number,)) + bytes((STEP,)) * 64) for number in (0, 1)]
    parts.append(_segment(0xC0, struct.pack(">BHHB", 8, height, width, 3) + components))
    parts += [_segment(0xC4, bytes((number,)) + table.counts + table.values) for number, table in tables]
    parts.append(_segment(0xDD, struct.pack(">H", width // UNIT_WIDTH)))
    parts.append(_segment(0xDA, bytes((3, 1, 0x00, 2, 0x11, 3, 0x11, 0, 63, 0))))
    parts.append(bands[0])
    for index, band in enumerate(bands[1:]):
        parts += [bytes((0xFF, 0xD0 + index % 8)), band]
    parts.append(b"\xff\xd9")
    return b"".join(parts)


class _Bits:
    """Collects codes of any length into bytes, most significant bit first."""

    def __init__(self) -> None:
        self.value = 1
        self.parts: list[bytes] = []

    def put(self, code: int, length: int) -> None:
        self.value = self.value << length | code
        if self.value >> 512:
            self._flush()

    def finish(self) -> bytes:
        padding = -(self.value.bit_length() - 1) % 8
        self.put((1 << padding) - 1, padding)
        self._flush()
        # A byte ff in the data would read as a marker.
        return b"".join(self.parts).replace(b"\xff", b"\xff\x00")

    def _flush(self) -> None:
        """Move the whole bytes out; a leading 1 keeps the zero bits of the rest."""
        length = self.value.bit_length() - 1
        rest = length % 8
        whole = (self.value ^ 1 << length) >> rest
        self.parts.append(whole.to_bytes(length // 8, "big"))
        self.value = 1 << rest | self.value & (1 << rest) - 1


def _put_block(bits: _Bits, block: Block, previous: int, dc: Table, ac: Table) -> int:
    _put_value(bits, block.dc - previous, 0, _codes(dc))
    codes, run = _codes(ac), 0
    for value in block.ac:
        if value == 0:
            run += 1
            continue
        for _ in range(run // 16):
            bits.put(*codes[0xF0])
        _put_value(bits, value, run % 16, codes)
        run = 0
    if run or len(block.ac) < 63:
        bits.put(*codes[0x00])
    return block.dc


def _put_value(bits: _Bits, value: int, run: int, codes: dict[int, tuple[int, int]]) -> None:
    size = abs(value).bit_length()
    bits.put(*codes[run << 4 | size])
    # A negative value is written as the ones' complement of its magnitude.
    bits.put(value if value >= 0 else value + (1 << size) - 1, size)


@cache
def _codes(table: Table) -> dict[int, tuple[int, int]]:
    """Return the code and its length for each value of a table."""
    codes: dict[int, tuple[int, int]] = {}
    code, values = 0, iter(table.values)
    for length, count in enumerate(table.counts, 1):
        for _ in range(count):
            codes[next(values)] = (code, length)
            code += 1
        code <<= 1
    return codes


def _segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data
