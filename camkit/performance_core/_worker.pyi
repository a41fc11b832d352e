from collections.abc import Iterable
from typing import Self

from camkit.performance_core._delivery import Delivery
from camkit.performance_core._node import Node
from camkit.performance_core._outlets import Outlet, Outlets
from camkit.performance_core._run import Run
from camkit.performance_core._sink import Sink
from camkit.performance_core._source import Source
from camkit.performance_core._stage import Stage
from camkit.performance_core.latch import Latch
from camkit.performance_core.stats import Summary

class Worker(Delivery):
    def __new__(
        cls,
        run: Run,
        stages: list[Stage],
        batch: int,
        inlet: Source | Outlet,
        to: Sink | Outlets,
        *,
        tee: bool = False,
        fan_in: bool = False,
        own: bool = True,
        limited: bool = True,
        hold: Latch | None = None,
    ) -> Self: ...
    def run(self) -> None: ...
    def counts(self) -> dict[str, int]: ...
    def link_wait(self, also: Iterable[Worker] = ()) -> Summary: ...
    def capture_to_sink(self) -> Summary: ...
    def rate(self) -> float | None: ...
    def busy(self) -> tuple[Node, float, int | None] | None: ...
    def abort_links(self) -> None: ...
    @property
    def nodes(self) -> list[Node]: ...
    @property
    def error(self) -> tuple[BaseException, Node | None, int | None] | None: ...
    @property
    def ready(self) -> Latch: ...
    @property
    def done(self) -> Latch: ...
