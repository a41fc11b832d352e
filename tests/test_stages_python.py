"""Python callables as stages: what they get, what they may answer, and what becomes of it."""

import gc
import sys

import pytest

import camkit


def camera(frames=8, **options):
    return camkit.SyntheticCamera(
        **{"format": "GREY", "size": (64, 48), "frames": frames, "realtime": False, "buffers": 32, **options}
    )


def run(*nodes, frames=8, **options):
    with camera(frames) as source:
        pipeline = camkit.Pipeline(source, *nodes, **options)
        pipeline.run()
        return pipeline


def test_a_bad_frame_is_counted_and_the_run_goes_on():
    def picky(frame):
        if frame.sequence % 3 == 1:
            raise camkit.BadFrame(f"number {frame.sequence} is of no use")

    got = []
    stage = camkit.PyStage(picky)
    pipeline = run(stage, lambda frame: got.append(frame.sequence))
    assert got == [0, 2, 3, 5, 6]
    assert pipeline.stats().frames.dropped.bad == stage.stats().bad == 3
    assert "3 bad, the last: frame 7: number 7 is of no use" in pipeline.explain()


def test_a_stage_that_writes_gets_a_frame_of_its_own():
    def fill(frame):
        assert not frame.readonly
        frame.array[:] = frame.sequence

    got = {}
    stage = camkit.PyStage(fill, writes=True)
    run(stage, lambda frame: got.update({frame.sequence: set(frame.array.flat)}))
    assert got == {i: {i} for i in range(8)}
    assert stage.stats().copies == 8


def test_a_stage_with_an_output_is_called_with_both():
    def double(frame, out):
        assert (frame.size, out.size, out.sequence) == ((64, 48), (32, 24), frame.sequence)
        assert (out.timestamp_ns, out.colour) == (frame.timestamp_ns, frame.colour)
        out.array[:] = out.sequence * 2

    got = {}
    half = camkit.PyStage(double, output=lambda f: camkit.FrameSpec(f.format, (f.size[0] // 2, f.size[1] // 2)))
    run(half, lambda frame: got.update({frame.sequence: (frame.size, set(frame.array.flat))}))
    assert got == {i: ((32, 24), {2 * i}) for i in range(8)}


def test_with_an_output_every_answer_is_possible_too():
    other = camkit.FramePool(2, format="GREY", size=(8, 8))

    def choose(frame, out):
        if frame.sequence == 0:
            return None
        if frame.sequence == 1:
            return out
        if frame.sequence == 2:
            return frame
        if frame.sequence == 3:
            return camkit.DROP
        if frame.sequence == 4:
            raise camkit.BadFrame
        return other.acquire(like=frame)

    got = {}
    stage = camkit.PyStage(choose, output=camkit.FrameSpec("GREY", (16, 16)), slots=1)
    pipeline = run(stage, lambda frame: got.update({frame.sequence: frame.width}), frames=6)
    assert got == {0: 16, 1: 16, 2: 64, 5: 8}
    drops = pipeline.stats().frames.dropped
    assert (drops.stage, drops.bad) == (1, 1)


def test_no_slot_is_lost_when_the_function_raises_or_returns_nonsense():
    what = [ZeroDivisionError("all of it"), "frame", None]

    def nonsense(frame, out):
        if isinstance(what[0], Exception):
            raise what[0]
        return what[0]

    stage = camkit.PyStage(nonsense, output="GREY", slots=1)
    for words in ("ZeroDivisionError", "returned a str"):
        with camera() as source, pytest.raises(camkit.PipelineError, match=words):
            camkit.Pipeline(source, stage).run()
        del what[0]
        gc.collect()  # the error's traceback has the slot
    assert run(stage).stats().frames.delivered == 8


@pytest.mark.parametrize("declared", [{}, {"writes": True}, {"output": "GREY"}])
def test_a_batch_gets_lists_and_may_answer_each(declared):
    def several(frames, outs=None):
        assert len(frames) == (len(outs) if outs else len(frames))
        answers = []
        for frame in frames:
            assert declared or frame.readonly
            answers.append([None, camkit.DROP, camkit.BadFrame("third")][frame.sequence % 3])
        return answers

    got = []
    stage = camkit.PyStage(several, batch=True, **declared)
    pipeline = run(stage, lambda frame: got.append(frame.sequence), frames=9)
    assert got == [0, 3, 6]
    drops = pipeline.stats().frames.dropped
    assert (drops.stage, drops.bad) == (3, 3)
    assert "frame 8: third" in pipeline.explain()


def test_a_batch_may_be_bad_as_a_whole_and_must_answer_for_all():
    def bad(frames):
        raise camkit.BadFrame("all of them")

    assert run(camkit.PyStage(bad, batch=True)).stats().frames.dropped.bad == 8
    with camera() as source, pytest.raises(camkit.PipelineError, match="returned 0 answers for 1 frames"):
        camkit.Pipeline(source, camkit.PyStage(lambda frames: [], batch=True)).run()


def test_calls_leave_nothing_behind():
    stage = camkit.PyStage(lambda frame, out: None, output="GREY")
    with camera(200) as source:
        camkit.Pipeline(source, stage).run(frames=100)
        gc.collect()
        before = sys.getallocatedblocks()
        camkit.Pipeline(source, stage).run(frames=50)
        gc.collect()
        assert sys.getallocatedblocks() - before < 1000


def test_an_output_that_is_not_told_is_an_error():
    for given in (None, camkit.FrameSpec("GREY"), "GREY"):
        stage = camkit.PyStage(lambda frame, out: None, "s", output=lambda frames: given)  # noqa: B023
        with camera() as source, pytest.raises((camkit.PipelineError, TypeError), match="output of stage 's' is"):
            camkit.Pipeline(source, stage).run()


def test_arguments_are_checked():
    with pytest.raises(TypeError, match="a Stage or a callable, not int"):
        camkit.PyStage(3)
    with pytest.raises(ValueError, match="not both"):
        camkit.PyStage(print, writes=True, output="GREY")
    with pytest.raises(ValueError, match="a stage makes frames of one kind"):
        camkit.PyStage(print, output=("GREY", "NV12"))
    with pytest.raises(ValueError, match="output is NV12 64x48 for|NV12 cannot be|width must be"):
        camkit.PyStage(print, output=camkit.FrameSpec("NV12", (63, 48)))
