from camkit.gl_core._panel import Panel

MOVE: int
LEAVE: int
PRESS: int
RELEASE: int
WHEEL: int
ZOOM: int
PAN: int
RESET: int
FREEZE: int
OVERLAY: int
INSPECTOR: int
HELP: int
ALONE: int
NOTCH: float

class Board:
    panels: tuple[Panel, ...]
    overlay: bool
    inspector: bool
    help: bool
    alone: int
    def __init__(self, panels: int = ..., *, overlay: bool = ..., inspector: bool = ...) -> None: ...
    def refresh(self) -> None: ...
    def set_scale(self, scale: float) -> None: ...
    def meant(self) -> list[int]: ...
    def do(self, kind: int, x: float = ..., y: float = ..., *, amount: float = ..., number: int = ...) -> bool: ...
