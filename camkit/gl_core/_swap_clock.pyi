from camkit.gl_core._display_clock import DisplayClock

class SwapClock(DisplayClock):
    waited: int
    passed: int
    def __init__(self, call: int = 0, argument: int = 0) -> None: ...
    def observe(self, begun: int, ended: int) -> None: ...
