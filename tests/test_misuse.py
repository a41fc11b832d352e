"""Users who do what nobody meant: no crash and no hang, and an error that says what is wrong."""

import json

import pytest

import camkit
from camkit import FrameQueue, NullSink, Pipeline, PoolSource, Step, Tee
from tests.pipelines import pool, source


def test_a_batch_may_do_with_its_lists_what_it_likes():
    def empty(frames, slots):
        frames.clear()
        slots.clear()

    seen = []
    stage = camkit.PyStage(empty, batch=True, output="GREY", slots=8)
    Pipeline(source(50), Step(stage, batch=8), lambda frame: seen.append(frame.sequence)).run().check()
    assert seen == list(range(50))


def test_an_answer_that_shortens_the_list_of_answers_takes_none_away():
    class Sly(camkit.BadFrame):
        def __str__(self):
            answers.clear()
            return "sly"

    answers = []

    def answer(frames):
        answers[:] = [Sly() for _ in frames]
        return answers

    stats = Pipeline(source(20), Step(camkit.PyStage(answer, batch=True), batch=4)).run()
    stats.check()
    assert stats.frames.dropped.bad == 20


def test_a_copy_whose_class_forgets_super_init_copies():
    class Forgetful(camkit.Copy):
        def __init__(self):
            pass

    stats = Pipeline(source(20), Forgetful()).run()
    stats.check()
    assert stats.frames.delivered == stats.copies.total == 20


@pytest.mark.parametrize(
    "name",
    ["\ud800", "\0", "a\nb\x1b[31m", "<script>alert(1)</script>", "é" * 20_000, ""],
    ids=["surrogate", "nul", "control", "html", "long", "empty"],
)
def test_any_text_is_a_name(name, tmp_path):
    trace, report = tmp_path / "t.json", tmp_path / "r.html"
    pipeline = Pipeline(
        PoolSource(pool(), 50, name=name),
        camkit.Every(2, name=name),
        camkit.PyStage(lambda frame: None, name=name),
        Tee(camkit.Branch(NullSink(), name=name), camkit.Branch(lambda frame: None, name=name), name=name),
    )
    pipeline.run(trace=trace, report=report).check()
    json.loads(trace.read_text())
    assert "<script>alert" not in report.read_text()
    with camkit.ThreadPool(1, name=name, affinity=0) as threads:
        assert "CPU 0" in threads.explain()


@pytest.mark.parametrize("seconds", [float("inf"), 1e300, 10**400, 1e10])
def test_whoever_waits_for_ever_may_say_so_by_any_number(seconds):
    pipeline = Pipeline(source(None), Tee(NullSink()))
    branch = pipeline.add(NullSink())
    pipeline.start()
    pipeline.remove(branch, timeout=seconds)
    pipeline.stop(seconds)
    assert pipeline.wait(seconds)
    pipeline.stats().check()


@pytest.mark.parametrize("seconds", ["1", b"1", [], object(), "", 1j])
def test_what_is_no_time_is_told_by_its_name(seconds):
    pipeline = Pipeline(source(5), Tee(NullSink()))
    branch, frame, queue = pipeline.add(NullSink()), pool().acquire(), FrameQueue()
    for call, what in [
        (lambda: pipeline.stop(seconds), "timeout"),
        (lambda: pipeline.wait(seconds), "timeout"),
        (lambda: pipeline.remove(branch, timeout=seconds), "timeout"),
        (lambda: pipeline.start(seconds=seconds), "seconds"),
        (lambda: queue.put(frame, seconds), "timeout"),
        (lambda: queue.get(seconds), "timeout"),
        (lambda: Pipeline(source(5), watchdog=seconds), "watchdog"),
        (lambda: source(5, period=seconds), "period"),
        (lambda: source(5, offset=seconds), "offset"),
    ]:
        with pytest.raises(TypeError, match=f"{what} is .* not a number of seconds"):
            call()


def test_none_is_no_branch():
    pipeline = Pipeline(source(5), Tee(NullSink()))
    with pytest.raises(ValueError, match="None is no branch of this pipeline"):
        pipeline.remove(None)
