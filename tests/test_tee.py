"""Tee: every branch gets every frame, each by its own policy, and each account adds up."""

import threading

import pytest

import camkit
from camkit import Branch, NullSink, Pipeline, PipelineError, Step, Tee
from tests.pipelines import source


def numbers(into):
    return lambda frame: into.append(frame.sequence)


def test_every_branch_gets_every_frame_in_order_without_a_copy():
    left, right, addresses = [], [], ([], [])

    def look(into, where):
        def stage(frame):
            into.append(frame.sequence)
            where.append(frame.array.ctypes.data)

        return stage

    frames = source(50)
    stats = Pipeline(frames, Tee([look(left, addresses[0])], [look(right, addresses[1])])).run()
    assert left == right == list(range(50))
    assert addresses[0] == addresses[1]
    assert frames.pool.free == len(frames.pool)
    stats.check()
    assert (stats.frames.captured, stats.frames.shared, stats.frames.delivered) == (50, 50, 100)
    assert stats.branches["main"].forwarded == 50
    assert stats.branches["stage"].after == ("main",)


def test_a_slow_branch_that_drops_never_holds_up_another():
    gate, entered, fast = threading.Event(), threading.Event(), []

    def slow(frame):
        entered.set()
        gate.wait(200)

    def last(frame):
        assert entered.wait(100)
        fast.append(frame.sequence)
        if frame.sequence == 99:
            gate.set()  # the fast branch had them all before the slow one was done with its first

    stats = Pipeline(source(100), Tee(Branch(slow, policy="drop_newest", depth=2), [last])).run()
    assert fast == list(range(100))
    stats.check()
    assert stats.branches["slow"].delivered == 3  # two in its link, and one in hand
    assert stats.branches["slow"].dropped.link == 97
    assert stats.branches["last"].dropped.total == 0


def test_each_branch_has_its_own_policy_and_depth():
    pipeline = Pipeline(
        source(), Tee(Branch(print, name="a", policy="latest"), Branch(print, name="b", depth=7), [print]), depth=3
    )
    text = pipeline.explain()
    assert "branch 'a':\n    queue: latest, 1 frame(s)" in text
    assert "branch 'b':\n    queue: block, 7 frame(s)" in text
    assert "branch 'print':\n    queue: block, 3 frame(s)" in text


def test_tees_nest_and_every_path_adds_up():
    seen = {name: [] for name in "abcd"}
    inner = Tee(Branch(numbers(seen["b"]), name="b"), Branch(numbers(seen["c"]), name="c"), name="inner")
    outer = Tee(
        Branch(numbers(seen["a"]), name="a"),
        Branch(lambda frame: camkit.DROP if frame.sequence % 2 else None, inner, name="odd"),
        Branch(inner_less := Tee(Branch(numbers(seen["d"]), name="d")), name="bare"),
    )
    stats = Pipeline(source(40), outer).run()
    stats.check()
    assert inner_less.branches[0].name == "d"
    assert seen == {"a": [*range(40)], "b": [*range(0, 40, 2)], "c": [*range(0, 40, 2)], "d": [*range(40)]}
    assert (stats.branches["odd"].forwarded, stats.branches["odd"].dropped.stage) == (20, 20)
    assert stats.frames.delivered == 40 + 20 + 20 + 40


def test_a_tee_without_branches_lets_frames_go():
    frames = source(30)
    stats = Pipeline(frames, Tee()).run()
    stats.check()
    assert stats.frames.delivered == 30
    assert frames.pool.free == len(frames.pool)


def test_a_limit_counts_frames_in_front_of_the_tee():
    stats = Pipeline(source(None), Tee([NullSink()], Branch(NullSink(), policy="latest"))).run(frames=70)
    stats.check()
    assert stats.branches["main"].forwarded == 70
    assert stats.frames.captured == 70
    assert stats.frames.dropped.aborted == 0


def test_an_error_in_one_branch_ends_the_run_and_is_named():
    def brittle(frame):
        if frame.sequence == 9:
            raise KeyError("no such thing")

    pipeline = Pipeline(source(None), Tee([NullSink()], [brittle]))
    with pytest.raises(PipelineError, match="stage 'brittle' failed on frame 9: KeyError"):
        pipeline.run()
    pipeline.stats().check()
    assert not pipeline.running


def test_the_sinks_of_all_branches_are_pumped_and_each_may_end_the_pipeline():
    class Window(NullSink):
        pumped = 0

        def pump(self):
            self.pumped += 1
            return self.pumped < self.most

    one, two = Window("one"), Window("two")
    one.most, two.most = 1 << 60, 20
    stats = Pipeline(source(None), Tee([one], [two])).run()
    stats.check()
    assert one.pumped >= 19
    assert two.pumped >= 20


def test_every_sink_hears_what_the_source_delivers():
    class Ready(NullSink):
        heard = None

        def expect(self, format, size, stride=0):
            self.heard = format, size

    sinks = Ready("one"), Ready("two")
    with camkit.SyntheticCamera(size=(64, 48), format="GREY", frames=3, realtime=False) as camera:
        Pipeline(camera, Tee(*sinks)).run()
    assert [sink.heard for sink in sinks] == [("GREY", (64, 48))] * 2


def test_latencies_and_threads_of_branches_are_told_apart():
    stats = Pipeline(source(20), Tee(Branch(NullSink("x"), name="x"), Branch(NullSink("y"), name="y"))).run()
    assert {"link_1", "link_2", "capture_to_sink (x)", "capture_to_sink (y)"} <= set(stats.latency_us)
    assert [thread.nodes for thread in stats.threads] == [("PoolSource",), ("x",), ("y",)]
    assert [link.name for link in stats.links] == ["link_1", "link_2"]


def test_formats_are_agreed_on_along_every_branch():
    grey = camkit.Stage("grey", inputs="GREY")
    with (
        camkit.SyntheticCamera(format="YUYV") as camera,
        pytest.raises(camkit.FormatMismatch, match="cannot connect 'synthetic' to 'grey'"),
    ):
        Pipeline(camera, Tee([NullSink()], [grey, NullSink()]))


def test_what_cannot_be_built_is_refused_with_reasons():
    twice = NullSink("twice")
    tee = Tee([NullSink()])
    for build, error, words in (
        (lambda: Pipeline(source(), tee, print), TypeError, "a sink or a Tee ends it"),
        (lambda: Pipeline(source(), Tee([twice], [twice])), ValueError, "only once"),
        (lambda: Pipeline(source(), Tee([tee], [tee])), ValueError, "only once"),
        (lambda: Pipeline(source(), Step(tee, affinity=0)), TypeError, "its branches have"),
        (lambda: Branch(), ValueError, "one node at least"),
        (lambda: Branch(source()), TypeError, "frames come from the Tee"),
        (lambda: Branch(print, policy="oldest"), ValueError, "policy is 'oldest'"),
        (lambda: Branch(print, depth=0), ValueError, "depth is 0"),
        (lambda: Pipeline(source(), Tee([7])), TypeError, "a stage is a Stage or a callable, not int"),
    ):
        with pytest.raises(error, match=words):
            build()
