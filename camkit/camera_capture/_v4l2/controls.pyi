from typing import NamedTuple

from camkit.camera_capture._v4l2.node import Node

class RawControl(NamedTuple):
    id: int
    type: int
    name: str
    minimum: int
    maximum: int
    step: int
    default: int
    flags: int
    elem_size: int
    elems: int
    dims: tuple[int, ...]

class ControlNode(Node):
    def controls(self) -> tuple[list[RawControl], list[str]]: ...
    def query(self, id: int) -> RawControl: ...
    def menu(self, raw: RawControl) -> dict[int, str | int]: ...
    def read(self, raw: RawControl, size: int, *, default: bool = False) -> int | bytes: ...
    def write(self, items: list[tuple[RawControl, int | bytes]]) -> tuple[int, int]: ...

def restore(node: ControlNode) -> dict[str, str]: ...
