"""Run the compiled stage between two Python ones that see each frame before and after it, then one that breaks.

Then frames of a pool over memory of its own.
"""

import functools

from bands import InvertInBands
from invert import Broken, Invert, native_pool, pools_given_up

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

before.clear()
after.clear()
with camkit.ThreadPool(2) as pool, camkit.open("synthetic", format="GREY", size=(64, 48), fps=200) as camera:
    camkit.Pipeline(
        camera,
        lambda frame: before.update({frame.sequence: frame.array.copy()}),
        camkit.Parallel(functools.partial(InvertInBands, pool), workers=2),
        lambda frame: after.update({frame.sequence: frame.array.copy()}),
    ).run(frames=20)
    assert pool.stats().bands == 6 * 20, pool.stats()
assert list(after) == sorted(after)
for sequence, picture in after.items():
    assert (picture == 255 - before[sequence]).all(), f"frame {sequence} is not the negative of itself"

for answer, cause in ((4, "stage"), (5, "pool"), (6, "bad")):
    with camkit.SyntheticCamera(format="GREY", size=(64, 48), frames=5, realtime=False) as camera:
        stage = Broken(answer, True)
        frames = camkit.Pipeline(camera, stage, lambda frame: None).run().frames
        assert frames.captured == getattr(frames.dropped, cause) == 5, frames
        assert cause == "stage" or getattr(stage.stats(), cause) == 5, stage.stats()

for answer, lose in ((-1, False), (-1, True), (0, True), (4, False), (6, False), (42, False), (42, True)):
    with camkit.open("synthetic", format="GREY", size=(64, 48), fps=500) as camera:
        pipeline = camkit.Pipeline(camera, Broken(answer, lose), lambda frame: None)
        try:
            pipeline.run(frames=5)
        except camkit.PipelineError as error:
            assert f"'Broken' failed on frame 0: ValueError: process() answered {answer} with" in str(error), error
        else:
            raise AssertionError(f"the answer {answer} was taken")
        frames = pipeline.stats().frames
        assert frames.captured == frames.dropped.total > frames.dropped.driver, frames

pool = native_pool(3, 64 * 48, format="GREY", size=(64, 48))
frames = [pool.acquire() for _ in range(3)]
frames[1].array[:] = 7
assert (frames[0].memory, frames[0].array.max(), frames[1].array.min()) == ("foreign", 0, 7)
pool.close()
del frames[1:], pool
assert pools_given_up() == 0
frames.clear()
assert pools_given_up() == 1
try:
    native_pool(2, 10, format="GREY", size=(64, 48))
except ValueError as error:
    assert "slot_bytes is 10" in str(error), error
else:
    raise AssertionError("a pool whose slots are too small was made")
assert pools_given_up() == 2, "also where no pool came to be"
