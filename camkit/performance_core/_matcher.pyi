from collections.abc import Callable
from typing import Self

from camkit.performance_core._outlets import Outlet
from camkit.performance_core._source import Source

MOST_INPUTS: int

class Matcher(Source):
    def __new__(
        cls, name: str, inlets: dict[str, Outlet], tolerance: float, patience: float, ended: Callable[[], None]
    ) -> Self: ...
    @property
    def inlets(self) -> list[Outlet]: ...
    @property
    def names(self) -> list[str]: ...
    def matched(self) -> int: ...
    def unmatched(self, name: str) -> int: ...
