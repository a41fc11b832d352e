"""The trace of a run: well-formed, in order, complete, and telling the same as stats()."""

import _thread
import errno
import json
import threading
import time
from collections import Counter, defaultdict

import pytest

from camkit import DROP, Match, NullSink, OutputError, Pipeline, PipelineError, Step, SyntheticCamera, Tee, Trace
from camkit.performance_core._trace import KINDS, TraceRing, anchor
from camkit.performance_core.trace import Track, write_trace


def fast(frames=60, **options):
    return SyntheticCamera(size=(64, 32), format="GREY", frames=frames, realtime=False, **options)


def load(path):
    return json.loads(path.read_text(), parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))


def well_formed(told):
    """Check everything that a viewer relies on; return the events by their phase."""
    events = told["traceEvents"]
    names = {e["tid"]: e["args"]["name"] for e in events if e["ph"] == "M" and e["name"] == "thread_name"}
    assert sorted(names) == list(range(1, len(names) + 1)) and all(names.values())
    timed = [e for e in events if e["ph"] != "M"]
    assert {e["ph"] for e in events} <= set("MBEsfCi") and all(e["pid"] == 1 for e in events)
    assert all(e["ts"] >= 0 for e in timed)
    assert all(one["ts"] <= other["ts"] for one, other in zip(timed, timed[1:], strict=False)), "sorted"
    flows = defaultdict(list)
    inside = dict.fromkeys(names, None)
    for e in timed:
        if e["ph"] == "C":
            assert e["args"]["frames"] >= 0
            continue
        assert e["tid"] in names
        if e["ph"] == "B":
            assert inside[e["tid"]] is None, "a thread does one thing at a time"
            assert isinstance(e["args"]["frame"], int) and e["name"] and e["cat"] in KINDS
            inside[e["tid"]] = e
        elif e["ph"] == "E":
            assert inside[e["tid"]] is not None and inside[e["tid"]]["ts"] <= e["ts"]
            inside[e["tid"]] = None
        elif e["ph"] in "sf":
            assert (inside[e["tid"]] is not None) == (e["ph"] == "s"), "an arrow leaves a slice, and ends at the next"
            flows[e["id"]].append(e)
        else:
            assert e["s"] == "t" and e["name"].startswith("dropped: ")
    assert set(inside.values()) <= {None}, "every slice has its end"
    for first, last in flows.values():
        assert (first["ph"], last["ph"]) == ("s", "f") and first["tid"] != last["tid"] and first["ts"] <= last["ts"]
    return events


def slices(events, cat):
    return Counter((e["name"], e["args"]["frame"]) for e in events if e["ph"] == "B" and e["cat"] == cat)


def drops(events):
    found = Counter()
    for e in events:
        if e["ph"] == "i":
            found[e["name"].removeprefix("dropped: ")] += e["args"].get("frames", 1)
    return found


def same_as_stats(told, stats):
    """Every frame crosses every stage once, as often as stats() says, and is lost for the causes that it names."""
    events = well_formed(told)
    assert not any(told["otherData"]["lost_events"].values())
    stages = slices(events, "stage")
    assert set(stages.values()) <= {1}
    assert Counter(name for name, _ in stages) == {name: row.count for name, row in stats.stages.items() if row.count}
    taken = slices(events, "take")
    assert set(taken.values()) <= {1} and len(taken) == sum(one.taken for one in stats.inputs.values())
    ends = Counter((e["tid"], e["args"]["frame"]) for e in events if e["ph"] == "B" and e["cat"] == "sink")
    assert set(ends.values()) <= {1} and len(ends) == stats.frames.delivered
    found, lost = drops(events), stats.frames.dropped
    assert (found["link"], found["late"], found["stage"], found["bad"]) == (lost.link, lost.late, lost.stage, lost.bad)
    assert found["aborted"] == lost.aborted
    assert told["otherData"]["stats"]["frames"] == stats.as_dict()["frames"]
    return events


@pytest.mark.parametrize("policy", ["block", "drop_newest", "latest", "drop_oldest"])
def test_every_frame_crosses_every_stage_once_and_every_drop_is_there(policy, tmp_path):
    def slow(frame):
        time.sleep(0.004)

    def odd(frame):
        return DROP if frame.sequence % 5 == 0 else None

    path = tmp_path / "trace.json"
    with SyntheticCamera((64, 32), format="GREY", fps=500, frames=120, buffers=12, drop=(7, 8)) as camera:
        stats = Pipeline(camera, odd, slow, policy=policy).run(trace=path)
    events = same_as_stats(load(path), stats)
    assert stats.frames.dropped.stage > 0
    links = {e["name"] for e in events if e["ph"] == "C"}
    assert links == {"frames in link_1", "frames in link_2"}
    arrows = Counter(e["ph"] for e in events if e["ph"] in "sf")
    popped = sum(row.count for name, row in stats.latency_us.items() if name.startswith("link_"))
    assert arrows["s"] == arrows["f"] == popped
    assert 2 <= drops(events)["before this frame"] <= stats.frames.dropped.driver


