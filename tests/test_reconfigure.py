"""Branches that come and go while frames flow: nothing lost, nothing twice, every account closed."""

import threading

import pytest

from camkit import Branch, NullSink, Pipeline, PipelineError, Tee
from camkit.performance_core.account import MOST_CLOSED
from tests.pipelines import source


class Collect:
    """A stage that keeps the numbers of its frames and says when there are enough."""

    def __init__(self, name="collect", enough=20):
        self.__name__ = name
        self.seen, self.event, self.enough = [], threading.Event(), enough

    def __call__(self, frame):
        self.seen.append(frame.sequence)
        if len(self.seen) >= self.enough:
            self.event.set()

    def wait(self):
        assert self.event.wait(100)
        return self


def gapless(numbers):
    return numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_a_branch_that_is_added_gets_every_frame_from_then_on():
    steady, late = Collect("steady"), Collect("late")
    frames = source(None)
    with Pipeline(frames, Tee([steady])) as pipeline:
        pipeline.start()
        steady.wait()
        branch = pipeline.add([late])
        late.wait()
        pipeline.stop()
    stats = pipeline.stats()
    stats.check()
    assert branch.name == "late"
    assert gapless(steady.seen)
    assert steady.seen[0] == 0
    assert gapless(late.seen)
    assert late.seen[0] > 0
    assert late.seen[-1] == steady.seen[-1]  # both got the last frame
    assert stats.branches["late"].delivered == len(late.seen)
    assert frames.pool.free == 32


@pytest.mark.parametrize("drain", [True, False])
def test_a_branch_that_is_removed_is_drained_or_dropped_and_its_account_closed(drain):
    steady, gone = Collect("steady"), Collect("gone")
    branch = Branch(gone, name="gone", depth=8)
    with Pipeline(source(None), Tee([steady], branch)) as pipeline:
        pipeline.start()
        gone.wait()
        pipeline.remove(branch, drain=drain)
        count, seen = len(gone.seen), len(steady.seen)
        closed = pipeline.stats().branches["gone"]
        assert closed.under_way == 0
        assert closed.delivered == count
        assert closed.dropped.total == closed.dropped.aborted
        if drain:
            assert closed.dropped.aborted == 0
        steady.enough = seen + 50
        steady.event.clear()
        steady.wait()
        assert len(gone.seen) == count
        pipeline.stop()
    pipeline.stats().check()
    assert gapless(steady.seen)
    assert gapless(gone.seen)


