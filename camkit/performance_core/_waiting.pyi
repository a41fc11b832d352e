from camkit.performance_core._stage import Sink

class Waiting:
    def __new__(cls, sink: Sink) -> Waiting: ...
