"""Run compiled stages of our own: one looks, one writes in place, one makes new frames.

cd examples/04_own_cython_stage
python setup.py build_ext --inplace
python main.py
"""

from exposure import Exposure, Half, Lift

import camkit

stage, half = Exposure(), Half()
with camkit.open("synthetic", format="GREY", size=(1280, 720), fps=60) as camera:
    pipeline = camkit.Pipeline(camera, Lift(20), half, stage)
    stats = pipeline.run(frames=30)
    print(pipeline.explain())

print(f"{stage.black / stage.pixels:.1%} black, {stage.white / stage.pixels:.1%} white of {stage.pixels} pixels")
print(f"{stats.stages[stage.name].p50:.0f} us a frame without the GIL, {stats.copies.per_frame:.0f} copy a frame")
