from collections.abc import Set

from camkit.performance_core.node_stats import SlotCounts

def places(pool: int, slots: int, on_gpu: Set[int], *, streaming: bool = ...) -> SlotCounts: ...
