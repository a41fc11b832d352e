from camkit.memory_manager._pool import FramePool
from camkit.performance_core._source import Source

class PoolSource(Source):
    def __init__(
        self,
        pool: FramePool,
        frames: int | None = None,
        *,
        period: float = 0.0,
        offset: float = 0.0,
        clock: str = "monotonic",
        name: str | None = None,
    ) -> None: ...
    @property
    def pool(self) -> FramePool: ...
