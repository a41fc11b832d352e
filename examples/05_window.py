"""Show a camera in a window for some seconds; where there is no screen, draw without one and save the last picture.

python examples/05_window.py [SOURCE]
"""

import sys

import camkit

source = sys.argv[1] if len(sys.argv) > 1 else "auto"
try:
    screen = camkit.Viewer()
except camkit.GLError as error:
    print(f"no window: {error}")
    screen = camkit.Offscreen()

# Old frames are of no use to the eye: under `latest` a slow screen sees the newest only.
with camkit.open(source) as camera:
    pipeline = camkit.Pipeline(camera, screen, policy="latest")
    frames = pipeline.run(seconds=3).frames
    print(pipeline.explain())

print(f"{frames.displayed} of {frames.captured} frames shown")
