"""Run the compiled stage between two Python ones that see each frame before and after it."""

from invert import Invert

import camkit

before, after = {}, {}
stage = Invert()
with camkit.open("synthetic", format="GREY", size=(64, 48), fps=100) as camera:
    pipeline = camkit.Pipeline(
        camera,
        lambda frame: before.update({frame.sequence: frame.array.copy()}),
        stage,
        lambda frame: after.update({frame.sequence: frame.array.copy()}),
    )
    pipeline.run(frames=5)

for sequence, picture in after.items():
    assert (picture == 255 - before[sequence]).all(), f"frame {sequence} is not the negative of itself"
assert stage.frames >= len(after)
print(len(after), "negatives from", camkit.__file__)
