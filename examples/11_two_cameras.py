"""Bring two cameras' frames together by their timestamps.

    python examples/11_two_cameras.py [SOURCE SOURCE]

The first camera leads: each of its frames comes with the nearest one of the other, `frame.companions`.
"""

import sys

import camkit

left, right = sys.argv[1:3] if len(sys.argv) > 2 else ("synthetic", "synthetic")


def compare(frame: camkit.Frame) -> None:
    """See both frames at once, neither of them copied."""
    (other,) = frame.companions
    apart = (other.timestamp_ns - frame.timestamp_ns) / 1e6
    brighter = frame.array.mean() - other.array.mean()
    print(f"{frame.sequence} and {other.sequence}: {apart:+.2f} ms apart, {brighter:+.1f} brighter")


with camkit.open(left) as first, camkit.open(right) as second:
    both = camkit.Match(first, second, tolerance=0.02)
    pipeline = camkit.Pipeline(both, compare, policy="latest")
    stats = pipeline.run(frames=10)

for name, path in stats.branches.items():
    print(f"{name}: {path.entered} came, {path.dropped.unmatched} without a partner")
stats.check()
