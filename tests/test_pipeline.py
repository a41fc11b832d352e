"""Pipeline: every frame accounted for, whatever the stages, the policies and the caller do."""

import os
import threading
import time
from pathlib import Path

import pytest

from camkit import DROP, Branch, FramePool, Match, NullSink, Parallel, Pipeline, SyntheticCamera, Tee
from camkit.performance_core import Copies, PyStage
from camkit.performance_core._queue import POLICIES
from tests.pipelines import balanced, fast


def test_every_frame_arrives_in_order_and_is_counted():
    seen = []
    with fast(50, buffers=8) as camera:
        stats = Pipeline(camera, lambda frame: seen.append(frame.sequence)).run()
    assert seen == list(range(50))
    assert stats.frames.captured == stats.frames.delivered == 50
    assert stats.copies == Copies()
    assert stats.latency_us["<lambda>"].count == 50
    assert stats.latency_us["capture_to_sink"].count == 50


@pytest.mark.parametrize("policy", POLICIES)
def test_a_limit_delivers_exactly_that_many_and_leaves_nothing_over(policy):
    with fast(None) as camera:
        stats = Pipeline(camera, lambda frame: time.sleep(0.001), policy=policy).run(frames=40)
    assert stats.frames.delivered == 40
    assert balanced(stats)
    assert stats.frames.dropped.aborted == 0


def test_block_loses_nothing_between_threads():
    with fast(100) as camera:
        stats = Pipeline(camera, lambda frame: None, lambda frame: time.sleep(0.0005), policy="block").run()
    assert stats.frames.dropped.link == stats.frames.dropped.late == 0
    assert balanced(stats)


@pytest.mark.parametrize(("policy", "cause"), [("drop_newest", "link"), ("drop_oldest", "late"), ("latest", "late")])
def test_a_slow_stage_makes_the_link_drop_and_say_so(policy, cause):
    with fast(300, buffers=8) as camera:
        stats = Pipeline(camera, lambda frame: time.sleep(0.002), policy=policy).run()
    assert getattr(stats.frames.dropped, cause) > 0
    assert balanced(stats)
    assert stats.frames.captured == 300


@pytest.mark.parametrize("policy", ["drop_oldest", "latest"])
def test_a_slow_stage_ends_with_the_newest_frame(policy):
    seen = []
    with fast(200, buffers=8) as camera:
        Pipeline(camera, lambda frame: (time.sleep(0.001), seen.append(frame.sequence))[0], policy=policy).run()
    assert seen == sorted(seen)
    assert seen[-1] == 199


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="counts what Linux counts of each thread")
def test_an_idle_pipeline_sleeps_until_it_is_woken(proof_nodes):
    """Threads at every kind of wait: for sources that have gone silent, at links, in a Match, a Parallel, at a Tee."""
    came = threading.Semaphore(0)

    def stage(name):
        return PyStage(lambda frame: came.release() if name.startswith("last") else None, name)

    sources = [proof_nodes.Silent(1, name) for name in ("left", "right")]
    before = set(threading.enumerate())
    pipeline = Pipeline(
        Match([sources[0], stage("one")], sources[1], tolerance=1.0),
        stage("two"), Parallel([stage("a"), stage("b")]), stage("three"), Tee(stage("last"), stage("last too")),
    )  # fmt: skip
    pipeline.start()
    assert came.acquire(timeout=200) and came.acquire(timeout=200)
    late = pipeline.add(Branch(NullSink(), name="late"))  # who waits at a link is told of it there
    threads = {thread.native_id: thread.name for thread in set(threading.enumerate()) - before}
    assert sorted(name.removeprefix("camkit-") for name in threads.values()) == [
        "NullSink", "a-0", "a-1", "last", "last too", "left", "one", "right", "three", "two",
    ]  # fmt: skip
    wait_until_asleep(threads)
    slept = {number: sleeps(number) for number in threads}
    time.sleep(1)
    more = {name: sleeps(number) - slept[number] for number, name in threads.items()}
    assert pipeline.stats().frames.delivered == 2
    pipeline.remove(late)
    assert [strand for strand in pipeline._strands if strand.path.tee][-1].outlets.settled(), "it slept through that"
    pipeline.stop()
    assert not any(more.values()), more
    assert not pipeline.stats().faults()


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="counts what Linux counts of each thread")
def test_a_camera_without_frames_looks_ten_times_a_second_whether_it_has_stalled():
    came = threading.Event()
    camera = SyntheticCamera(size=(64, 32), format="GREY", delay={1: 3600}, timeout=600)
    before = set(threading.enumerate())
    pipeline = Pipeline(camera, PyStage(lambda frame: None, "first"), PyStage(lambda frame: came.set(), "last"))
    with camera:
        pipeline.start()
        assert came.wait(200)
        threads = {thread.name: thread.native_id for thread in set(threading.enumerate()) - before}
        wait_until_asleep([number for name, number in threads.items() if name != "camkit-synthetic"])
        begun = time.monotonic()
        slept = {name: sleeps(number) for name, number in threads.items()}
        time.sleep(0.5)
        more = {name: sleeps(number) - slept[name] for name, number in threads.items()}
        lasted = time.monotonic() - begun
        assert pipeline.stats().frames.captured == 1, "the next frame is not due for an hour"
        pipeline.stop()
    assert more.pop("camkit-synthetic") <= 10 * lasted + 2
    assert more == {"camkit-first": 0, "camkit-last": 0}


