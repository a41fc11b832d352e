from camkit.performance_core._sink import Sink

class Waiting:
    def __new__(cls, sink: Sink) -> Waiting: ...
