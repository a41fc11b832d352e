"""Step: which nodes share a thread, and what is asked of it."""

import os
import threading

import pytest

import camkit
from camkit import NullSink, Pipeline, Step
from tests.pipelines import source


class Thread(NullSink):
    """A native sink that remembers its thread."""

    ident = None

    def start(self):
        self.ident = threading.get_ident()
        self.cpus = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None


def remember(into):
    return lambda frame: into.add(threading.get_ident())


def threads(pipeline):
    """Run it; return the nodes of each thread."""
    stats = pipeline.run()
    stats.check()
    return [thread.nodes for thread in stats.threads]


def test_by_default_native_neighbours_share_a_thread_and_a_callable_begins_one():
    class Native(NullSink):
        pass

    names = threads(Pipeline(source(), lambda frame: None, Native("end")))
    assert names == [("PoolSource",), ("<lambda>", "end")]


def test_true_begins_a_thread_and_false_stays_in_the_one_before():
    a, b = set(), set()
    pipeline = Pipeline(
        source(), Step(remember(a), thread=False), Step(remember(b), thread=False), Step(NullSink("end"), thread=True)
    )
    assert threads(pipeline) == [("PoolSource", "<lambda>", "<lambda>#2"), ("end",)]
    assert a == b
    assert len(a) == 1


def test_a_name_groups_neighbours():
    a, b, c = set(), set(), set()
    pipeline = Pipeline(
        source(),
        Step(remember(a), thread="left"),
        Step(remember(b), thread="left"),
        Step(remember(c), thread="right"),
        Step(NullSink("end"), thread="right"),
    )
    assert threads(pipeline) == [("PoolSource",), ("<lambda>", "<lambda>#2"), ("<lambda>#3", "end")]
    assert a == b != c


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the platform lets no program choose its CPUs")
def test_affinity_is_that_of_the_thread_and_explain_tells_it():
    cpu = min(os.sched_getaffinity(0))
    sink = Thread("end")
    pipeline = Pipeline(Step(source(), affinity=cpu), Step(sink, affinity={cpu}))
    pipeline.run().check()
    assert sink.cpus == {cpu}
    assert f"thread 1: PoolSource [CPU {cpu}]" in pipeline.explain()
    assert f"thread 2: end [CPU {cpu}]" in pipeline.explain()


def test_a_priority_is_got_or_its_refusal_is_told():
    pipeline = Pipeline(source(), Step(NullSink("end"), priority=10))
    pipeline.run().check()
    line = next(line for line in pipeline.explain().splitlines() if line.startswith("thread 2"))
    assert "SCHED_FIFO 10" in line


def test_policy_and_depth_are_those_of_the_link_in_front():
    pipeline = Pipeline(source(), Step(print, policy="drop_newest", depth=5), Step(NullSink("end"), policy="latest"))
    text = pipeline.explain()
    assert "queue: drop_newest, 5 frame(s)\nthread 2: print" in text
    assert "queue: latest, 1 frame(s)\nthread 3: end" in text
    assert [(link.policy, link.depth) for link in Pipeline(source(), Step(NullSink("e"), depth=9)).run().links] == [
        ("block", 9)
    ]


def test_a_thread_may_wait_by_looking_all_the_time():
    Pipeline(source(50), Step(NullSink("end"), wait="spin")).run().check()


def test_every_frame_of_a_batch_comes_in_order_and_is_counted():
    seen, sizes = [], []

    def several(frames):
        sizes.append(len(frames))
        seen.extend(frame.sequence for frame in frames)

    stats = Pipeline(source(500), Step(several, batch=8), depth=16).run()
    stats.check()
    assert seen == list(range(500))
    assert max(sizes) <= 8
    assert stats.stages["several"].count == 500


def test_a_batch_takes_what_waits_and_waits_for_no_more():
    gate, sizes = threading.Event(), []

    def fill(frame):
        if frame.sequence == 9:
            gate.set()

    def several(frames):
        if not sizes:
            gate.wait(30)  # until nine more are behind the first
        sizes.append(len(frames))

    Pipeline(source(10), Step(fill, thread=False), Step(several, batch=4), depth=16).run().check()
    assert sum(sizes) == 10
    assert max(sizes) == 4
    sizes.clear()
    gate.set()
    Pipeline(source(1), Step(several, batch=4)).run().check()
    assert sizes == [1]


def test_a_batch_may_drop_replace_and_keep_frames():
    out, seen = camkit.FramePool(16, format="GREY", size=(16, 16)), []

    def several(frames):
        answers = []
        for frame in frames:
            if frame.sequence % 3 == 0:
                answers.append(camkit.DROP)
            elif frame.sequence % 3 == 1:
                answers.append(out.acquire(like=frame))
            else:
                answers.append(None)
        return answers

    frames = source(90)
    stats = Pipeline(frames, Step(several, batch=5), lambda frame: seen.append(frame.sequence), depth=4).run()
    stats.check()
    assert seen == [n for n in range(90) if n % 3]
    assert stats.frames.dropped.stage == 30
    assert (out.free, frames.pool.free) == (16, 32)


@pytest.mark.parametrize("answer", [[], [None] * 99, 7, "no"])
def test_a_batch_that_returns_nonsense_is_named(answer):
    pipeline = Pipeline(source(), Step(lambda frames: answer, batch=4))
    with pytest.raises(camkit.PipelineError, match="stage '<lambda>' returned"):
        pipeline.run()
    pipeline.stats().check()


def test_an_error_in_a_batch_is_named_and_everything_is_counted():
    def brittle(frames):
        if frames[-1].sequence >= 50:
            raise KeyError("no such thing")

    pipeline = Pipeline(source(200), Step(brittle, batch=4))
    with pytest.raises(camkit.PipelineError, match="stage 'brittle' failed on frame"):
        pipeline.run()
    pipeline.stats().check()
    assert pipeline.stats().frames.dropped.aborted > 0


def test_a_thread_may_wait_without_sleeping():
    numbers = []
    pipeline = Pipeline(source(), Step(lambda frame: numbers.append(frame.sequence), wait="spin"))
    pipeline.run(frames=20).check()
    assert numbers == list(range(20))


def test_what_cannot_be_meant_is_refused_with_reasons():
    for build, error, words in (
        (lambda: Step(print, thread=1), TypeError, "thread is 1, not True, False or a name"),
        (lambda: Step(print, thread=""), ValueError, "a letter at least"),
        (lambda: Step(Step(print)), TypeError, "is a Step already"),
        (lambda: Step(print, batch=0), ValueError, "batch is 0"),
        (lambda: Step(print, policy="oldest"), ValueError, "policy is 'oldest'"),
        (lambda: Step(print, depth=0), ValueError, "depth is 0"),
        (lambda: Step(print, wait="doze"), ValueError, "wait is 'doze'"),
        (lambda: Step(print, wait="sleep"), ValueError, "wait is 'sleep', not one of park, spin"),
        (lambda: Step(print, affinity="0"), TypeError, "affinity is '0'"),
        (lambda: Step(print, priority=100), ValueError, "priority is 100"),
        (lambda: Step(print, thread=False, depth=3), ValueError, "by thread=False, for none of its own"),
        (lambda: Pipeline(Step(source(), depth=3)), ValueError, "only affinity and priority"),
        (
            lambda: Pipeline(source(), Step(print, thread="a"), Step(repr, thread="a", priority=3)),
            ValueError,
            "give the option there",
        ),
    ):
        with pytest.raises(error, match=words):
            build()
