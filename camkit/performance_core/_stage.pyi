from collections.abc import Callable, Iterable
from typing import Literal

from camkit.memory_manager._format import PixelFormat
from camkit.memory_manager.pool_stats import SlotHolder
from camkit.performance_core._node import Node
from camkit.performance_core.negotiate import FrameSpec
from camkit.performance_core.node_stats import StageStats

class Stage(Node):
    def __init__(
        self,
        name: str | None = None,
        *,
        inputs: str | PixelFormat | FrameSpec | Iterable[str | PixelFormat | FrameSpec] | None = None,
        output: str | PixelFormat | FrameSpec | Callable[[FrameSpec], FrameSpec] | None = None,
        writes: bool = False,
        slots: int = 6,
        when_dry: Literal["block", "drop"] = "block",
    ) -> None: ...
    def gives(self, frames: FrameSpec | None) -> FrameSpec | None: ...
    def holders(self) -> tuple[SlotHolder, ...]: ...
    def last_bad(self) -> str: ...
    @property
    def writes(self) -> bool: ...
    @property
    def slots(self) -> int: ...
    @property
    def when_dry(self) -> str: ...
    @property
    def inputs(self) -> tuple[FrameSpec, ...]: ...
    @property
    def output(self) -> FrameSpec | Callable[[FrameSpec], FrameSpec] | None: ...
    def stats(self) -> StageStats: ...