def test_frames_that_a_newer_one_replaced_are_named(tmp_path):
    seen = []
    path = tmp_path / "trace.json"
    with fast(100, buffers=8) as camera:
        Pipeline(camera, lambda frame: (time.sleep(0.001), seen.append(frame.sequence))[0], policy="latest").run(
            trace=path
        )
    late = [e["args"]["frame"] for e in load(path)["traceEvents"] if e["ph"] == "i" and e["name"] == "dropped: late"]
    assert late and sorted(late + seen) == list(range(100))


def test_a_batch_gives_each_frame_its_share(tmp_path):
    path = tmp_path / "trace.json"
    with fast(80, buffers=16) as camera:
        stats = Pipeline(camera, Step(lambda frame: None, batch=4), depth=8).run(trace=path)
    same_as_stats(load(path), stats)


def test_branches_have_tracks_and_arrows_of_their_own(tmp_path):
    path = tmp_path / "trace.json"

    def left(frame):
        pass

    def right(frame):
        time.sleep(0.0005)

    with fast(60, buffers=12) as camera:
        stats = Pipeline(camera, Tee([left], [right])).run(trace=path)
    stats.check()
    events = same_as_stats(load(path), stats)
    assert sum(1 for e in events if e["ph"] == "M" and e["name"] == "thread_name") == len(stats.threads) == 3


def test_a_failing_stage_leaves_a_trace_that_tells_of_it(tmp_path):
    def fail(frame):
        if frame.sequence == 20:
            raise OSError("no more")

    path = tmp_path / "trace.json"
    with fast(None, buffers=8) as camera:
        pipeline = Pipeline(camera, fail)
        with pytest.raises(PipelineError):
            pipeline.run(trace=path)
    told = load(path)
    same_as_stats(told, pipeline.stats())
    assert told["otherData"]["errors"] == ["OSError: no more"]
    assert any(e["ph"] == "i" and e["args"]["frame"] == 20 for e in told["traceEvents"])


def test_an_interrupted_run_is_written_down(tmp_path):
    path, page = tmp_path / "trace.json", tmp_path / "report.html"

    class Impatient(NullSink):
        def pump(self):
            if pipeline.stats().frames.delivered > 20:
                _thread.interrupt_main()
            return True

    with fast(None, buffers=8) as camera:
        pipeline = Pipeline(camera, lambda frame: time.sleep(0.001), Impatient())
        with pytest.raises(KeyboardInterrupt):
            pipeline.run(trace=path, report=page)
    same_as_stats(load(path), pipeline.stats())
    assert page.read_text().endswith("</html>\n")


def test_a_stage_that_hangs_is_written_down(tmp_path):
    go = threading.Event()
    path = tmp_path / "trace.json"
    with fast(None, buffers=8) as camera:
        pipeline = Pipeline(camera, lambda frame: go.wait(200) and None, watchdog=0.2)
        with pytest.raises(PipelineError, match="hangs"):
            pipeline.run(trace=path)
        well_formed(load(path))
        go.set()
        while pipeline.running:
            time.sleep(0.01)


def test_a_full_ring_keeps_the_latest_and_says_how_many_are_lost(tmp_path):
    path = tmp_path / "trace.json"
    with fast(300, buffers=8) as camera:
        stats = Pipeline(camera, lambda frame: None).run(trace=Trace(path, events=64))
    told = load(path)
    events = well_formed(told)
    source, stage = told["otherData"]["lost_events"].values()
    assert source == 2 * 300 - 64  # a take and a push a frame
    assert stage == 3 * 300 - 64  # a pop, a stage and a sink
    assert max(e["args"]["frame"] for e in events if e["ph"] == "B") == 299
    assert stats.frames.delivered == 300


@pytest.mark.parametrize("what", ["trace", "report"])
def test_a_path_that_cannot_be_written_is_told_before_the_run_begins(what, tmp_path):
    with fast(10) as camera:
        pipeline = Pipeline(camera)
        for path, code in ((tmp_path / "no" / "file", errno.ENOENT), (tmp_path, errno.EISDIR)):
            with pytest.raises(OutputError, match=f"cannot write the {what} '{path}'") as failed:
                pipeline.run(**{what: path})
            assert failed.value.errno == code and failed.value.filename == str(path)
        assert pipeline.stats().frames.captured == 0
        with pytest.raises(TypeError, match="not a path or a Trace"):
            pipeline.run(trace=3)
        assert pipeline.run().frames.delivered == 10


def test_what_is_there_stays_when_the_run_cannot_begin(tmp_path):
    path = tmp_path / "trace.json"
    path.write_text("precious")
    with fast(10) as camera, pytest.raises(OutputError):
        Pipeline(camera).run(trace=path, report=tmp_path / "no" / "file")
    assert path.read_text() == "precious"
    with fast(10) as camera:
        Pipeline(camera).run(trace=path)
    well_formed(load(path))


