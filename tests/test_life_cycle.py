"""Start, stop, drain and abort: from any thread, a stage or a signal handler, in any order, and never a hang."""

import math
import random
import signal
import threading
import time

import pytest

from camkit import Branch, CamkitError, Match, NullSink, Pipeline, PipelineError, Recorder, Step, Tee
from camkit.performance_core.latch import Latch
from tests.pipelines import source, workers

SHAPES = {
    "linear": lambda: Pipeline(source(None), lambda frame: None, NullSink("end")),
    "tee": lambda: Pipeline(source(None), Tee([lambda frame: None], [NullSink("end")])),
    "match": lambda: Pipeline(Match(source(None), source(None), tolerance=1.0), Step(NullSink("end"), thread=True)),
}
shapes = pytest.mark.parametrize("shape", SHAPES)


def test_drain_returns_at_once_and_everything_under_way_is_delivered():
    gate, entered, seen = threading.Event(), threading.Event(), []

    def slow(frame):
        entered.set()
        gate.wait(30)
        seen.append(frame.sequence)

    pipeline = Pipeline(source(None), slow, depth=4)
    pipeline.start()
    assert entered.wait(30)
    while pipeline.stats().links[0].queued < 4:
        time.sleep(0.001)
    pipeline.drain()  # though the stage does not come back
    assert pipeline.running
    gate.set()
    assert pipeline.wait(timeout=200)
    stats = pipeline.stats()
    stats.check()
    assert stats.frames.dropped.total == 0
    assert seen == list(range(stats.frames.delivered))
    assert len(seen) >= 5


@shapes
@pytest.mark.parametrize("end", ["stop", "drain", "abort"])
def test_a_stage_may_end_its_pipeline(shape, end):
    pipeline = SHAPES[shape]()

    def ending(frame):
        getattr(pipeline, end)()

    pipeline = {
        "linear": lambda: Pipeline(source(None), ending, NullSink("end")),
        "tee": lambda: Pipeline(source(None), Tee([ending], [NullSink("end")])),
        "match": lambda: Pipeline(Match(source(None), [source(None), ending], tolerance=1.0), NullSink("end")),
    }[shape]()
    pipeline.run().check()


@shapes
def test_a_pipeline_runs_again_and_counts_anew(shape):
    pipeline = SHAPES[shape]()
    for frames in (10, 25):
        stats = pipeline.run(frames=frames)
        stats.check()
        assert stats.branches["main"].delivered + stats.branches["main"].forwarded == frames


