"""Pipeline: every frame accounted for, whatever the stages, the policies and the caller do."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

import camkit
from camkit import DROP, Branch, FramePool, Match, NullSink, Parallel, Pipeline, PipelineError, SyntheticCamera, Tee
from camkit.performance_core import Copies, PyStage
from camkit.performance_core._queue import POLICIES


def fast(frames=50, **options):
    """A camera that makes `frames` pictures as fast as they are taken."""
    return SyntheticCamera(size=(320, 240), format="GREY", frames=frames, realtime=False, **options)


def balanced(stats):
    return not stats.faults() and stats.frames.captured == stats.frames.delivered + stats.frames.dropped.total


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
    time.sleep(0.2)
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
    camera = SyntheticCamera(size=(64, 32), format="GREY", fps=0.1)
    before = set(threading.enumerate())
    pipeline = Pipeline(camera, PyStage(lambda frame: None, "first"), PyStage(lambda frame: came.set(), "last"))
    with camera:
        pipeline.start()
        assert came.wait(200)
        threads = {thread.name: thread.native_id for thread in set(threading.enumerate()) - before}
        time.sleep(0.1)
        begun = time.monotonic()
        slept = {name: sleeps(number) for name, number in threads.items()}
        time.sleep(0.5)
        more = {name: sleeps(number) - slept[name] for name, number in threads.items()}
        lasted = time.monotonic() - begun
        assert pipeline.stats().frames.captured == 1, "the next frame is not due for ten seconds"
        pipeline.stop()
    assert more.pop("camkit-synthetic") <= 10 * lasted + 2
    assert more == {"camkit-first": 0, "camkit-last": 0}


def sleeps(thread):
    with open(f"/proc/self/task/{thread}/status", encoding="ascii") as status:
        return int(next(line for line in status if line.startswith("voluntary")).split()[1])


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


@pytest.mark.parametrize("at", [0, 7])
def test_an_exception_names_the_stage_and_the_frame_and_reaches_the_caller(at):
    def brittle(frame):
        if frame.sequence == at:
            raise KeyError("no such thing")

    with fast() as camera:
        pipeline = Pipeline(camera, lambda frame: None, brittle)
        with pytest.raises(PipelineError, match=f"stage 'brittle' failed on frame {at}: KeyError") as caught:
            pipeline.run()
    assert isinstance(caught.value.__cause__, KeyError)
    assert isinstance(caught.value, RuntimeError)
    assert (caught.value.stage, caught.value.sequence) == ("brittle", at)
    assert balanced(pipeline.stats())
    assert not pipeline.running


@pytest.mark.parametrize("nonsense", [7, "frame", True, [1]])
def test_a_stage_that_returns_nonsense_is_named(nonsense):
    with fast() as camera, pytest.raises(PipelineError, match=r"stage 'odd' returned a \w+; a stage returns None"):
        Pipeline(camera, PyStage(lambda frame: nonsense, "odd")).run()


def test_a_stage_that_returns_a_closed_frame_is_named():
    def close_and_return(frame):
        other = frame.copy()
        other.close()
        return other

    with fast() as camera, pytest.raises(PipelineError, match=r"'close_and_return'.*the frame is closed"):
        Pipeline(camera, close_and_return).run()


def test_a_hanging_stage_is_named_by_the_watchdog():
    release = threading.Event()

    def stuck(frame):
        if frame.sequence == 3:
            release.wait(30)

    try:
        with fast() as camera:
            pipeline = Pipeline(camera, stuck, watchdog=0.3)
            with pytest.raises(PipelineError, match="stage 'stuck' hangs on frame 3") as caught:
                pipeline.run()
        assert caught.value.stage == "stuck"
    finally:
        release.set()


def test_a_hanging_stage_is_named_by_stop():
    release, entered = threading.Event(), threading.Event()

    def stuck(frame):
        entered.set()
        release.wait(30)

    try:
        with fast(None) as camera:
            pipeline = Pipeline(camera, stuck, watchdog=None)
            pipeline.start()
            entered.wait(200)
            with pytest.raises(PipelineError, match="stage 'stuck' hangs on frame 0"):
                pipeline.stop(timeout=0.3)
    finally:
        release.set()


def test_stop_delivers_what_is_under_way_and_abort_counts_it():
    for end in ("stop", "abort"):
        with fast(None, buffers=8) as camera:
            pipeline = Pipeline(camera, lambda frame: time.sleep(0.005), depth=4)
            pipeline.start()
            time.sleep(0.05)
            getattr(pipeline, end)()
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
        stats = Pipeline(camera, lambda frame: None).run(seconds=0.3)
    assert 15 <= stats.frames.delivered <= 60
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


def test_stop_and_abort_from_many_threads_at_once():
    with SyntheticCamera(size=(320, 240), fps=200) as camera:
        pipeline = Pipeline(camera, lambda frame: None, lambda frame: None)
        pipeline.start()
        time.sleep(0.05)
        threads = [threading.Thread(target=end) for end in (pipeline.stop, pipeline.abort, camera.close, pipeline.stop)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert pipeline.wait(timeout=200)
        assert balanced(pipeline.stats())


def test_a_run_started_twice_is_refused():
    with SyntheticCamera(size=(320, 240)) as camera, Pipeline(camera) as pipeline:
        pipeline.start()
        with pytest.raises(RuntimeError, match="running already"):
            pipeline.start()


def test_a_closed_camera_is_named_at_the_start():
    camera = fast()
    camera.close()
    with pytest.raises((ValueError, PipelineError), match="is closed"):
        Pipeline(camera).run()


@pytest.mark.parametrize(
    ("arguments", "options", "error", "words"),
    [
        (("camera",), {}, TypeError, "begins with a camera or a Source, not str"),
        ((None,), {}, TypeError, "not NoneType"),
        (("ok", 7), {}, TypeError, "a stage is a Stage or a callable, not int"),
        (("ok", NullSink(), NullSink()), {}, TypeError, "cannot stand in the middle"),
        (("ok",), {"policy": "oldest"}, ValueError, "not one of block, drop_newest, drop_oldest, latest"),
        (("ok",), {"depth": 0}, ValueError, "depth is 0"),
        (("ok",), {"watchdog": 0}, ValueError, "watchdog is 0"),
    ],
)
def test_bad_arguments(arguments, options, error, words):
    with fast() as camera, pytest.raises(error, match=words):
        Pipeline(camera if arguments[0] == "ok" else arguments[0], *arguments[1:], **options)


@pytest.mark.parametrize("limit", [{"frames": 0}, {"frames": -1}, {"frames": 1.5}, {"seconds": 0}, {"seconds": -1}])
def test_bad_limits(limit):
    with fast() as camera, pytest.raises(ValueError, match="is .* not a"):
        Pipeline(camera).run(**limit)


@pytest.mark.parametrize("timeout", [-1, float("nan")])
def test_bad_timeouts(timeout):
    with fast() as camera, pytest.raises(ValueError, match="timeout is"):
        Pipeline(camera).wait(timeout)


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


def script(body):
    return subprocess.Popen(
        [sys.executable, "-c", body], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ)
    )


def test_ctrl_c_stops_at_once_and_arrives_as_keyboard_interrupt():
    child = script(
        "import camkit, time\n"
        "camera = camkit.SyntheticCamera(fps=30)\n"
        "say = lambda frame: print('frame', flush=True) if frame.sequence == 2 else None\n"
        "pipeline = camkit.Pipeline(camera, say)\n"
        "try:\n"
        "    pipeline.run()\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted', pipeline.running, flush=True)\n"
    )
    assert child.stdout.readline() == "frame\n"
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=200)
    assert (out, err, child.returncode) == ("interrupted False\n", "", 0)


@pytest.mark.parametrize(
    "stage", ["lambda frame: None", "lambda frame: time.sleep(0.01)", "lambda frame: keep.append(frame.array)"]
)
def test_the_interpreter_ends_quietly_while_frames_flow(stage):
    child = script(
        "import camkit, time\n"
        "keep = []\n"
        "camera = camkit.SyntheticCamera(fps=200)\n"
        f"pipeline = camkit.Pipeline(camera, {stage})\n"
        "pipeline.start()\n"
        "time.sleep(0.2)\n"
    )
    out, err = child.communicate(timeout=200)
    assert (out, err, child.returncode) == ("", "", 0)


def test_frames_have_the_stamps_of_the_stages_passed():
    stamps = []
    with fast(3) as camera:
        Pipeline(camera, lambda frame: None, lambda frame: stamps.append((frame.dequeue_ns, frame.stage_ns))).run()
    assert all(len(stages) == 1 and taken <= stages[0] for taken, stages in stamps)


def test_camkit_errors_of_the_source_arrive_as_themselves():
    with (
        SyntheticCamera(size=(320, 240), fps=50, delay={3: 5.0}, timeout=0.3) as camera,
        pytest.raises(camkit.CameraTimeout) as caught,
    ):
        Pipeline(camera, lambda frame: None).run(frames=10)
    assert "in 'synthetic' of <Pipeline" in caught.value.__notes__[0]


@pytest.mark.parametrize("shared", ["source", "stage", "sink"])
def test_what_works_in_one_pipeline_is_refused_to_another(shared):
    stage, sink = PyStage(lambda frame: None, name="twice"), NullSink()
    with SyntheticCamera(fps=500) as camera, SyntheticCamera(fps=500) as other:
        first = Pipeline(camera, stage, sink)
        second = {
            "source": lambda: Pipeline(camera, lambda frame: None),
            "stage": lambda: Pipeline(other, stage),
            "sink": lambda: Pipeline(other, sink),
        }[shared]()
        with first:
            first.start()
            with pytest.raises(RuntimeError, match="is in use by <Pipeline"):
                second.run(frames=3)
            assert first.running
        assert second.run(frames=3).frames.delivered == 3


def test_a_stage_that_stops_its_pipeline_does_not_wait_for_itself():
    with SyntheticCamera(fps=500) as camera:
        pipeline = Pipeline(camera, lambda frame: pipeline.stop() if frame.sequence == 3 else None, lambda frame: None)
        stats = pipeline.run()
    assert stats.frames.delivered >= 4
    assert balanced(stats)


def test_a_stage_cannot_wait_for_its_own_pipeline():
    with SyntheticCamera(fps=500) as camera:
        pipeline = Pipeline(camera, lambda frame: pipeline.wait())
        with pytest.raises(PipelineError, match="it would wait for itself"):
            pipeline.run(frames=3)


def test_a_start_that_is_interrupted_leaves_a_pipeline_that_can_start():
    class Window(NullSink):
        def start(self):
            time.sleep(0.1)

        def pump(self):
            if not pumped:
                pumped.append(1)
                raise KeyboardInterrupt
            return True

    pumped = []
    with SyntheticCamera(fps=500) as camera:
        pipeline = Pipeline(camera, lambda frame: None, Window())
        with pytest.raises(KeyboardInterrupt):
            pipeline.run(frames=3)
        assert not pipeline.running
        assert pipeline.stats().wall_s == 0
        assert pipeline.run(frames=3).frames.delivered == 3


def test_a_node_that_forgets_to_call_init_has_a_name():
    class Silent(NullSink):
        def __init__(self):
            pass

    with fast(3) as camera:
        pipeline = Pipeline(camera, Silent())
        assert repr(pipeline) == "<Pipeline synthetic -> Silent>"
        assert pipeline.run().frames.delivered == 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform has no fork")
@pytest.mark.parametrize(
    "end", ["sys.exit(0)", "camera.close()", "pipeline.stop()", "pipeline.wait()", "camera.stop()"]
)
def test_a_forked_child_waits_for_no_thread_of_its_parent(end):
    child = script(
        "import camkit, os, signal, sys, time, warnings\n"
        "camera = camkit.SyntheticCamera(fps=5)\n"
        "pipeline = camkit.Pipeline(camera, lambda frame: None)\n"
        "pipeline.start()\n"
        "time.sleep(0.3)\n"
        "warnings.simplefilter('ignore')  # newer Pythons warn of what this test is about\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    signal.alarm(60)\n"
        f"    {end}\n"
        "    sys.exit(0)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), pipeline.running)\n"
        "pipeline.stop()\n"
    )
    out, err = child.communicate(timeout=200)
    assert (out, err, child.returncode) == ("0 True\n", "", 0)
