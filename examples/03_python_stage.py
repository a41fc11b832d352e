"""Put Python functions into a pipeline: one looks, one drops, one makes a new picture.

    python examples/03_python_stage.py [SOURCE]

Every function runs in a thread of its own and holds the GIL only while it works. Frames pass by reference.
"""

import sys

import numpy as np

import camkit

source = sys.argv[1] if len(sys.argv) > 1 else "auto"
with camkit.open(source, format="YUYV") as camera:
    pool = camkit.FramePool(4, format="GREY", size=camera.size)

    def odd_only(frame: camkit.Frame) -> object:
        """Drop every second frame."""
        return None if frame.sequence % 2 else camkit.DROP

    def negative(frame: camkit.Frame) -> camkit.Frame:
        """Write the negative of the brightness into a picture of our own; `like` keeps times and sequence."""
        grey = pool.acquire(like=frame)
        np.subtract(255, frame.array[:, :, 0], out=grey.array)
        return grey

    def show(frame: camkit.Frame) -> None:
        """Look at what arrives."""
        print(f"frame {frame.sequence}: {frame.format}, mean {frame.array.mean():.1f}")

    stats = camkit.Pipeline(camera, odd_only, negative, show).run(frames=5)

print(stats.frames)
print({name: row.p50 for name, row in stats.latency_us.items()}, "us at the median")
