from camkit.gl_core._display_clock import DisplayClock

REQUESTS: dict[str, int]

class DrmClock(DisplayClock):
    node: str
    def __init__(self, node: str) -> None: ...