def test_a_full_disk_is_told_at_the_end_and_hides_no_other_error():
    with fast(10) as camera, pytest.raises(OutputError) as failed:
        Pipeline(camera).run(trace="/dev/full")
    assert failed.value.errno == errno.ENOSPC

    def fail(frame):
        raise ValueError("mine")

    with fast(10) as camera, pytest.raises(PipelineError, match="mine") as both:
        Pipeline(camera, fail).run(trace="/dev/full")
    assert "cannot write the trace" in both.value.__notes__[0]


def test_without_a_trace_no_ring_is_made():
    with fast(10) as camera:
        pipeline = Pipeline(camera, lambda frame: None)
        pipeline.run()
    assert all(strand.ring is None for strand in pipeline._strands)


def test_a_branch_that_is_added_meanwhile_is_traced_too(tmp_path):
    path = tmp_path / "trace.json"
    seen = threading.Event()

    def later(frame):
        seen.set()

    tee = Tee([lambda frame: time.sleep(0.001)])
    with fast(None, buffers=12) as camera:
        pipeline = Pipeline(camera, tee)
        pipeline.start(trace=path)
        pipeline.add([later])
        assert seen.wait(200)
        pipeline.stop()
    events = same_as_stats(load(path), pipeline.stats())
    assert any(e["ph"] == "B" and e["name"] == "later" for e in events)


def test_what_a_match_takes_out_of_its_inputs_is_not_taken_for_lost(tmp_path):
    path = tmp_path / "trace.json"
    cameras = [SyntheticCamera((64, 32), format="GREY", fps=200, buffers=12) for _ in range(2)]
    with cameras[0], cameras[1]:
        stats = Pipeline(Match(*cameras, tolerance=0.1), lambda frame: None).run(frames=20, trace=path)
    stats.check()
    events = well_formed(load(path))
    # A frame that comes when the other camera's have ended is "unmatched" in the account, "aborted" in its thread.
    lost = stats.frames.dropped
    assert drops(events)["aborted"] <= lost.aborted + lost.unmatched and not drops(events)["late"]
    pairs = [e for e in events if e["ph"] == "B" and e["cat"] == "take" and e["name"] == "match"]
    assert len(pairs) == 20
    ends = [e for e in events if e["ph"] == "B" and e["cat"] == "sink"]
    assert len(ends) == stats.frames.delivered == 20


# ---- the writer alone -------------------------------------------------------------------------------------------


def written(tmp_path, tracks, links=None):
    path = tmp_path / "own.json"
    with path.open("w") as file:
        write_trace(file, tracks, links or {}, lambda ticks: 2 * ticks, {"own": 1})
    return load(path)


def test_times_are_on_one_clock_in_microseconds(tmp_path):
    one, other = TraceRing(8), TraceRing(8)
    one.record("stage", 0, 7, 5000, 6500)
    other.record("stage", 0, 7, 4000, 4000)
    told = written(tmp_path, [Track("a", one, "", ("x",), ""), Track("b", other, "", ("y",), "")])
    times = [(e["ph"], e["name"] if e["ph"] == "B" else "", e["ts"]) for e in well_formed(told) if e["ph"] in "BE"]
    assert times == [("B", "y", 0), ("E", "", 0), ("B", "x", 2), ("E", "", 5)]
    assert told["otherData"]["zero_monotonic_ns"] == 8000 and told["otherData"]["own"] == 1


def test_a_clock_that_goes_back_tears_no_slices_apart(tmp_path):
    ring = TraceRing(8)
    ring.record("stage", 0, 1, 100, 200)
    ring.record("stage", 0, 2, 150, 180)
    well_formed(written(tmp_path, [Track("a", ring, "", ("x",), "")]))


def test_names_are_written_as_json_has_them(tmp_path):
    ring = TraceRing(8)
    ring.record("stage", 0, 1, 1, 2)
    name = '"\\\n<script>\x00é'
    told = written(tmp_path, [Track(name, ring, "", (name,), "")])
    assert any(e.get("name") == name for e in well_formed(told))


def test_an_empty_trace_is_one_too(tmp_path):
    assert well_formed(written(tmp_path, [])) and well_formed(written(tmp_path, [Track("a", TraceRing(2), "", (), "")]))


def test_a_ring_keeps_its_size_and_refuses_nonsense():
    ring = TraceRing(5)
    assert ring.capacity == 8 and ring.events() == [] and ring.lost == 0
    for i in range(20):
        ring.record("push", -1, i, i, i + 1, 4, 70_000)
    assert ring.recorded == 20 and ring.lost == 12
    assert ring.events() == [("push", -1, i, i, i + 1, 4, 0xFFFF) for i in range(12, 20)]
    with pytest.raises(ValueError):
        ring.record("nothing", 0, 0, 0, 0)
    for bad in (1, 1 << 25, 2.5):
        with pytest.raises((ValueError, TypeError)):
            TraceRing(bad)


def test_the_clock_of_the_rings_can_be_told_in_the_systems(tmp_path):
    before = time.monotonic_ns()
    first, last = anchor(), anchor()
    assert before <= first[1] <= last[1] <= time.monotonic_ns() and first[0] <= last[0]
