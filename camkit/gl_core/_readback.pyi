from collections.abc import Sequence

from camkit.gl_core._gl import Functions
from camkit.gl_core.context_hold import ContextHold
from camkit.memory_manager._format import PixelFormat

AUTO: tuple[str, ...]
WISHES: tuple[str, ...]
READBACKS: tuple[str, ...]

class Readback:
    def __init__(
        self,
        functions: Functions,
        format: PixelFormat,
        width: int,
        height: int,
        columns: int,
        slots: int,
        wish: str,
        hold: ContextHold,
    ) -> None: ...
    def delete(self) -> None: ...
    def explain(self) -> str: ...
    @property
    def way(self) -> str: ...
    @property
    def most_used(self) -> int: ...
    @property
    def refused(self) -> dict[str, str]: ...
    @property
    def measured_us(self) -> dict[str, float]: ...

def check_readback(wish: str) -> tuple[str, ...]: ...
def delete_buffers(functions: Functions, names: Sequence[int]) -> None: ...
