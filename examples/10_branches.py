"""Send every frame into several branches that share it, and add and remove one while frames flow.

    python examples/10_branches.py [SOURCE]

Each branch has a thread, a queue and a policy of its own: a slow one that may drop never holds up the others.
"""

import sys
import time

import camkit

source = sys.argv[1] if len(sys.argv) > 1 else "auto"


def measure(frame: camkit.Frame) -> None:
    """Look at every frame."""
    frame.array.mean()


def analyse(frame: camkit.Frame) -> None:
    """Take longer than the camera does for a frame."""
    time.sleep(0.1)


def look(frame: camkit.Frame) -> None:
    """Come late and leave early."""
    if frame.sequence % 10 == 0:
        print(f"frame {frame.sequence} came by")


with camkit.open(source) as camera:
    tee = camkit.Tee([measure], camkit.Branch(analyse, policy="latest"))
    with camkit.Pipeline(camera, tee) as pipeline:
        pipeline.start()
        branch = pipeline.add(look)
        time.sleep(1)
        pipeline.remove(branch)  # delivers what is inside; the others lose nothing
        time.sleep(0.3)
        pipeline.stop()

print(pipeline.explain().split("\nsynthetic:")[0])
for name, path in pipeline.stats().branches.items():
    print(f"{name}: {path.entered} came, {path.delivered + path.forwarded} went on, {path.dropped.total} dropped")
pipeline.stats().check()  # every frame is accounted for on every path
