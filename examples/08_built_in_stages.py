"""Keep frames for longer than a camera can spare its buffers: take one of five, and copy it at once.

python examples/08_built_in_stages.py [SOURCE]
"""

import sys

import camkit

source = sys.argv[1] if len(sys.argv) > 1 else "auto"
album: list[camkit.Frame] = []

with camkit.open(source, buffers=4) as camera:
    copy = camkit.Copy(slots=12)
    stats = camkit.Pipeline(camera, camkit.Every(5), copy, album.append).run(frames=10)
    print(copy.explain())

print(f"kept frames {', '.join(str(frame.sequence) for frame in album)}")
print(stats.frames)