@shapes
def test_anybody_may_call_anything_at_any_time(shape):
    pipeline, errors = SHAPES[shape](), []

    def act(seed):
        calls = random.Random(seed)
        for _ in range(25):
            call = calls.choice(("start", "stop", "drain", "abort", "wait", "stats", "explain", "running"))
            try:
                if call == "wait":
                    pipeline.wait(timeout=0.01)
                elif call != "running":
                    getattr(pipeline, call)()
                else:
                    assert pipeline.running in (True, False)
            except RuntimeError as error:
                if "running already" not in str(error):
                    errors.append(error)
            except BaseException as error:
                errors.append(error)

    threads = [threading.Thread(target=act, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(200)
        assert not thread.is_alive()
    pipeline.abort()
    assert pipeline.wait(timeout=200)
    assert not errors
    pipeline.stats().check()
    assert not workers()
    assert pipeline.run(frames=5).frames.under_way == 0


def test_who_waited_for_a_run_leaves_the_next_one_its_queues():
    gate = threading.Event()
    pipeline = Pipeline(source(None), lambda frame: gate.wait(30) and None)
    pipeline.start()
    pipeline.abort()
    gate.set()
    join = pipeline._join

    def slow_join(*arguments):
        joined = join(*arguments)
        pipeline._join = join
        gate.clear()
        pipeline.start()  # as another thread may, before this one has closed the account
        while pipeline.stats().links[0].queued < 2:
            time.sleep(0.001)
        return joined

    pipeline._join = slow_join
    assert pipeline.wait(timeout=200)
    assert pipeline.stats().links[0].queued == 2
    pipeline.abort()
    gate.set()
    assert pipeline.wait(timeout=200)
    stats = pipeline.stats()
    stats.check()
    assert stats.frames.dropped.aborted >= 2


@pytest.mark.parametrize("call", ["start", "add", "remove"])
def test_a_node_that_gets_ready_cannot_make_the_pipeline_wait_for_itself(call):
    class Eager(Recorder):
        def start(self):
            getattr(pipeline, call)(*([] if call == "start" else [branch]))

    branch = Branch(NullSink("part"))
    pipeline = Pipeline(source(None), Tee([Eager("never.mcap")], *([branch] if call == "remove" else [])))
    with pytest.raises((CamkitError, RuntimeError), match=rf"{call}\(\) of .* getting ready"):
        pipeline.start()
    assert not pipeline.running


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="the platform has no timers that send a signal")
@pytest.mark.parametrize("end", ["stop", "drain", "abort"])
def test_a_signal_handler_may_end_a_run_at_any_moment(end):
    pipeline = SHAPES["tee"]()
    for delay in (0.0005, 0.002, 0.01, 0.05):
        nested = []

        def call(*_, nested=nested):
            if len(nested) < 20:  # on a slow machine there would be no end of it
                nested.append(1)
                getattr(pipeline, end)()
                nested.pop()

        before = signal.signal(signal.SIGALRM, call)
        try:
            signal.setitimer(signal.ITIMER_REAL, delay, 0.01)  # again and again: also while the first one is at work
            pipeline.start()
            assert pipeline.wait(timeout=200)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        pipeline.stats().check()


def test_a_hang_is_told_with_its_thread_and_its_place():
    gate = threading.Event()

    def stuck(frame):
        gate.wait(30)

    try:
        pipeline = Pipeline(source(None), stuck, watchdog=1)
        with pytest.raises(
            PipelineError, match=r"stage 'stuck' hangs on frame 0.* its thread, 'camkit-stuck'"
        ) as caught:
            pipeline.run()
        assert "gate.wait(30)" in caught.value.__notes__[0]
    finally:
        gate.set()


def test_a_node_that_never_gets_ready_is_named():
    gate = threading.Event()

    class Stuck(NullSink):
        def start(self):
            gate.wait(30)

    try:
        pipeline = Pipeline(source(None), Tee([NullSink()], [Stuck("screen")]), watchdog=1)
        with pytest.raises(PipelineError, match="'screen' hangs: it has not returned"):
            pipeline.start()
    finally:
        gate.set()


def test_what_is_got_ready_once_may_take_longer_than_a_frame():
    class Preparing(NullSink):
        prepared_at = math.inf

        def start(self):
            time.sleep(2.5)
            self.prepared_at = time.monotonic()

    stats = Pipeline(source(5), Preparing("screen"), watchdog=2).run()
    assert stats.frames.delivered == 5


def test_a_source_that_never_gives_a_frame_is_stopped_by_abort_and_stop():
    silent = source(None, slots=1)
    kept = silent.pool.acquire()
    for end in ("abort", "stop"):
        with Pipeline(silent, NullSink("end")) as pipeline:
            pipeline.start()
            getattr(pipeline, end)()
            assert pipeline.wait(timeout=200)
        pipeline.stats().check()
    kept.close()


def test_a_latch_is_set_once_and_for_all():
    latch = Latch()
    assert not latch.wait(0)
    assert not latch.is_set()
    waiters = [threading.Thread(target=latch.wait) for _ in range(3)]
    for waiter in waiters:
        waiter.start()
    latch.set()
    latch.set()
    for waiter in waiters:
        waiter.join(200)
        assert not waiter.is_alive()
    assert latch.wait(0)
