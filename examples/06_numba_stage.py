"""Compile a stage with Numba: it reads the frame's fields and pixels without the GIL, and writes into our array.

pip install camkit[numba]
python examples/06_numba_stage.py [SOURCE]
"""

import sys

import numba
import numpy as np

import camkit
from camkit import jit

source = sys.argv[1] if len(sys.argv) > 1 else "auto"


@numba.cfunc(jit.LOOK)
def exposure(frame, user):
    """Count black and white pixels of YUYV: in each pair of bytes the first is the brightness."""
    told = numba.carray(user, (3,), np.int64)
    rows, width = jit.plane(frame, 0), jit.fields(frame).width
    for y in range(rows.shape[0]):
        for x in range(width):
            told[0] += rows[y, 2 * x] <= 16
            told[1] += rows[y, 2 * x] >= 235
    told[2] += rows.shape[0] * width
    return jit.OK


told = np.zeros(3, np.int64)
stage = camkit.CStage(exposure, told, inputs="YUYV")
with camkit.open(source, format="YUYV") as camera:
    stats = camkit.Pipeline(camera, stage).run(frames=30)

print(f"{told[0] / told[2]:.1%} black, {told[1] / told[2]:.1%} white of {told[2]} pixels")
print(f"{stats.stages['exposure'].p50:.0f} us a frame without the GIL")
