from typing import TypedDict

import numpy
import numpy.typing as npt

from camkit.gl_core._gl import Functions

class Transfer(TypedDict):
    path: str
    refused: dict[str, str]

class Renderer:
    changes: list[str]
    def __init__(self, functions: Functions, transfer: str, size: tuple[int, int] | None = None) -> None: ...
    def delete(self) -> None: ...
    def read(self) -> npt.NDArray[numpy.uint8]: ...
    @property
    def transfer(self) -> Transfer | None: ...
    def explain(self) -> str: ...
