from camkit.gl_core._display_clock import DisplayClock

class WaylandClock(DisplayClock):
    clock: str
    presented: int
    discarded: int
    def __init__(self, display: int, surface: int) -> None: ...
