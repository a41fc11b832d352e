from camkit.memory_manager._clock_map import ClockMap

class GpuClock(ClockMap):
    def __init__(self, *args: object) -> None: ...
