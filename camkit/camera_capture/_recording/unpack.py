"""Unpacking a chunk's data, into exactly as many bytes as the chunk says and never more."""

from __future__ import annotations

import lz4.frame
import zstandard

from camkit.camera_capture._recording.damage import ChunkDamaged

MOST_BYTES = 1 << 31
MOST_BY_LZ4 = 255  # a byte of a length stands for so many at most


def check_size(compression: str, begin: bytes, packed: int, size: int) -> None:
    """See to it that `packed` bytes, of which `begin` are the first, can be `size` unpacked, before any are claimed.

    Raises
    ------
    ChunkDamaged
    """
    possible = size == packed
    if compression == "lz4":
        possible = size <= MOST_BY_LZ4 * packed
    elif compression == "zstd":
        try:
            possible = zstandard.frame_content_size(begin) in (-1, size)  # -1: it does not tell
        except zstandard.ZstdError:
            possible = False
    elif compression:
        raise ChunkDamaged(f"a chunk is packed by {compression!r}, neither lz4 nor zstd")
    if not possible or size > MOST_BYTES:
        raise ChunkDamaged(f"a chunk says that it has {size} bytes")


def unpack(compression: str, packed: bytes | bytearray, size: int) -> bytes | bytearray:
    """Unpack data of which `check_size` thinks well.

    Raises
    ------
    ChunkDamaged
        They are not that, or not of that size.
    """
    data = packed
    try:
        if compression == "lz4":
            data = lz4.frame.LZ4FrameDecompressor().decompress(packed, max_length=size + 1)
        elif compression == "zstd":
            data = zstandard.ZstdDecompressor().decompress(packed, max_output_size=size)
    except (zstandard.ZstdError, RuntimeError, ValueError, EOFError) as error:
        raise ChunkDamaged(f"a chunk cannot be unpacked ({error})") from None
    except MemoryError:
        raise ChunkDamaged(f"a chunk cannot be unpacked (there is no memory for its {size} bytes)") from None
    if len(data) != size:
        raise ChunkDamaged(f"a chunk does not unpack to the {size} bytes that it says it has")
    return data
