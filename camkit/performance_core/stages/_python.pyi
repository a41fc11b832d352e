from collections.abc import Callable, Iterable
from typing import Any, Final, Literal

from camkit.memory_manager._format import PixelFormat
from camkit.performance_core._stage import Stage
from camkit.performance_core.negotiate import FrameSpec

class _Drop: ...

DROP: Final[_Drop]

class PyStage(Stage):
    def __init__(
        self,
        function: Callable[..., Any],
        name: str | None = None,
        *,
        inputs: str | PixelFormat | FrameSpec | Iterable[str | PixelFormat | FrameSpec] | None = None,
        output: str | PixelFormat | FrameSpec | Callable[[FrameSpec], FrameSpec] | None = None,
        writes: bool = False,
        batch: bool = False,
        slots: int = 6,
        when_dry: Literal["block", "drop"] = "block",
    ) -> None: ...
    @property
    def function(self) -> Callable[..., Any]: ...
    @property
    def batch(self) -> bool: ...
