from collections.abc import Sequence
from typing import Any

class Borrowed:
    def __init__(
        self,
        planes: Sequence[Any],
        format: str | int,
        size: tuple[int, int],
        strides: Sequence[int],
        colour: tuple[int, int, int, int] = ...,
        bytes_used: int | None = None,
    ) -> None: ...