def test_branches_come_and_go_many_times_from_several_threads_at_once():
    steady, errors = Collect("steady", 1), []
    pipeline = Pipeline(source(None), Tee([steady]))
    parts = []

    def come_and_go():
        try:
            for n in range(15):
                part = Collect("part", 3)
                parts.append(part)
                branch = pipeline.add(part)
                part.wait()
                pipeline.remove(branch, drain=n % 2 == 0)
        except BaseException as error:
            errors.append(error)

    with pipeline:
        pipeline.start()
        threads = [threading.Thread(target=come_and_go) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(200)
        pipeline.stop()
    assert not errors
    stats = pipeline.stats()
    stats.check()
    assert gapless(steady.seen)
    assert all(gapless(part.seen) for part in parts)
    assert len(parts) == len(stats.branches) - 2 == 45


def test_a_removed_branch_may_come_again():
    steady, part = Collect("steady"), Collect("part")
    with Pipeline(source(None), Tee([steady])) as pipeline:
        pipeline.start()
        branch = pipeline.add(Branch(part, NullSink("end"), name="part"))
        part.wait()
        pipeline.remove(branch)
        part.event.clear()
        part.enough = len(part.seen) + 20
        pipeline.add(branch)
        part.wait()
        pipeline.stop()
    pipeline.stats().check()
    assert {"part", "part#2"} <= set(pipeline.stats().branches)


def test_what_is_kept_of_removed_branches_is_bounded_and_still_adds_up():
    steady = Collect("steady", 1)
    with Pipeline(source(None), Tee([steady])) as pipeline:
        pipeline.start()
        for _ in range(MOST_CLOSED + 20):
            pipeline.remove(pipeline.add(NullSink("part")))
        pipeline.stop()
    stats = pipeline.stats()
    stats.check()
    assert len(stats.branches) == MOST_CLOSED + 3  # with main, steady, and one for the oldest 20 together
    assert stats.branches["removed"].under_way == 0


def test_an_error_in_a_branch_that_is_being_removed_is_raised():
    gate, inside = threading.Event(), threading.Event()

    def brittle(frame):
        inside.set()
        gate.wait(30)
        raise KeyError("no such thing")

    with Pipeline(source(None), Tee([NullSink()])) as pipeline:
        pipeline.start()
        branch = pipeline.add(brittle)
        assert inside.wait(30)
        threading.Timer(0.05, gate.set).start()
        pipeline.remove(branch)
        with pytest.raises(PipelineError, match="stage 'brittle' failed on frame"):
            pipeline.wait(timeout=200)
    pipeline.stats().check()


def test_a_branch_with_a_tee_is_added_and_removed_as_a_whole():
    steady, a, b = Collect("steady"), Collect("a"), Collect("b")
    with Pipeline(source(None), Tee([steady], name="outer")) as pipeline:
        pipeline.start()
        branch = pipeline.add(Branch(Tee([a], [b], name="inner"), name="both"))
        assert a.wait()
        assert b.wait()
        pipeline.remove(branch)
        assert a.seen == b.seen
        pipeline.stop()
    pipeline.stats().check()
    assert gapless(a.seen)


def test_branches_change_while_nothing_runs():
    a, b = Collect("a"), Collect("b")
    pipeline = Pipeline(source(30), Tee([a]))
    branch = pipeline.add([b])
    assert pipeline.run().branches["b"].delivered == 30
    pipeline.remove(branch)
    stats = pipeline.run()
    assert set(stats.branches) == {"main", "a"}
    assert (len(a.seen), len(b.seen)) == (60, 30)


def test_a_stage_may_remove_its_own_branch():
    steady, done, ready = Collect("steady"), threading.Event(), threading.Event()

    def once(frame):
        ready.wait(30)
        if not done.is_set():
            done.set()
            pipeline.remove(branches[0])

    pipeline = Pipeline(source(None), Tee([steady]))
    branches = []
    with pipeline:
        pipeline.start()
        steady.wait()
        branches.append(pipeline.add(once))
        ready.set()
        assert done.wait(30)
        pipeline.stop()
    pipeline.stats().check()
    assert gapless(steady.seen)


def test_a_stage_in_front_of_the_tee_may_add_and_remove():
    steady, part, branches = Collect("steady", 60), Collect("part", 1), []

    def control(frame):
        if frame.sequence == 10:
            branches.append(pipeline.add(part))
        if frame.sequence == 30:
            pipeline.remove(branches[0])

    pipeline = Pipeline(source(None), control, Tee([steady]))
    with pipeline:
        pipeline.start()
        steady.wait()
        pipeline.stop()
    pipeline.stats().check()
    assert gapless(steady.seen)
    assert part.seen == list(range(10, 30))


def test_a_branch_that_cannot_start_is_told_and_the_pipeline_goes_on():
    class Broken(NullSink):
        def start(self):
            raise OSError("no screen")

    steady = Collect("steady")
    tee = Tee([steady])
    with Pipeline(source(None), tee) as pipeline:
        pipeline.start()
        with pytest.raises(PipelineError, match="sink 'Broken' failed outside of a frame: OSError: no screen"):
            pipeline.add(Broken())
        steady.enough = len(steady.seen) + 20
        steady.event.clear()
        steady.wait()
        assert [branch.name for branch in tee.branches] == ["steady"]
        pipeline.stop()
    pipeline.stats().check()


def test_a_branch_that_hangs_is_named_when_it_is_removed():
    steady, gate, inside = Collect("steady"), threading.Event(), threading.Event()

    def stuck(frame):
        inside.set()
        gate.wait(30)

    try:
        with Pipeline(source(None), Tee([steady])) as pipeline:
            pipeline.start()
            branch = pipeline.add(Branch(stuck, policy="block", name="stuck"))
            assert inside.wait(30)
            with pytest.raises(PipelineError, match="stage 'stuck' hangs on frame"):
                pipeline.remove(branch, timeout=1)
            steady.enough = len(steady.seen) + 50
            steady.event.clear()
            steady.wait()  # though the producer stood before the hanging one's full queue
            pipeline.stop()
        assert gapless(steady.seen)
    finally:
        gate.set()


def test_what_cannot_be_changed_is_refused_with_reasons():
    inner = Tee([NullSink()], name="inner")
    linear, two = Pipeline(source(), print), Pipeline(source(), Tee([NullSink("a")], [inner]))
    branch = Branch(NullSink("x"))
    for change, error, words in (
        (lambda: linear.add(NullSink()), ValueError, "has no Tee"),
        (lambda: two.add(NullSink()), ValueError, "has 2 Tees"),
        (lambda: two.add(NullSink(), to=Tee()), ValueError, "is not in this pipeline"),
        (lambda: two.remove(branch), ValueError, "is no branch of this pipeline"),
        (lambda: two.add([], to=inner), ValueError, "one node at least"),
        (lambda: (two.add(branch, to=inner), two.add(branch, to=inner)), ValueError, "already"),
        (lambda: two.remove(branch, timeout=-1), ValueError, "timeout is -1"),
    ):
        with pytest.raises(error, match=words):
            change()
    assert two.explain().count("branch 'x'") == 1
    assert "branch 'NullSink'" in two.explain()


def test_a_node_of_another_pipeline_is_refused_to_a_running_one():
    taken = NullSink("taken")
    with Pipeline(source(None), taken) as other, Pipeline(source(None), Tee([NullSink()])) as pipeline:
        other.start()
        pipeline.start()
        with pytest.raises(RuntimeError, match="'taken' is in use by <Pipeline"):
            pipeline.add(taken)
        pipeline.stop()
    pipeline.stats().check()


def test_what_is_added_to_one_pipeline_is_not_in_another_that_has_the_same_tee():
    tee = Tee([NullSink("steady")])
    one, other = Pipeline(source(5), tee), Pipeline(source(5), tee)
    branch = one.add(NullSink("part"))
    assert "part" in one.explain()
    assert "part" not in other.explain()
    with pytest.raises(ValueError, match="is no branch of this pipeline"):
        other.remove(branch)
    assert set(other.run().branches) == {"main", "steady"}
    assert set(one.run().branches) == {"main", "steady", "part"}
