from collections.abc import Callable, Iterable

from camkit.gl_core._debug import DebugLog
from camkit.gl_core._egl_calls import EglFunctions
from camkit.gl_core._share_group import ShareGroup

LEAST_VERSION: tuple[int, int]
FRAGMENT_SHADER: int
VERTEX_SHADER: int
RED: int
RG: int
RGBA: int
R8: int
RG8: int
RGBA8: int
R16: int
UNSIGNED_BYTE: int
UNSIGNED_SHORT: int

class Functions:
    version: tuple[int, int]
    renderer: str
    vendor: str
    version_text: str
    extensions: frozenset[str]
    egl: EglFunctions | None
    log: DebugLog
    lost: str | None
    tried_at: float
    group: ShareGroup | None
    def __init__(self, get_proc: Callable[[str], int], debug: bool = False) -> None: ...
    def has(self, name: str) -> bool: ...
    def check(self, what: str) -> int: ...
    def lose(self, why: str) -> None: ...
    def errors(self) -> list[str]: ...
    def compile_shader(self, kind: int, source: str) -> tuple[int, str]: ...
    def link_program(self, shaders: Iterable[int]) -> tuple[int, str]: ...
    def delete_shader(self, shader: int) -> None: ...
