"""Let the GPU convert and scale frames, and hand its pictures on to a NumPy function.

python examples/17_render_and_read_back.py [SOURCE]
"""

import sys

import numpy as np

import camkit

source = sys.argv[1] if len(sys.argv) > 1 else "auto"


def look(frame):
    # The slot that the GPU wrote into. It is free again when the frame goes, and may be kept for as long as one likes.
    red, green, blue = np.mean(frame.array, axis=(0, 1))
    print(f"frame {frame.sequence}: {frame.format} {frame.size}, mean {red:.0f} {green:.0f} {blue:.0f}")


render = camkit.Render("RGB24", size=(320, 240))
with camkit.open(source) as camera:
    pipeline = camkit.Pipeline(camera, render, look)
    stats = pipeline.run(frames=10)

stats.check()
print(f"on {render.description['renderer']}, read back by {render.readback['path']!r}")
print(stats.frames)
