"""stats(): typed, frozen, and adding up on every path; what is wrong is found and told."""

import json
import threading
import time
from dataclasses import FrozenInstanceError, fields, replace

import pytest

from camkit import (
    DROP,
    AccountError,
    BranchStats,
    Drops,
    FrameCounts,
    FrameQueue,
    Pipeline,
    PipelineStats,
    SourceStats,
    Summary,
    SyntheticCamera,
)
from camkit.performance_core.thread_clock import ThreadClock
from tests.pipelines import source

CAUSES = [f.name for f in fields(Drops)]


def fast(frames=50, **options):
    return SyntheticCamera(size=(64, 32), format="GREY", frames=frames, realtime=False, **options)


def forked():
    """The account of a camera whose 10 frames went into two branches, one of which lost two."""
    trunk = BranchStats(("camera",), entered=9, forwarded=8, dropped=Drops(bad=1))
    one = BranchStats(("main",), entered=8, delivered=8, displayed=5)
    other = BranchStats(("main",), entered=8, delivered=6, dropped=Drops(late=1, stage=1))
    return PipelineStats(
        frames=FrameCounts(10, 14, 5, Drops(driver=1, bad=1, late=1, stage=1), shared=8),
        inputs={"camera": SourceStats(10, 9, Drops(driver=1))},
        branches={"main": trunk, "one": one, "other": other},
    )


def matched():
    """The account of two cameras: of 10 and 9 frames 8 pairs were made, and 7 delivered."""
    return PipelineStats(
        frames=FrameCounts(19, 7, 0, Drops(pool=1, unmatched=2, link=1), joined=8),
        inputs={"left": SourceStats(10, 10), "right": SourceStats(9, 8, Drops(pool=1))},
        branches={
            "left": BranchStats(("left",), entered=10, forwarded=8, dropped=Drops(unmatched=2)),
            "right": BranchStats(("right",), entered=8, forwarded=8),
            "both": BranchStats(("left", "right"), entered=8, delivered=7, dropped=Drops(link=1)),
        },
    )


@pytest.mark.parametrize("cause", CAUSES)
def test_drops_count_every_cause(cause):
    drops = Drops(**{cause: 3})
    assert drops.total == 3 and getattr(drops, cause) == 3
    assert drops + drops - drops == drops and (drops - drops).total == 0
    assert list(drops.as_dict()) == CAUSES


def test_a_linear_run_adds_up_by_path_and_in_all():
    with fast(60, drop=(3, 4), damage=(9,)) as camera:
        pipeline = Pipeline(camera, lambda frame: DROP if frame.sequence % 5 == 0 else None)
        stats = pipeline.run()
    stats.check()
    assert stats.faults() == [] and not stats.running
    assert stats.frames.captured == 60 and stats.frames.dropped == Drops(driver=2, corrupt=1, stage=12)
    assert stats.frames.delivered == 45 and stats.frames.under_way == 0
    assert replace(stats.inputs["synthetic"], copies=0, copied_bytes=0) == SourceStats(
        60, 57, Drops(driver=2, corrupt=1)
    )
    assert stats.branches == {"main": BranchStats(("synthetic",), 57, 45, 0, 0, Drops(stage=12))}
    assert stats.stages["<lambda>"].count == 57 and stats.latency_us["<lambda>"] == stats.stages["<lambda>"]
    assert [(link.name, link.policy, link.depth, link.queued) for link in stats.links] == [("link_1", "block", 2, 0)]


def test_stats_of_a_graph_add_up_with_shared_and_joined_frames():
    forked().check()
    matched().check()


@pytest.mark.parametrize("make", [forked, matched])
def test_one_frame_too_many_or_too_few_is_found_anywhere(make):
    stats = make()
    changed = [replace(stats, frames=replace(stats.frames, delivered=stats.frames.delivered - 1))]
    changed.append(replace(stats, frames=replace(stats.frames, displayed=stats.frames.displayed + 1)))
    changed.append(replace(stats, frames=replace(stats.frames, dropped=stats.frames.dropped + Drops(link=1, late=-1))))
    for name, one in stats.inputs.items():
        changed.append(replace(stats, inputs={**stats.inputs, name: replace(one, taken=one.taken - 1)}))
    for name, one in stats.branches.items():
        for what in ("entered", "delivered", "forwarded"):
            wrong = replace(one, **{what: getattr(one, what) + 1})
            changed.append(replace(stats, branches={**stats.branches, name: wrong}))
    for wrong in changed:
        assert wrong.faults()
        with pytest.raises(AccountError, match="do not add up"):
            wrong.check()


def test_the_error_has_the_numbers():
    stats = forked()
    wrong = replace(stats, branches=stats.branches | {"one": BranchStats(("main",), entered=8, delivered=6)})
    with pytest.raises(ArithmeticError, match=r"branch 'one' was given 8, and delivered 6.*2 differ"):
        wrong.check()
    with pytest.raises(AccountError, match=r"captured 5, took 3 and dropped 1 \(driver 1\): 1 differ"):
        SourceStats(5, 3, Drops(driver=1)).check()


def test_a_run_that_goes_on_is_not_held_to_the_sum():
    stats = replace(forked(), frames=FrameCounts(99), running=True)
    stats.check()


