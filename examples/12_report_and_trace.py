"""Find out where the time goes: a page with plots for people, and a trace that shows each frame in each thread.

    python examples/12_report_and_trace.py [FOLDER]

Open report.html in a browser, and trace.json at https://ui.perfetto.dev.
"""

import random
import sys
import time
from pathlib import Path

import camkit

folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")


def denoise(frame: camkit.Frame) -> None:
    """Take two milliseconds, and sometimes far more."""
    time.sleep(0.002 + 0.012 * random.random() ** 6)


def preview(frame: camkit.Frame) -> None:
    """Take longer than the camera gives."""
    time.sleep(0.012)


def analyse(frame: camkit.Frame) -> None:
    """Look at every pixel."""
    frame.array.mean()


with camkit.SyntheticCamera(size=(640, 480), fps=120, drop=range(60, 70), buffers=16) as camera:
    branches = camkit.Tee(
        camkit.Branch(analyse, name="analysis"),
        camkit.Branch(preview, name="preview", policy="latest"),
    )
    pipeline = camkit.Pipeline(camera, denoise, branches, policy="drop_newest", depth=4)
    stats = pipeline.run(seconds=1.5, report=folder / "report.html", trace=folder / "trace.json")

stats.check()  # raises AccountError if a single frame were missing from the account
print(stats.frames)
slowest = max(stats.stages, key=lambda name: stats.stages[name].p50 or 0)
print(f"{slowest} is the slowest stage: half of the frames take more than {stats.stages[slowest].p50:.0f} us")
histogram = stats.stages[slowest].histogram
assert histogram is not None
for low, high, count in histogram.buckets()[:3]:
    print(f"  {count} between {low / 1000:.0f} and {high / 1000:.0f} us")
print(f"see {folder / 'report.html'} and {folder / 'trace.json'}")
