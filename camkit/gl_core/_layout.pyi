from collections.abc import Sequence

from camkit.memory_manager._format import PixelFormat

class Layout:
    format: PixelFormat
    width: int
    height: int
    plane_count: int
    image_bytes: int
    buffer_bytes: int
    row_by_row: bool
    strides: list[int]
    def part(self, most: int) -> Layout: ...
    def __init__(self, format: PixelFormat, width: int, height: int, strides: Sequence[int], largest: int) -> None: ...
