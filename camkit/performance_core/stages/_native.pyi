from collections.abc import Callable, Iterable
from typing import Any, Literal

from camkit.memory_manager._format import PixelFormat
from camkit.performance_core._stage import Stage
from camkit.performance_core.negotiate import FrameSpec

class CStage(Stage):
    def __init__(
        self,
        function: Any,
        user: Any = None,
        name: str | None = None,
        *,
        inputs: str | PixelFormat | FrameSpec | Iterable[str | PixelFormat | FrameSpec] | None = None,
        output: str | PixelFormat | FrameSpec | Callable[[FrameSpec], FrameSpec] | None = None,
        writes: bool = False,
        slots: int = 6,
        when_dry: Literal["block", "drop"] = "block",
    ) -> None: ...
    @property
    def function(self) -> Any: ...
    @property
    def user(self) -> Any: ...

def frame_layout() -> dict[str, int]: ...
