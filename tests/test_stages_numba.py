"""Functions that Numba has compiled, as stages: the frame's fields and pixels inside of them."""

import numba
import numpy as np
import pytest

import camkit
from camkit import jit


def camera(**options):
    return camkit.SyntheticCamera(
        **{"format": "GREY", "size": (64, 48), "frames": 6, "buffers": 32, "realtime": False, **options}
    )


@numba.cfunc(jit.LOOK)
def measure(frame, user):
    """Write number, size and mean of the frame into a row of the user's array."""
    told = numba.carray(user, (6, 4), np.int64)
    f = jit.fields(frame)
    row = told[f.sequence % 6]
    row[0], row[1], row[2] = f.sequence, f.width, f.height
    pixels = jit.plane(frame, 0)
    total = 0
    for y in range(pixels.shape[0]):
        for x in range(f.width):
            total += pixels[y, x]
    row[3] = total
    return jit.BAD_FRAME if f.sequence == 4 else jit.DROP if f.sequence == 5 else jit.OK


@numba.cfunc(jit.LOOK)
def invert(frame, user):
    pixels = jit.plane(frame, 0)
    for y in range(pixels.shape[0]):
        for x in range(pixels.shape[1]):
            pixels[y, x] = 255 - pixels[y, x]
    return jit.OK


@numba.cfunc(jit.MAKE)
def halve(frame, out, user):
    pixels, small = jit.plane(frame, 0), jit.plane(out, 0)
    for y in range(small.shape[0]):
        for x in range(small.shape[1]):
            small[y, x] = pixels[2 * y, 2 * x]
    return jit.OK


def test_a_function_reads_fields_pixels_and_its_users_data():
    told, means = np.zeros((6, 4), np.int64), {}
    with camera() as source:
        stats = camkit.Pipeline(
            source, lambda frame: means.update({frame.sequence: int(frame.array.sum())}), camkit.CStage(measure, told)
        ).run()
    assert [tuple(row) for row in told] == [(i, 64, 48, means[i]) for i in range(6)]
    assert (stats.frames.dropped.bad, stats.frames.dropped.stage, stats.frames.delivered) == (1, 1, 4)


def test_a_function_writes_in_place_and_into_an_output():
    before, after = {}, {}
    half = camkit.CStage(halve, inputs="GREY", output=camkit.FrameSpec(size=(32, 24)))
    with camera() as source:
        camkit.Pipeline(
            source,
            lambda frame: before.update({frame.sequence: frame.array.copy()}),
            camkit.CStage(invert, writes=True),
            half,
            lambda frame: after.update({frame.sequence: frame.array.copy()}),
        ).run()
    assert after.keys() == set(range(6))
    for sequence, picture in after.items():
        assert (picture == 255 - before[sequence][::2, ::2]).all()


def test_a_function_is_taken_as_it_is():
    with camera() as source:
        pipeline = camkit.Pipeline(source, invert)
        assert "invert" in repr(pipeline)


def test_a_function_of_another_type_is_refused():
    with pytest.raises(TypeError, match="'halve' takes 3 arguments; without an output"):
        camkit.CStage(halve)
    with pytest.raises(TypeError, match="'invert' takes 2 arguments; with an output"):
        camkit.CStage(invert, output="GREY")
    wrong = numba.cfunc(numba.types.int64(jit.FramePointer, numba.types.voidptr))(lambda frame, user: 0)
    with pytest.raises(TypeError, match="returns int64"):
        camkit.CStage(wrong)
    wrong = numba.cfunc(numba.types.int32(numba.types.int32, numba.types.voidptr))(lambda frame, user: 0)
    with pytest.raises(TypeError, match="takes an argument by value"):
        camkit.CStage(wrong)
