from collections.abc import Callable, Iterable

LEAST_VERSION: tuple[int, int]
ERRORS: dict[int, str]
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
    def __init__(self, get_proc: Callable[[str], int]) -> None: ...
    def has(self, name: str) -> bool: ...
    def errors(self) -> list[str]: ...
    def compile_shader(self, kind: int, source: str) -> tuple[int, str]: ...
    def link_program(self, shaders: Iterable[int]) -> tuple[int, str]: ...
    def delete_shader(self, shader: int) -> None: ...
