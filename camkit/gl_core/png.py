"""Write a picture as PNG with the standard library alone."""

import os
import struct
import zlib
from pathlib import Path
from typing import Any

SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLOUR_TYPES = {1: 0, 3: 2, 4: 6}  # by channels: grey, RGB, RGBA


def encode_png(picture: Any) -> bytes:
    """Encode a picture.

    Parameters
    ----------
    picture : numpy.ndarray
        (H, W), (H, W, 3) or (H, W, 4) uint8, top row first.

    Raises
    ------
    ValueError
        The array is not such a picture.
    """
    channels = 1 if picture.ndim == 2 else picture.shape[2] if picture.ndim == 3 else 0
    if picture.dtype != "uint8" or channels not in COLOUR_TYPES or 0 in picture.shape:
        raise ValueError(
            f"cannot write an array of {picture.dtype} {picture.shape} as PNG: (H, W), (H, W, 3) or (H, W, 4) of uint8 "
            "is needed"
        )
    height, width = picture.shape[:2]
    # Every row is preceded by the number of its filter; 0 is none.
    rows = b"".join(b"\0" + row.tobytes() for row in picture)
    header = struct.pack(">IIBBBBB", width, height, 8, COLOUR_TYPES[channels], 0, 0, 0)
    return SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows, 6)) + _chunk(b"IEND", b"")


def write_png(path: str | os.PathLike[str], picture: Any) -> None:
    """Write a picture to a file; see `encode_png`.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    Path(path).write_bytes(encode_png(picture))


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
