from collections.abc import Iterable
from typing import Literal

from camkit.memory_manager._format import PixelFormat
from camkit.performance_core._stage import Stage
from camkit.performance_core.negotiate import FrameSpec

class Every(Stage):
    def __init__(self, n: int, name: str | None = None) -> None: ...
    @property
    def n(self) -> int: ...

class Copy(Stage):
    def __init__(
        self,
        slots: int = 6,
        name: str | None = None,
        *,
        inputs: str | PixelFormat | FrameSpec | Iterable[str | PixelFormat | FrameSpec] | None = None,
        when_dry: Literal["block", "drop"] = "block",
    ) -> None: ...