def sleeps(thread):
    with open(f"/proc/self/task/{thread}/status", encoding="ascii") as status:
        return int(next(line for line in status if line.startswith("voluntary")).split()[1])


def wait_until_asleep(threads):
    """Wait until each thread waits for something, and has not been woken for a while."""
    until, before, seen = time.monotonic() + 100, None, []
    while before is None or seen != before:
        assert time.monotonic() < until, seen
        before = seen
        time.sleep(0.2)
        states = [Path(f"/proc/self/task/{one}/stat").read_text().rsplit(")")[1].split()[0] for one in threads]
        seen = [sleeps(one) for one in threads] if set(states) == {"S"} else [None]


def test_a_stage_may_drop_replace_keep_and_close_frames():
    pool, kept, out = FramePool(4, format="RGB24", size=(4, 2)), [], []

    def drop_odd(frame):
        return DROP if frame.sequence % 2 else None

    def keep_a_few(frame):
        if len(kept) < 2:
            kept.append(frame.array[0, :8])
        return frame

    def close(frame):
        frame.close()

    def replace(frame):
        new = pool.acquire(like=frame)
        new.array[:] = frame.sequence
        return new

    def look(frame):
        out.append((frame.sequence, frame.format, int(frame.array[0, 0, 0])))

    with fast(20, buffers=8) as camera:
        pipeline = Pipeline(camera, drop_odd, keep_a_few, close, replace, look)
        stats = pipeline.run()
    assert out == [(n, "RGB24", n) for n in range(0, 20, 2)]
    assert stats.frames.dropped.stage == 10
    assert balanced(stats)
    assert pool.free == 4
    assert len(kept) == 2


def test_stop_delivers_what_is_under_way_and_abort_counts_it():
    for end in ("stop", "abort"):
        gate = threading.Event()

        def hold(frame, gate=gate):
            if frame.sequence > 2:
                gate.wait(200)

        with fast(None, buffers=8) as camera:
            pipeline = Pipeline(camera, hold, depth=4)
            pipeline.start()
            while pipeline.stats().frames.delivered < 3 or pipeline.stats().links[0].queued < 4:
                time.sleep(0.001)
            if end == "stop":
                threading.Timer(0.05, gate.set).start()
                pipeline.stop()
            else:
                pipeline.abort()
                gate.set()
            pipeline.wait()
            stats = pipeline.stats()
            assert balanced(stats)
            assert stats.frames.delivered > 0
            assert (stats.frames.dropped.aborted == 0) == (end == "stop")


def test_a_pipeline_runs_again_and_counts_anew():
    with SyntheticCamera(size=(320, 240), fps=500) as camera:
        pipeline = Pipeline(camera, lambda frame: None)
        first, second = pipeline.run(frames=10), pipeline.run(frames=20)
    assert (first.frames.delivered, second.frames.delivered) == (10, 20)
    assert balanced(first)
    assert balanced(second)
    assert second.latency_us["dequeue"].count >= 20


def test_seconds_ends_in_time_and_drains():
    with SyntheticCamera(size=(320, 240), fps=100) as camera:
        begun = time.monotonic()
        stats = Pipeline(camera, lambda frame: None).run(seconds=1)
        lasted = time.monotonic() - begun
    assert stats.wall_s >= 1
    assert 1 <= stats.frames.delivered <= 100 * lasted + 1
    assert stats.frames.dropped.aborted == 0
    assert balanced(stats)


def test_the_rate_is_that_of_the_frames_and_needs_two():
    with fast(None) as camera:
        pipeline = Pipeline(camera, lambda frame: time.sleep(0.03))
        assert pipeline.stats().fps is None
        assert pipeline.run(frames=1).fps is None
        # A sleep is never shorter: three frames are at least 60 ms apart, whatever else the machine does.
        assert 0 < pipeline.run(frames=3).fps <= 1 / 0.03


def test_drops_of_the_camera_are_counted_by_cause():
    with fast(30, drop=[3, 4, 9], damage=[12, 20]) as camera:
        stats = Pipeline(camera, lambda frame: None).run()
    assert stats.frames.captured == 30
    assert stats.frames.dropped.driver == 3
    assert stats.frames.dropped.corrupt == 2
    assert balanced(stats)


def test_closing_the_camera_from_another_thread_ends_the_run():
    camera = SyntheticCamera(size=(320, 240), fps=100)
    pipeline = Pipeline(camera, lambda frame: None)
    pipeline.start()
    time.sleep(0.05)
    camera.close()
    assert pipeline.wait(timeout=200)
    assert balanced(pipeline.stats())


def test_stages_of_the_same_name_are_told_apart():
    def twin(frame):
        pass

    with fast(5) as camera:
        stats = Pipeline(camera, twin, twin).run()
    assert {"twin", "twin#2"} <= set(stats.latency_us)


def test_explain_tells_the_threads():
    with fast() as camera:
        text = Pipeline(camera, PyStage(lambda frame: None, "look"), policy="latest").explain()
    assert "thread 2: look + NullSink" in text
    assert "latest, 1 frame(s)" in text


def test_frames_have_the_stamps_of_the_stages_passed():
    stamps = []
    with fast(3) as camera:
        Pipeline(camera, lambda frame: None, lambda frame: stamps.append((frame.dequeue_ns, frame.stage_ns))).run()
    assert all(len(stages) == 1 and taken <= stages[0] for taken, stages in stamps)
