"""The webcam's own clock, which it writes into its payload headers; it can be made to run wrong."""

import random
import struct
import time

from lab.uvc_camera.descriptors import CLOCK_HZ

__all__ = ["HEADER_SIZE", "CameraClock", "timed_header"]

HEADER_SIZE = 12
HAS_PTS, HAS_SCR = 0x04, 0x08
WRAPS_SOON_S = 2


class CameraClock:
    """A 32-bit counter of CLOCK_HZ. Set by the thread that takes orders, read by the one that sends frames.

    Attributes
    ----------
    jitter_us : int
        Payloads are sent up to so much later than their header says, as by a camera whose USB side is busy.
    told : str
        What headers tell: ``"all"``, ``"pts"`` or ``"none"``.
    stuck : bool
        The time of the picture stays what it was, a known fault of cameras.
    """

    def __init__(self) -> None:
        self.jitter_us = 0
        self.told = "all"
        self.stuck = False
        self._line = (time.monotonic_ns(), 0.0, float(CLOCK_HZ))  # a moment, its ticks, ticks a second

    def ticks(self, ns: int) -> int:
        """Return what the counter shows at a moment of the monotonic clock."""
        since, ticks, hertz = self._line
        return int(ticks + (ns - since) * hertz / 1e9) & 0xFFFFFFFF

    def run_fast(self, ppm: float) -> None:
        """Run so much faster than it should, in millionths, from now on."""
        now = time.monotonic_ns()
        self._line = (now, float(self.ticks(now)), CLOCK_HZ * (1 + ppm * 1e-6))

    def jump(self, seconds: float) -> None:
        """Show another time from now on."""
        since, ticks, hertz = self._line
        self._line = (since, ticks + seconds * hertz, hertz)

    def wrap_soon(self) -> None:
        """Show a time from now on that is two seconds before the counter begins anew."""
        now = time.monotonic_ns()
        hertz = self._line[2]
        self._line = (now, 2.0**32 - WRAPS_SOON_S * hertz, hertz)

    def order(self, word: str, value: float) -> None:
        """Obey `ppm N`, `jitter US`, `jump S`, `wrap`, `stuck 0|1`, or `tell 0|1|2` (nothing, the PTS alone, all)."""
        match word:
            case "ppm":
                self.run_fast(value)
            case "jitter":
                self.jitter_us = int(value)
            case "jump":
                self.jump(value)
            case "wrap":
                self.wrap_soon()
            case "stuck":
                self.stuck = bool(value)
            case "tell":
                self.told = ("none", "pts", "all")[int(value)]
            case _:
                raise ValueError(f"a clock has no '{word}', only ppm, jitter, jump, wrap, stuck, tell")

    def delay(self) -> None:
        """Wait as long as the jitter makes a payload wait."""
        if self.jitter_us:
            time.sleep(random.uniform(0, self.jitter_us) / 1e6)


def timed_header(flags: int, clock: CameraClock, picture_ticks: int) -> bytes:
    """Return a payload header with the time of the picture and the time now, as far as the clock tells them.

    The 11-bit number of the USB frame counts the milliseconds of the host's clock: it is the bus that counts them.
    """
    if clock.told == "none":
        return bytes((HEADER_SIZE, flags)) + bytes(HEADER_SIZE - 2)
    now = time.monotonic_ns()
    header = struct.pack("<BBI", HEADER_SIZE, flags | HAS_PTS, picture_ticks)
    if clock.told == "pts":
        return header + bytes(6)
    header = bytes((HEADER_SIZE, flags | HAS_PTS | HAS_SCR)) + header[2:]
    return header + struct.pack("<IH", clock.ticks(now), now // 1_000_000 & 0x7FF)
