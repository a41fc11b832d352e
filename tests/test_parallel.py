"""Parallel: frames under work in several threads, out in the order of arrival, each accounted for."""

import functools
import os
import random
import threading
import time

import pytest

from camkit import (
    DROP,
    BadFrame,
    Branch,
    FramePool,
    Match,
    Parallel,
    Pipeline,
    PipelineError,
    Step,
    SyntheticCamera,
    Tee,
)
from camkit.performance_core import PyStage


def fast(frames=50, **options):
    """A camera that makes `frames` pictures as fast as they are taken."""
    return SyntheticCamera(
        **{"size": (64, 48), "format": "GREY", "frames": frames, "realtime": False, "buffers": 30} | options
    )


def uneven(frame):
    """Take another time for each frame, so that later ones are done first."""
    time.sleep(random.random() * 0.003)


class Sink:
    """Remember what came."""

    def __init__(self):
        self.seen = []

    def __call__(self, frame):
        self.seen.append(frame.sequence)


class Mine(PyStage):
    """A stage that remembers the threads of its calls."""

    made = []

    def __init__(self, delay=0.0):
        super().__init__(self.look, "mine")
        self.delay, self.threads, self.calls = delay, set(), []
        Mine.made.append(self)

    def start(self):
        self.threads.add(threading.current_thread())
        self.calls.append("start")

    def stop(self):
        self.threads.add(threading.current_thread())
        self.calls.append("stop")

    def look(self, frame):
        self.threads.add(threading.current_thread())
        self.calls.append(frame.sequence)
        time.sleep(self.delay)


@pytest.fixture(autouse=True)
def forget():
    Mine.made = []


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize("in_flight", [1, 3, None])
def test_frames_leave_in_the_order_of_arrival(workers, in_flight):
    out = Sink()
    with fast(60) as camera:
        stats = Pipeline(camera, Parallel(uneven, workers, in_flight=in_flight), out).run()
    assert out.seen == list(range(60))
    stats.check()
    assert stats.frames.captured == stats.frames.delivered == 60
    assert stats.stages["uneven"].count == stats.latency_us["link_1"].count == 60
    assert stats.copies.total == 0
    for link in ("link_1", "link_2"):
        assert 0 <= stats.latency_us[link].min <= stats.latency_us[link].max <= stats.wall_s * 1e6, "of these frames"


@pytest.mark.parametrize(
    ("policy", "cause"), [("drop_newest", "link"), ("drop_oldest", "late"), ("latest", "late"), ("block", None)]
)
def test_the_link_in_front_drops_as_every_link_does(policy, cause):
    out = Sink()
    with fast(300) as camera:
        stats = Pipeline(camera, Parallel(lambda frame: time.sleep(0.002)), out, policy=policy).run()
    stats.check()
    assert out.seen == sorted(set(out.seen))
    dropped = {name: count for name, count in stats.frames.dropped.as_dict().items() if count}
    assert set(dropped) == ({cause} if cause else set())
    assert len(out.seen) == 300 - stats.frames.dropped.total


def test_frames_that_are_dropped_or_replaced_leave_the_others_in_order():
    pool, out = FramePool(12, format="RGB24", size=(4, 2)), []

    def work(frame):
        uneven(frame)
        if frame.sequence % 5 == 0:
            return DROP
        if frame.sequence % 3 == 0:
            other = pool.acquire(like=frame)
            other.array[:] = frame.sequence
            return other
        return frame

    with fast(60) as camera:
        stats = Pipeline(camera, Parallel(work, workers=3), lambda f: out.append((f.sequence, f.format))).run()
    assert out == [(n, "GREY" if n % 3 else "RGB24") for n in range(60) if n % 5]
    assert stats.frames.dropped.stage == stats.frames.dropped.total == 12
    stats.check()
    assert pool.free == 12


def test_several_frames_are_under_work_at_the_same_time():
    meeting = threading.Barrier(3, timeout=200)

    def meet(frame):
        meeting.wait()

    with fast(30) as camera:
        Pipeline(camera, Parallel(meet, workers=3)).run()
    assert not meeting.broken


@pytest.mark.parametrize(("workers", "in_flight"), [(3, 1), (2, 2), (2, 5)])
def test_no_more_than_in_flight_frames_are_taken_from_the_queue(workers, in_flight):
    """With the thread behind held up, so many frames leave the queue, and the source takes what fits there too."""
    gate, begun, lock = threading.Event(), [], threading.Lock()

    def work(frame):
        with lock:
            begun.append(frame.sequence)

    with fast(40, buffers=20) as camera:
        pipeline = Pipeline(camera, Parallel(work, workers, in_flight=in_flight), lambda frame: gate.wait(60) and None)
        pipeline.start()
        # One is in the hands of the thread behind, two wait in front, one is in the hands of the source.
        while pipeline.stats().inputs["synthetic"].taken < in_flight + 1 + 2 + 1:
            time.sleep(0.001)
        while len(begun) < in_flight + 1:
            time.sleep(0.001)
        time.sleep(0.05)
        assert pipeline.stats().inputs["synthetic"].taken == in_flight + 1 + 2 + 1
        assert sorted(begun) == list(range(in_flight + 1))
        gate.set()
        pipeline.wait()
    pipeline.stats().check()


