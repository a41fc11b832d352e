from collections.abc import Sequence

from camkit.gl_core._gl import Functions
from camkit.gl_core._layout import Layout
from camkit.gl_core.transfers import Memory
from camkit.gl_core.verdicts import Verdict
from camkit.memory_manager._format import PixelFormat
from camkit.memory_manager._frame import Frame

class Ladder:
    layout: Layout
    wish: str
    refused: dict[str, str]
    measured_us: dict[str, float]
    remembered: dict[str, str]
    kind: str
    def __init__(
        self,
        functions: Functions,
        format: PixelFormat,
        width: int,
        height: int,
        strides: Sequence[int],
        transfer: str = "auto",
    ) -> None: ...
    def delete(self) -> None: ...
    def fill(self, frame: Frame) -> None: ...
    @property
    def transfer(self) -> str | None: ...
    @property
    def verdicts(self) -> list[Verdict]: ...
    @property
    def fallbacks(self) -> int: ...
    def explain(self) -> str: ...

def try_way(
    functions: Functions,
    format: str,
    width: int,
    height: int,
    strides: Sequence[int],
    name: str,
    memory: Memory | None = None,
) -> None: ...
