from typing import Any, NamedTuple

from camkit.camera_capture._v4l2.node import Node

END_OF_STREAM: int
CONTROL: int
FRAME_SYNC: int
SOURCE_CHANGE: int

class RawEvent(NamedTuple):
    type: int
    id: int
    time_ns: int
    sequence: int
    details: Any

class EventNode(Node):
    def subscribe(self, type: int, id: int, *, own: bool = False) -> int: ...
    def unsubscribe(self, type: int, id: int) -> int: ...
    def take(self) -> list[RawEvent]: ...
