"""What every Python peer does with a frame, and how its cost is counted: the same code for all of them."""

import argparse
import json
import resource
import sys
import time

import numpy as np

__all__ = ["Meter", "parse"]

EVERY = 16  # of so many rows one is read
# The runner takes a while to look at the clock; what comes after the end must not be counted by then.
SETTLE_S = 0.3


def parse(name: str, **flags: str) -> argparse.Namespace:
    """Read the arguments that all peers take, and the switches `flags` {name: help}."""
    parser = argparse.ArgumentParser(description=f"measure {name}: CPU time per frame and latency, as one JSON line")
    parser.add_argument("--device", default="/dev/video0")
    parser.add_argument("--size", default="1280x720", help="of the picture, in pixels")
    parser.add_argument("--fps", type=int, default=60)
    parser.add_argument("--warmup", type=int, default=60, help="frames before the steady state")
    parser.add_argument("--frames", type=int, default=300, help="frames that are measured")
    for flag, text in flags.items():
        parser.add_argument(f"--{flag}", action="store_true", help=text)
    options = parser.parse_args()
    options.width, options.height = map(int, options.size.split("x"))
    return options


class Meter:
    """Reads the pixels of frames and counts what they cost.

    The steady state begins with the arrival of frame `warmup` and ends with that of frame `warmup + frames`, so that
    it holds each frame's whole way: waiting, taking, reading, giving back. The lines @begin and @end tell the runner,
    which counts the CPU time from outside where the kernel's own count is too coarse.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self.shape = (options.height, -1)
        self.first, self.last = options.warmup, options.warmup + options.frames
        self.count = 0
        self._ended = 0
        self.total = 0
        self.latencies: list[int] = []

    def add(self, pixels: np.ndarray, timestamp_ns: int) -> bool:
        """Take one frame, with its driver's timestamp on the monotonic clock; return whether more are wanted."""
        now = time.monotonic_ns()
        if self._ended:
            return False
        if self.count == self.first:
            print("@begin", flush=True)
            self._began, self._cpu = now, _cpu_us()
        elif self.count == self.last:
            self._ended, self._cpu = now, _cpu_us() - self._cpu
            print("@end", flush=True)
            time.sleep(SETTLE_S)
            return False
        if self.count >= self.first:
            self.latencies.append(now - timestamp_ns)
        self.count += 1
        self.total += int(pixels.reshape(self.shape)[::EVERY].sum())
        return True

    def print(self, version: str) -> None:
        """Print the result."""
        if not self._ended:
            sys.exit(f"only {self.count} of {self.last} frames came")
        frames = self.last - self.first
        p50, p99 = np.percentile(self.latencies, (50, 99), method="inverted_cdf") / 1e3
        result = {
            "version": version,
            "frames": frames,
            "fps": round(frames / (self._ended - self._began) * 1e9, 2),
            "rusage_us_per_frame": round(self._cpu / frames, 1),
            "latency_p50_us": p50,
            "latency_p99_us": p99,
            "checksum": self.total,
        }
        print(json.dumps(result))


def _cpu_us() -> float:
    """Return the CPU time of all threads of this process so far."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return (usage.ru_utime + usage.ru_stime) * 1e6
