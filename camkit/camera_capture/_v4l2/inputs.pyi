from typing import NamedTuple

from camkit.camera_capture._v4l2.node import Node

class RawInput(NamedTuple):
    number: int
    name: str
    type: int
    status: int
    standards: int
    capabilities: int

class RawStandard(NamedTuple):
    id: int
    name: str
    fps: float
    lines: int

class InputNode(Node):
    def inputs(self) -> list[RawInput]: ...
    def current(self) -> int | None: ...
    def select(self, index: int) -> int: ...
    def standards(self) -> list[RawStandard]: ...
    def standard(self) -> int | None: ...
    def set_standard(self, id: int) -> int: ...
    def detect_standard(self) -> tuple[int, int]: ...