@pytest.mark.parametrize("stage", [Mine, functools.partial(Mine, delay=0.001), "list", "factory"])
def test_each_thread_has_a_stage_of_its_own(stage):
    if stage == "list":
        parallel = Parallel([Mine(), Mine(), Mine()])
    elif stage == "factory":
        parallel = Parallel(factory=lambda: Mine(), workers=3)
    else:
        parallel = Parallel(stage, workers=3)
    assert Mine.made == list(parallel.stages)
    with fast(60) as camera:
        pipeline = Pipeline(camera, parallel)
        for _ in range(2):
            pipeline.run()
    for made in Mine.made:
        assert [call for call in made.calls if isinstance(call, str)] == ["start", "stop"] * 2
        assert len(made.threads) == 2, "one thread each run"
    assert len({thread for made in Mine.made for thread in made.threads}) == 6
    assert {thread.name for made in Mine.made for thread in made.threads} == {f"camkit-mine-{i}" for i in range(3)}


def test_one_object_for_all_threads_must_say_that_it_may_be():
    with pytest.raises(TypeError, match="'mine'> is one object for 2 threads, and does not say that it is thread_safe"):
        Parallel(Mine())
    with pytest.raises(TypeError, match="'mine'> stands twice among the stages of Parallel"):
        Parallel([Mine.made[0]] * 2)
    Parallel(Mine.made[0], workers=1)

    class Safe(Mine):
        thread_safe = True

    safe, out = Safe(), Sink()
    with fast() as camera:
        Pipeline(camera, Parallel(safe, workers=2), out).run()
    assert out.seen == list(range(50))
    assert safe.calls.count("start") == safe.calls.count("stop") == 2


@pytest.mark.parametrize("at", [0, 17])
def test_an_error_in_one_thread_names_stage_and_frame_and_ends_the_pipeline(at):
    def brittle(frame):
        uneven(frame)
        if frame.sequence == at:
            raise KeyError("no such thing")

    out = Sink()
    with fast(None) as camera:
        pipeline = Pipeline(camera, Parallel(brittle, workers=3), out)
        with pytest.raises(PipelineError, match=f"stage 'brittle' failed on frame {at}: KeyError") as caught:
            pipeline.run()
    assert isinstance(caught.value.__cause__, KeyError)
    assert out.seen == list(range(len(out.seen)))
    assert len(out.seen) <= at
    assert not pipeline.running
    pipeline.stats().check()


def test_a_stage_that_cannot_start_in_one_thread_ends_the_start():
    class Late(Mine):
        def start(self):
            if self is Mine.made[1]:
                raise OSError("no device")

    with fast() as camera:
        pipeline = Pipeline(camera, Parallel(Late, workers=3), lambda frame: None)
        with pytest.raises(PipelineError, match="stage 'mine' failed outside of a frame: OSError: no device"):
            pipeline.start()
    assert not pipeline.running


def test_a_thread_that_hangs_is_named_by_the_watchdog():
    release = threading.Event()

    def stuck(frame):
        if frame.sequence == 3:
            release.wait(60)

    try:
        with fast() as camera:
            pipeline = Pipeline(camera, Parallel(stuck), watchdog=1)
            with pytest.raises(PipelineError, match="stage 'stuck' hangs on frame 3") as caught:
                pipeline.run()
        assert "'camkit-stuck-" in str(caught.value)
    finally:
        release.set()


def test_a_limit_delivers_exactly_that_many():
    out = Sink()
    with fast(None) as camera:
        stats = Pipeline(camera, Parallel(uneven, workers=3), out).run(frames=20)
    assert out.seen == list(range(20))
    assert stats.frames.dropped.total == 0
    stats.check()


@pytest.mark.parametrize("end", ["stop", "abort"])
def test_it_ends_at_any_moment_with_every_frame_accounted_for_and_runs_again(end):
    out = Sink()
    with fast(None) as camera:
        pipeline = Pipeline(camera, Parallel(uneven, workers=3), Parallel(uneven), out)
        for wait in (0.0, 0.001, 0.02):
            out.seen.clear()
            pipeline.start()
            time.sleep(wait)
            getattr(pipeline, end)()
            pipeline.wait()
            stats = pipeline.stats()
            stats.check()
            assert out.seen == sorted(set(out.seen))
            assert len(out.seen) == stats.frames.delivered
            if end == "stop":
                assert stats.frames.dropped.aborted == 0


