"""Faults that can be ordered from the webcam."""

import threading
from collections import Counter

__all__ = ["FAULTS", "Faults"]

FAULTS = {
    "drop": "the frame is never sent",
    "truncate": "half of the frame is sent",
    "errbit": "the frame has the error bit of the Video Class set",
    "corrupt": "200 bytes of the frame are flipped",
    "zerolen": "only empty packets are sent",
    "noeof": "the end-of-frame bit is missing",
    "isoerr": "a packet of the frame has an error status",
    "stall": "the device stops answering until 'resume'",
    "probe": "the negotiation request PROBE is refused",
    "commit": "the negotiation request COMMIT is refused",
    "brightness": "a request about the brightness is refused",
    "slow": "the frame comes 1 s late",
}


class Faults:
    """How many more times each fault is to happen; -1 means for ever. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._armed: dict[str, int] = {}
        self.happened: Counter[str] = Counter()

    def arm(self, name: str, count: int = 1) -> None:
        """Order a fault `count` times from now on; 0 takes the order back."""
        if name not in FAULTS:
            raise ValueError(f"there is no fault '{name}', only {', '.join(FAULTS)}")
        with self._lock:
            self._armed[name] = count

    def take(self, name: str) -> bool:
        """Tell whether the fault is to happen now, and count it."""
        with self._lock:
            left = self._armed.get(name, 0)
            if not left:
                return False
            if left > 0:
                self._armed[name] = left - 1
            self.happened[name] += 1
            return True
