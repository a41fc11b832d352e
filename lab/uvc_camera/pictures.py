"""What the webcam shows: pictures that are known byte for byte, each frame with its number in it."""

import hashlib
import random
import shutil
import struct
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from lab.uvc_camera import jpeg

__all__ = ["FORMATS", "MJPG", "YUYV", "Reel", "fourccs", "mjpg_frame", "prepare", "reel", "yuyv_frame"]

YUYV, MJPG = "YUYV", "MJPG"
FORMATS = {
    YUYV: [(640, 480), (1280, 720), (1920, 1080)],
    MJPG: [(640, 480), (1280, 720), (1920, 1080), (3840, 2160)],
}
RING = 8
STAMP_BLOCKS, STAMP_BLOCK_PIXELS = 32, 8
BLACK, WHITE = 16, 235
JPEG_STAMP = b"CAMKIT" + bytes(4)
TEXTURES, TEXTURE_COEFFICIENTS = 4, 15


@dataclass(frozen=True)
class Reel:
    """The frames of a stream: frame n is `pictures[n % len(pictures)]` with `stamp(n)` written at `offset`."""

    pictures: list[bytes]
    offset: int
    stamp: Callable[[int], bytes]

    def frame(self, number: int) -> bytes:
        """Return all bytes of a frame."""
        picture, stamp = self.pictures[number % len(self.pictures)], self.stamp(number)
        return picture[: self.offset] + stamp + picture[self.offset + len(stamp) :]


def fourccs(text: str) -> tuple[str, ...]:
    """Read a list of formats such as `YUYV,MJPG`; raise ValueError where the webcam has not got them."""
    names = tuple(text.split(","))
    if len(set(names)) != len(names) or not set(names) <= set(FORMATS):
        raise ValueError(f"'{text}' is no list of {', '.join(FORMATS)}")
    return names


def reel(fourcc: str, width: int, height: int, folder: Path | None = None) -> Reel:
    """Return the frames of one format; JPEG pictures are read from `folder` if `prepare` has left them there."""
    if fourcc == YUYV:
        return Reel([_ramp(width) * height], 0, _block_stamp)
    pictures = [_load(folder, width, height, index) for index in range(RING)]
    return Reel(pictures, 2 + 4 + 6, lambda number: struct.pack(">I", number & 0xFFFFFFFF))


def yuyv_frame(width: int, height: int, number: int) -> bytes:
    """Return frame `number` as the webcam sends it: a grey ramp, two pixels alike, with the number in row 0.

    The number stands there as 32 blocks of 8 pixels, least significant bit first, 16 for 0 and 235 for 1.
    """
    return reel(YUYV, width, height).frame(number)


def mjpg_frame(width: int, height: int, number: int) -> bytes:
    """Return frame `number` as the webcam sends it: a JPEG 4:2:2 with the number, big-endian, at byte 12.

    The lower half decodes exactly: column x of 8 pixels has luma 32 + 187 * x // (columns - 1), Cb is 128 and Cr is
    64 + 16 * (number % 8). The upper half is the same under a texture, which gives the file a lifelike size.
    """
    return reel(MJPG, width, height).frame(number)


def prepare(cache: Path) -> Path | None:
    """Make all JPEG pictures in a folder of `cache` and return it; None where that cannot be written.

    A camera without the folder makes its pictures itself, which takes long in a slow guest.
    """
    sources = b"".join(Path(file).read_bytes() for file in (__file__, jpeg.__file__))
    folder = cache / f"pictures-{hashlib.sha256(sources).hexdigest()[:12]}"
    if folder.is_dir():
        return folder
    try:
        work = Path(tempfile.mkdtemp(prefix="pictures.part-", dir=cache))
    except OSError:
        return None
    try:
        work.chmod(0o755)
        for width, height in FORMATS[MJPG]:
            for index in range(RING):
                _file(work, width, height, index).write_bytes(_picture(width, height, index))
        work.rename(folder)
    except OSError:
        # Another caller was first, with the same pictures, or the disk is full.
        shutil.rmtree(work, ignore_errors=True)
    return folder if folder.is_dir() else None


def _ramp(width: int) -> bytes:
    return bytes(value for pair in range(width // 2) for value in (pair * 512 // width & 255, 128) * 2)


def _block_stamp(number: int) -> bytes:
    shades = (WHITE if number >> bit & 1 else BLACK for bit in range(STAMP_BLOCKS))
    return b"".join(bytes((shade, 128)) * STAMP_BLOCK_PIXELS for shade in shades)


def _load(folder: Path | None, width: int, height: int, index: int) -> bytes:
    file = _file(folder, width, height, index) if folder else None
    return file.read_bytes() if file and file.exists() else _picture(width, height, index)


def _file(folder: Path, width: int, height: int, index: int) -> Path:
    return folder / f"{width}x{height}-{index}.jpg"


@lru_cache(maxsize=RING)
def _picture(width: int, height: int, index: int) -> bytes:
    columns = width // 8
    luma = [32 + 187 * column // (columns - 1) - 128 for column in range(columns)]
    cr = jpeg.Block(64 + 16 * index - 128)
    generator = random.Random(index)

    def band(textured: bool) -> bytes:
        def block(dc: int) -> jpeg.Block:
            if not textured:
                return jpeg.Block(dc)
            return jpeg.Block(dc, generator.choices((-2, -1, 0, 1, 2), k=TEXTURE_COEFFICIENTS))

        return jpeg.encode_band(
            jpeg.Unit(block(left), block(right), jpeg.Block(0), cr)
            for left, right in zip(luma[::2], luma[1::2], strict=True)
        )

    plain, textures = band(False), [band(True) for _ in range(TEXTURES)]
    rows = height // jpeg.UNIT_HEIGHT
    bands = [textures[row % TEXTURES] if row < rows // 2 else plain for row in range(rows)]
    return jpeg.encode_picture(width, height, bands, JPEG_STAMP)
