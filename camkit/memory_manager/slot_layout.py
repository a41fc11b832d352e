"""How a slot is laid out: by its bytes alone, or as a picture of some format, size and stride."""

from __future__ import annotations

from typing import NamedTuple

from camkit.memory_manager._checks import check_int, check_size
from camkit.memory_manager._format import PixelFormat

LARGEST_SLOT = 1 << 40  # bytes: the sum over all slots cannot overflow
LARGEST_STRIDE = (1 << 32) - 1


class SlotLayout(NamedTuple):
    """What every slot of a pool holds; without a format it is bytes, and width, height and stride are 0."""

    slot_bytes: int
    format: PixelFormat | None = None
    width: int = 0
    height: int = 0
    stride: int = 0


def slot_layout(
    slot_bytes: int | None, format: PixelFormat | str | int | None, size: tuple[int, int] | None, stride: int | None
) -> SlotLayout:
    """Return the layout that the arguments of a FramePool ask for.

    Raises
    ------
    ValueError, TypeError
        They say too little, too much, or what does not fit; the message names it.
    FormatNotSupported
        `format` is not known.
    """
    given = None if slot_bytes is None else check_int("slot_bytes", slot_bytes, 1, LARGEST_SLOT)
    if format is None:
        if given is None:
            raise ValueError("a pool needs slot_bytes, or a format and a size")
        if size is not None or stride is not None:
            raise ValueError("size and stride describe a picture: they need a format")
        return SlotLayout(given)
    row = PixelFormat.find(format)
    if size is None:
        raise ValueError(f"a pool of {row.name} frames needs a size")
    width, height = check_size(size, row)
    if row.compressed:
        if given is None:
            raise ValueError(f"{row.name} is compressed: the pool needs slot_bytes, the most that one frame may take")
        if stride is not None:
            raise ValueError(f"{row.name} is compressed: it has no stride")
        return SlotLayout(given, row, width, height)
    least = row.row_bytes(width)
    stride = least if stride is None else check_int("stride", stride, least, LARGEST_STRIDE)
    need = row.image_bytes(width, height, stride)
    if given is not None and given < need:
        raise ValueError(f"{row.name} {width}x{height} with stride {stride} needs {need} bytes, slot_bytes is {given}")
    return SlotLayout(check_int("slot_bytes", given or need, 1, LARGEST_SLOT), row, width, height, stride)
