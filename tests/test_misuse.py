"""Users who do what nobody meant: no crash and no hang, and an error that says what is wrong."""

import json
import os
import signal
import subprocess
import sys
import time

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


def test_a_class_is_no_stage():
    for wrong in (camkit.Every, NullSink):
        with pytest.raises(TypeError, match="is a class: make an object of it"):
            Pipeline(source(5), wrong)


def test_a_stage_of_a_parallel_stands_nowhere_else():
    stage = camkit.PyStage(lambda frame: None)
    for nodes in ([stage, camkit.Parallel([stage])], [camkit.Parallel([stage]), Tee(NullSink(), [stage])]):
        with pytest.raises(ValueError, match="only once"):
            Pipeline(source(5), *nodes)
    first, second = Pipeline(source(None), camkit.Parallel([stage])), Pipeline(source(5), stage)
    with first:
        first.start()
        with pytest.raises(RuntimeError, match="in use by"):
            second.start()
    second.run().check()


def test_a_page_that_cannot_be_made_does_not_hide_why_the_run_failed(tmp_path):
    class Mute(camkit.PyStage):
        def explain(self):
            raise LookupError("nothing to say")

    def fail(frame):
        raise KeyError("the reason")

    with pytest.raises(camkit.PipelineError, match="the reason") as caught:
        Pipeline(source(5), Mute(fail)).run(report=tmp_path / "r.html")
    assert "nothing to say" in caught.value.__notes__[0]
    with pytest.raises(camkit.OutputError, match="nothing to say"):
        Pipeline(source(5), Mute(lambda frame: None)).run(report=tmp_path / "r.html")


def test_an_error_that_cannot_say_what_it_is_is_told_by_its_kind(tmp_path):
    class Unspeakable(Exception):
        def __str__(self):
            raise ValueError

    def fail(frame):
        raise Unspeakable

    with pytest.raises(camkit.PipelineError, match="stage 'fail' failed on frame 0: Unspeakable") as caught:
        Pipeline(source(5), fail).run(trace=tmp_path / "t.json")
    assert isinstance(caught.value.__cause__, Unspeakable)


@pytest.mark.parametrize("path", ["\0", "\ud800"])
def test_what_cannot_be_the_name_of_a_file(path):
    for option in ("trace", "report"):
        with pytest.raises(camkit.OutputError, match="cannot write the"):
            Pipeline(source(5)).run(**{option: path})


def test_stop_names_the_stage_that_held_it_up_and_closes_the_account():
    kept = []
    keeper = camkit.PyStage(lambda frame, slot: kept.append(slot), name="keeper", output="GREY", slots=2)
    pipeline = Pipeline(source(None, slots=4), keeper)
    pipeline.start()
    while len(kept) < 2:
        pass
    with pytest.raises(camkit.PipelineError, match="'keeper' was at work") as caught:
        pipeline.stop(0.2)
    assert caught.value.stage == "keeper"
    stats = pipeline.stats()
    assert stats.frames.captured == stats.frames.delivered + stats.frames.dropped.total


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_stage_that_forks_and_goes_on_in_the_child_ends_there():
    children = []

    def fork(frame):
        if frame.sequence == 5:
            child = os.fork()
            if child:
                children.append(child)

    Pipeline(source(20), fork).run().check()
    until = time.monotonic() + 100
    while os.waitpid(children[0], os.WNOHANG) == (0, 0):
        if time.monotonic() > until:
            os.kill(children[0], signal.SIGKILL)
            os.waitpid(children[0], 0)
            pytest.fail("the child hangs")
        time.sleep(0.01)


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_AS is obeyed by Linux")
def test_no_memory_for_a_run_is_an_error_and_no_end_of_the_interpreter():
    program = """if True:
        import resource
        from camkit import NullSink, Pipeline, Tee
        from tests.pipelines import source
        pipeline = Pipeline(source(50), *[lambda frame: None for _ in range(30)], Tee(*[NullSink() for _ in range(30)]))
        pages = int(open("/proc/self/statm").read().split()[0])
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize(), -1))
        try:
            pipeline.run()
        except (MemoryError, RuntimeError) as error:  # RuntimeError: no memory for a thread
            told = type(error).__name__
        resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
        pipeline.run().check()
        print(told)
    """
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout in ("MemoryError\n", "RuntimeError\n")
