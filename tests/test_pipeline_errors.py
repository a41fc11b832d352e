"""Pipeline: what goes wrong in it, or is asked of it wrongly, is named, and harms nothing else."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

import camkit
from camkit import NullSink, Pipeline, PipelineError, SyntheticCamera
from camkit.performance_core import PyStage
from tests.pipelines import balanced, fast


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
            pipeline = Pipeline(camera, stuck, watchdog=1)
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
                pipeline.stop(timeout=1)
    finally:
        release.set()


def test_stop_and_abort_from_many_threads_at_once():
    with SyntheticCamera(size=(320, 240), fps=200) as camera:
        pipeline = Pipeline(camera, lambda frame: None, lambda frame: None)
        pipeline.start()
        time.sleep(0.05)
        threads = [threading.Thread(target=end) for end in (pipeline.stop, pipeline.abort, camera.close, pipeline.stop)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(200)
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


def script(body):
    return subprocess.Popen(
        [sys.executable, "-c", body], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ)
    )


def test_ctrl_c_stops_at_once_and_arrives_as_keyboard_interrupt():
    child = script(
        "import camkit, time\n"
        "camera = camkit.SyntheticCamera(fps=30)\n"
        "said = []\n"
        "def say(frame):\n"
        "    if frame.sequence >= 2 and not said:\n"
        "        said.append(print('frame', flush=True))\n"
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
    with fast(None) as camera:
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
            assert pumped.wait(100)

        def pump(self):
            if not pumped.is_set():
                pumped.set()
                raise KeyboardInterrupt
            return True

    pumped = threading.Event()
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
        "    signal.alarm(150)\n"
        f"    {end}\n"
        "    sys.exit(0)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), pipeline.running)\n"
        "pipeline.stop()\n"
    )
    out, err = child.communicate(timeout=200)
    assert (out, err, child.returncode) == ("0 True\n", "", 0)
