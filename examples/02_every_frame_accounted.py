"""Lose frames in three ways, and find each of them in the account.

    python examples/02_every_frame_accounted.py

The camera is the synthetic one, for it can be told what to lose: the driver loses frames 5 and 6, frame 9 arrives
damaged, and our stage is too slow for the rest, of which it wants the newest only.
"""

import time

import camkit

camera = camkit.SyntheticCamera(size=(320, 240), fps=200, frames=40, drop=(5, 6), damage=(9,))


def slow(frame: camkit.Frame) -> None:
    """Take three times as long as the camera."""
    time.sleep(0.015)


with camera:
    frames = camkit.Pipeline(camera, slow, policy="latest").run().frames

print(f"captured {frames.captured} = delivered {frames.delivered}")
for cause, count in frames.dropped.as_dict().items():
    print(f"  + {cause} {count}")
assert frames.captured == frames.delivered + frames.dropped.total