def test_it_stands_beside_tees_and_matches():
    trunk, left, right = Sink(), Sink(), Sink()
    with fast(40, buffers=24) as camera:
        tee = Tee(Branch(Parallel(uneven, workers=2, name="left"), left), Branch(right, name="right"))
        stats = Pipeline(camera, trunk, Parallel(uneven, workers=3, name="middle"), tee).run()
    assert trunk.seen == left.seen == right.seen == list(range(40))
    stats.check()
    assert stats.branches["left" if "left" in stats.branches else "Sink"].entered == 40

    pairs = []
    options = {"frames": 20, "realtime": True, "fps": 200}
    with fast(**options) as one, fast(**options) as other:
        match = Match([one, Parallel(uneven)], [other], tolerance=100.0, patience=100.0)
        stats = Pipeline(match, Parallel(uneven), lambda frame: pairs.append(frame.sequence)).run()
    stats.check()
    assert pairs == sorted(set(pairs))
    assert len(pairs) == stats.frames.delivered > 0


def test_a_branch_with_threads_comes_and_goes_while_frames_flow():
    out = Sink()
    with SyntheticCamera(size=(64, 48), format="GREY", fps=500, buffers=12) as camera:
        tee = Tee([lambda frame: None])
        pipeline = Pipeline(camera, tee, policy="drop_newest")
        pipeline.start()
        for drain in (True, False):
            out.seen.clear()
            branch = pipeline.add(Branch(Parallel(uneven, workers=2), out, name="extra"))
            while len(out.seen) < 10:
                time.sleep(0.001)
            pipeline.remove(branch, drain=drain)
            seen = list(out.seen)
            assert seen == sorted(set(seen))
        pipeline.stop()
    pipeline.stats().check()


def test_its_threads_are_placed_counted_and_told_of():
    cpu, places = min(os.sched_getaffinity(0)), []

    def work(frame):
        places.append(os.sched_getaffinity(0))

    with fast() as camera:
        pipeline = Pipeline(camera, Step(Parallel(work, workers=2), affinity=cpu, depth=3), lambda frame: None)
        stats = pipeline.run()
        told = pipeline.explain()
    assert places == [{cpu}] * 50
    assert [thread.name for thread in stats.threads][1:3] == ["camkit-work-0", "camkit-work-1"]
    assert f"thread 2: work, in 2 threads [CPU {cpu}]" in told
    assert "in order: at most 4 frame(s)" in told
    assert "work: 2 thread(s), each with <PyStage 'work'>; at most 4 frame(s) under work" in told
    assert [(link.policy, link.depth) for link in stats.links] == [("block", 3 + 4), ("in order", 3 + 4)]


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: Parallel(), TypeError, "a stage or a factory"),
        (lambda: Parallel(uneven, factory=Mine), TypeError, "one of them"),
        (lambda: Parallel(uneven, workers=0), ValueError, "workers is 0, not from 1 to 64"),
        (lambda: Parallel(uneven, workers=65), ValueError, "workers is 65"),
        (lambda: Parallel(uneven, in_flight=0), ValueError, "in_flight is 0, not from 1 to 1024"),
        (lambda: Parallel([uneven, uneven], workers=3), ValueError, "2 stages are given for 3 threads"),
        (lambda: Parallel([]), ValueError, "workers is 0"),
        (lambda: Parallel(7), TypeError, "int"),
        (lambda: Parallel(factory=lambda: 7), TypeError, "int"),
        (lambda: Parallel(Parallel(uneven), workers=1), TypeError, "cannot stand in another Parallel"),
        (lambda: Pipeline(fast(), Step(Parallel(uneven), batch=2)), ValueError, "takes one frame at a time"),
        (lambda: Pipeline(fast(), Step(Parallel(uneven), thread=False)), ValueError, "a Parallel has its own"),
        (lambda: Pipeline(fast(), Parallel(uneven), Step(print, thread=False)), ValueError, "a Parallel has its own"),
        (lambda: Pipeline(fast(), Parallel(uneven), Step(print, depth=3)), ValueError, "no queue behind a Parallel"),
    ],
)
def test_what_cannot_be_meant_is_refused(make, error, words):
    with pytest.raises(error, match=words):
        make()


def test_a_bad_frame_is_counted_and_passed_over():
    def picky(frame):
        uneven(frame)
        if frame.sequence % 4 == 1:
            raise BadFrame("odd one")

    out = Sink()
    with fast(40) as camera:
        parallel = Parallel(picky, workers=3)
        stats = Pipeline(camera, parallel, out).run()
    assert out.seen == [n for n in range(40) if n % 4 != 1]
    assert stats.frames.dropped.bad == stats.frames.dropped.total == parallel.stats().bad == 10
    stats.check()


def test_all_threads_must_give_the_same_frames():
    one = PyStage(lambda frame: None, output="RGB24")
    other = PyStage(lambda frame: None, output="GREY")
    with fast() as camera, pytest.raises(ValueError, match="give different frames: RGB24.*, GREY"):
        Pipeline(camera, Parallel([one, other]))
