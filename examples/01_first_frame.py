"""Open a camera, look at one frame.

    python examples/01_first_frame.py [SOURCE]

SOURCE is /dev/videoN, an id of `camkit list`, synthetic, or auto (the default).
"""

import sys

import camkit

source = sys.argv[1] if len(sys.argv) > 1 else "auto"
with camkit.open(source) as camera:
    print(camera.info.name, camera.stream)
    for frame in camera:
        # No copy: for YUYV the array is (height, width, 2) bytes of the driver's own memory.
        picture = frame.planes[0]
        print(f"frame {frame.sequence}: {frame.format} {frame.width}x{frame.height}, {picture.dtype} {picture.shape}")
        print(f"taken at {frame.timestamp_ns} ns ({frame.clock} clock, {frame.stamp}), mean {picture.mean():.1f}")
        break
