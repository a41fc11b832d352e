"""Run a compiled stage of our own.

cd examples/04_own_cython_stage
python setup.py build_ext --inplace
python main.py
"""

from exposure import Exposure

import camkit

stage = Exposure()
with camkit.open("synthetic", format="GREY", size=(1280, 720), fps=60) as camera:
    stats = camkit.Pipeline(camera, stage).run(frames=30)

print(f"{stage.black / stage.pixels:.1%} black, {stage.white / stage.pixels:.1%} white of {stage.pixels} pixels")
print(f"{stats.stages[stage.name].p50:.0f} us a frame without the GIL")