def test_stats_are_frozen_and_become_plain_json():
    with fast(10) as camera:
        stats = Pipeline(camera, lambda frame: None).run()
    with pytest.raises(FrozenInstanceError):
        stats.frames.captured = 3
    plain = json.loads(json.dumps(stats.as_dict()))
    assert plain["frames"]["dropped"] == dict.fromkeys(CAUSES, 0)
    assert plain["latency_us"]["<lambda>"]["count"] == 10
    assert plain["branches"]["main"]["after"] == ["synthetic"]
    assert list(plain) == [f.name for f in fields(PipelineStats)]


def test_stats_before_a_run_are_empty():
    with fast(1) as camera:
        stats = Pipeline(camera).stats()
    stats.check()
    assert stats.frames == FrameCounts() and stats.threads == stats.links == () and stats.wall_s == 0
    assert stats.latency_us["dequeue"] == Summary()


def test_stats_of_a_second_run_count_that_run_alone():
    with fast(None) as camera:
        pipeline = Pipeline(camera, lambda frame: None)
        for frames in (7, 4):
            stats = pipeline.run(frames=frames)
            stats.check()
            assert stats.frames.captured == stats.frames.delivered == stats.stages["<lambda>"].count == frames


def test_a_source_that_goes_by_another_name_keeps_its_account():
    """As a camera does that is plugged in again and gets another node."""
    came = source(20, name="before")

    def rename(frame):
        came.name = "after"

    stats = Pipeline(came, rename).run()
    stats.check()
    assert list(stats.inputs) == ["before"] and stats.inputs["before"].captured == 20
    assert stats.branches["main"].after == ("before",)


def test_a_queue_tells_how_full_it_is():
    go = threading.Event()
    with fast(None, buffers=8) as camera:
        pipeline = Pipeline(camera, lambda frame: go.wait(200) and None, depth=3)
        pipeline.start()
        while pipeline.stats().links[0].queued < 3:
            time.sleep(0.001)
        running = pipeline.stats()
        assert running.running and running.frames.under_way >= 3
        go.set()
        pipeline.stop()
    assert pipeline.stats().links[0].queued == 0
    pipeline.stats().check()


def test_threads_tell_their_nodes_and_the_cpu_they_took():
    def burn(frame):
        until = time.thread_time() + 0.01
        while time.thread_time() < until:
            pass

    seen = []
    with fast(10) as camera:
        pipeline = Pipeline(camera, burn)
        pipeline.start()
        while pipeline.running:
            seen.append(pipeline.stats().threads[1].cpu_s)
        pipeline.wait()
    first, second = pipeline.stats().threads
    assert (first.name, first.nodes) == ("camkit-synthetic", ("synthetic",))
    assert second.nodes == ("burn", "NullSink")
    assert second.cpu_s >= 0.1 > 0 <= first.cpu_s
    told = [cpu_s for cpu_s in seen if cpu_s is not None]
    assert told == sorted(told) and told[-1] <= second.cpu_s
    assert pipeline.stats().threads == (first, second), "they have ended"


def test_a_thread_clock_is_read_from_outside_while_the_thread_runs():
    clock, begun, halt = ThreadClock(), threading.Event(), threading.Event()
    assert clock.cpu_s is None

    def work():
        clock.begin()
        begun.set()
        while not halt.is_set():
            sum(range(1000))
        clock.end()

    thread = threading.Thread(target=work)
    thread.start()
    begun.wait()
    while (now := clock.cpu_s) is not None and now < 0.02:
        pass
    halt.set()
    thread.join()
    assert clock.cpu_s >= 0.02
    assert clock.cpu_s == clock.cpu_s


def test_the_links_policy_and_depth_are_those_of_the_pipeline():
    with fast(20) as camera:
        stats = Pipeline(camera, lambda frame: None, lambda frame: None, policy="latest", depth=5).run()
    depth = FrameQueue(5, "latest").depth
    assert [(link.name, link.policy, link.depth) for link in stats.links] == [
        ("link_1", "latest", depth),
        ("link_2", "latest", depth),
    ]
    stats.check()


def test_counts_read_as_a_sentence():
    assert str(FrameCounts(5, 3, 2, Drops(late=2))) == "captured 5, delivered 3, displayed 2, dropped 2 (late 2)"
    assert str(forked().frames).endswith("shared 8, dropped 4 (driver 1, late 1, stage 1, bad 1)")
    assert str(Drops()) == "dropped 0"


def test_a_run_that_nobody_has_waited_for_is_not_held_to_the_sum():
    gate = threading.Event()
    with fast(None, buffers=8) as camera:
        pipeline = Pipeline(camera, lambda frame: gate.wait(200) and None, depth=4)
        pipeline.start()
        while not pipeline.stats().links[0].queued:
            time.sleep(0.001)
        pipeline.abort()
        gate.set()
        while pipeline.running:
            time.sleep(0.001)
        between = pipeline.stats()
        between.check()
        assert between.running and between.wall_s > 0
        pipeline.wait()
    after = pipeline.stats()
    after.check()
    assert not after.running and after.frames.under_way == 0 and after.frames.dropped.aborted > 0
    assert after.wall_s >= between.wall_s > 0
