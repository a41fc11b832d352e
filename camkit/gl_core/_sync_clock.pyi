from camkit.gl_core._display_clock import DisplayClock

class SyncClock(DisplayClock):
    def __init__(self, name: str, call: int, display: int, drawable: int) -> None: ...
