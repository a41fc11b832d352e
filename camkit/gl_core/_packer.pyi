from camkit.gl_core._gl import Functions
from camkit.memory_manager._format import PixelFormat

WHOLE: str
FORMATS: tuple[str, ...]

class Packer:
    def __init__(self, functions: Functions, format: PixelFormat, width: int, height: int) -> None: ...
    def delete(self) -> None: ...
