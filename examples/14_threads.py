"""Put several threads on one picture, and several pictures on one stage.

    python examples/14_threads.py [SOURCE]

A ThreadPool shares out the rows of a frame: NumPy lets go of the GIL, so bands of it run at the same time. Parallel
runs a whole stage in several threads, each on another frame, and lets them out in the order in which they came.
"""

import sys

import numpy as np

import camkit

source = sys.argv[1] if len(sys.argv) > 1 else "synthetic"
pool = camkit.ThreadPool()  # one thread for each CPU but the caller's
seen: list[int] = []


def contrast(frame: camkit.Frame) -> camkit.Frame:
    """Stretch the brightness, some rows in each thread."""
    bright = frame.array[:, :, 0]
    low, high = int(bright.min()), max(int(bright.max()), 1)
    table = np.clip((np.arange(256) - low) * 255.0 / max(high - low, 1), 0, 255).astype(np.uint8)
    out = slots.acquire(like=frame)
    pool.parallel_for(out.height, lambda begin, end: np.take(table, bright[begin:end], out=out.array[begin:end]))
    return out


def sharpness(frame: camkit.Frame) -> None:
    """Measure something slow; two threads do, each on a frame of its own."""
    across = np.abs(np.diff(frame.array.astype(np.int16), axis=1))
    frame_sharpness[frame.sequence] = float(across.mean())


def show(frame: camkit.Frame) -> None:
    """Find the frames in order, whichever thread was quicker."""
    seen.append(frame.sequence)
    print(f"frame {frame.sequence}: sharpness {frame_sharpness.pop(frame.sequence):.2f}")


frame_sharpness: dict[int, float] = {}
with camkit.open(source, format="YUYV", size=(640, 480)) as camera, pool:
    slots = camkit.FramePool(8, format="GREY", size=camera.size)
    pipeline = camkit.Pipeline(camera, contrast, camkit.Parallel(sharpness, workers=2), show)
    stats = pipeline.run(frames=10)

assert seen == sorted(seen)
print(
    f"{pool.stats().bands} bands of {pool.stats().jobs} pictures, {pool.stats().stolen} of them taken by another thread"
)
for thread in stats.threads:
    print(f"{thread.name}: {thread.cpu_s * 1e3:.1f} ms of CPU" if thread.cpu_s else thread.name)
