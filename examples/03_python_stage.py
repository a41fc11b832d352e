"""Put Python functions into a pipeline: one looks, one drops, one calls frames bad, one makes a new picture.

    python examples/03_python_stage.py [SOURCE]

Every function runs in a thread of its own and holds the GIL only while it works. Frames pass by reference.
"""

import sys

import numpy as np

import camkit

source = sys.argv[1] if len(sys.argv) > 1 else "auto"


def choose(frame: camkit.Frame) -> object:
    """Drop every second frame, and report one that is of no use: the pipeline counts it and goes on."""
    if frame.sequence % 5 == 3:
        raise camkit.BadFrame(f"frame {frame.sequence} is none of ours")
    return camkit.DROP if frame.sequence % 2 else None


def negative(frame: camkit.Frame, grey: camkit.Frame) -> None:
    """Write the negative of the brightness into a slot of the stage's own, which has the frame's times and number."""
    np.subtract(255, frame.array[:, :, 0], out=grey.array)


def show(frame: camkit.Frame) -> None:
    """Look at what arrives."""
    print(f"frame {frame.sequence}: {frame.format}, mean {frame.array.mean():.1f}")


with camkit.open(source, format="YUYV") as camera:
    # What a stage takes and gives is declared, so that a camera that does not fit is refused before its first frame.
    pipeline = camkit.Pipeline(camera, choose, camkit.PyStage(negative, inputs="YUYV", output="GREY"), show)
    stats = pipeline.run(frames=5)
    print(pipeline.explain())

print(stats.frames)
print({name: row.p50 for name, row in stats.latency_us.items()}, "us at the median")
