from collections.abc import Callable
from typing import Any, Final

from camkit.memory_manager._frame import Frame
from camkit.performance_core._stage import Stage

class _Drop: ...

DROP: Final[_Drop]

class PyStage(Stage):
    def __init__(self, function: Callable[[Frame], Any], name: str | None = None) -> None: ...
    @property
    def function(self) -> Callable[[Frame], Any]: ...
