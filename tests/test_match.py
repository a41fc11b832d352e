"""Match: frames of several cameras that belong together, and an account of those that do not."""

import threading
import time

import pytest

import camkit
from camkit import Match, Pipeline, PipelineError, Step, Tee
from tests.pipelines import pool, source

PERIOD = 0.01


def stream(name, frames=100, offset=0.0, period=PERIOD):
    return source(frames, period=period, offset=offset, name=name)


def pairs(into):
    return lambda frame: into.append((frame.sequence, *(other.sequence for other in frame.companions)))


def run(*inputs, tolerance=PERIOD / 4, patience=5.0, **options):
    found = []
    pipeline = Pipeline(Match(*inputs, tolerance=tolerance, patience=patience), pairs(found), **options)
    stats = pipeline.run()
    stats.check()
    return found, stats


def test_frames_of_one_time_come_together_without_a_copy():
    left, right = stream("left"), stream("right", offset=0.001)
    where = []

    def look(frame):
        (other,) = frame.companions
        assert frame.timestamp_ns != other.timestamp_ns
        where.append((frame.array.ctypes.data, other.array.ctypes.data))

    # Both begin at times of their own: only the distance of their timestamps decides.
    stats = Pipeline(Match(left, right, tolerance=100.0, patience=100.0), look).run()
    stats.check()
    assert stats.frames.joined == stats.branches["main"].entered > 0
    assert {a != b for a, b in where} == {True}
    assert left.pool.free == right.pool.free == 32  # the companions went back with the frames


def test_the_nearest_is_taken_and_every_frame_once():
    # Long enough for inputs that begin seconds apart.
    left, right = stream("left", 600), stream("right", 6000, period=PERIOD / 10)
    found, stats = run(left, right, tolerance=PERIOD / 2)
    assert len(found) == stats.branches["left"].forwarded == stats.branches["right"].forwarded
    steps = {after[1] - before[1] for before, after in zip(found, found[1:], strict=False)}
    assert steps == {10}
    assert [left for left, _ in found] == sorted({left for left, _ in found})
    assert stats.branches["right"].dropped.unmatched >= 9 * (len(found) - 1)


def test_what_is_too_far_apart_is_unmatched_on_both_sides():
    # Two of three frames of `right` have no frame of `left` near them, and one of two the other way round.
    left, right = stream("left", 200, period=3 * PERIOD), stream("right", 300, period=2 * PERIOD)
    found, stats = run(left, right, tolerance=PERIOD * 0.99)
    assert found
    for name in ("left", "right"):
        branch = stats.branches[name]
        assert branch.forwarded == len(found)
        assert branch.dropped.unmatched + branch.forwarded == branch.entered


def test_three_cameras():
    found, stats = run(stream("a", 40), stream("b", 40), stream("c", 40), tolerance=PERIOD / 2 - 1e-4)
    assert stats.frames.joined == 2 * len(found)
    assert all(len(frames) == 3 for frames in found)


def test_companions_come_along_through_a_tee_and_a_stage_that_makes_new_frames():
    out = camkit.FramePool(8, format="GREY", size=(16, 16))
    found, seen = [], []

    def renew(frame):
        return out.acquire(like=frame)

    left, right = stream("left"), stream("right")
    tee = Tee([renew, pairs(found)], [pairs(seen)])
    Pipeline(Match(left, right, tolerance=100.0, patience=100.0), tee).run().check()
    assert found == seen
    assert found
    assert left.pool.free == right.pool.free == 32
    assert out.free == 8


def test_a_companion_outlives_the_frame_that_it_came_with():
    kept = []
    left, right = stream("left", 3), stream("right", 3)
    Pipeline(
        Match(left, right, tolerance=100.0, patience=100.0), lambda frame: kept.append(frame.companions[0].array)
    ).run()
    assert left.pool.free == 32
    assert right.pool.free == 32 - len(kept) < 32
    kept.clear()
    assert right.pool.free == 32


def test_stages_stand_in_front_of_a_match():
    def odd(frame):
        return camkit.DROP if frame.sequence % 2 == 0 else None

    left, right = stream("left", 600), stream("right", 600)
    found, stats = run([left, odd], [right, lambda frame: None], tolerance=PERIOD)
    assert found
    assert all(left % 2 for left, _ in found)
    # Not all 600: the inputs begin at times of their own, and whichever ends first ends the other.
    left = stats.branches["left"]
    assert left.dropped.stage == (left.entered + 1) // 2 > 0


def test_an_input_that_ends_ends_the_match_and_stops_the_others():
    found, stats = run(stream("left", None), stream("right", 20), tolerance=100.0)
    assert 0 < len(found) <= 20
    assert stats.branches["right"].entered == 20


def test_an_input_that_fails_ends_the_match_and_is_named():
    with camkit.SyntheticCamera(size=(64, 48), fps=200, delay={5: 5.0}, timeout=0.3) as camera:
        pipeline = Pipeline(Match(camera, stream("right", None), tolerance=10.0), lambda frame: None)
        with pytest.raises(camkit.CameraTimeout):
            pipeline.run()
        pipeline.stats().check()


def test_a_reference_waits_for_its_partner_no_longer_than_it_has_patience():
    # `right` gives one frame and then nothing, for its only slot is kept: `left` goes on without.
    gate, one = threading.Event(), source(None, slots=1, name="right", offset=-3000)
    kept = []

    def keep(frame):
        kept.append(frame)

    def done(frame):
        if frame.sequence == 20:
            gate.set()

    def enough(frame):
        if frame.sequence == 20:
            threading.Thread(target=pipeline.abort).start()

    pipeline = Pipeline(Match([source(None, name="left"), enough], [one, keep], tolerance=0.1, patience=0.01), done)
    pipeline.run()
    stats = pipeline.stats()
    stats.check()
    kept.clear()
    assert not gate.is_set()
    assert stats.branches["left"].dropped.unmatched > 0


def test_a_limit_counts_sets():
    stats = Pipeline(Match(stream("a", None), stream("b", None), tolerance=1.0), camkit.NullSink()).run(frames=25)
    stats.check()
    assert stats.frames.delivered == 25
    assert stats.frames.joined == 25


def test_stop_and_abort_end_a_match():
    for end in ("stop", "abort"):
        pipeline = Pipeline(Match(stream("a", None), stream("b", None), tolerance=1.0), lambda frame: None)
        pipeline.start()
        getattr(pipeline, end)()
        assert pipeline.wait(timeout=200)
        pipeline.stats().check()


def test_drain_matches_what_is_under_way():
    gate, entered, seen = threading.Event(), threading.Event(), []

    def slow(frame):
        entered.set()
        gate.wait(30)
        seen.append(frame.sequence)

    match = Match(stream("left", None), stream("right", None), tolerance=PERIOD / 2, patience=5.0)
    pipeline = Pipeline(match, Step(slow, thread=False), depth=8)
    pipeline.start()
    assert entered.wait(30)  # in the thread that matches: nothing more is taken out of the inputs' links
    while [link.queued for link in pipeline.stats().links] != [8, 8]:
        time.sleep(0.001)
    pipeline.drain()
    gate.set()
    assert pipeline.wait(timeout=200)
    pipeline.stats().check()
    assert len(seen) >= 8


def test_clocks_that_cannot_be_compared_are_refused_when_they_are_known():
    class Told(camkit.PoolSource):
        stream = type("Stream", (), {"clock": "copy"})

    alien = Told(pool(), 5, name="alien")
    with pytest.raises(camkit.ClockUnknown, match="frames of 'alien': its timestamps are on a clock that is 'copy'"):
        Match(source(), alien, tolerance=0.1)


@pytest.mark.parametrize("clocks", [("unknown", "monotonic"), ("monotonic", "copy")])
def test_clocks_that_cannot_be_compared_are_refused_when_a_frame_comes(clocks):
    inputs = [source(None, name=name, clock=clock) for name, clock in zip(("left", "right"), clocks, strict=True)]
    alien = "left" if clocks[0] == "unknown" else "right"
    pipeline = Pipeline(Match(*inputs, tolerance=0.1), camkit.NullSink())
    with pytest.raises(camkit.ClockUnknown, match=f"cannot match frame 0 of '{alien}'") as caught:
        pipeline.run()
    assert "in 'match' of <Pipeline" in caught.value.__notes__[0]
    pipeline.stats().check()
    assert [one.pool.free for one in inputs] == [32, 32]


def test_a_frame_that_comes_twice_is_refused():
    kept = []

    def again(frame):
        kept.append(frame)
        return kept[0]

    pipeline = Pipeline(Match([source(None, name="left"), again], source(None), tolerance=3600.0), lambda frame: None)
    with pytest.raises(PipelineError, match="cannot match frame 0 of 'left': it was matched before"):
        pipeline.run()
    pipeline.stats().check()


def test_what_cannot_be_matched_is_refused_with_reasons():
    for build, error, words in (
        (lambda: Match(source(), tolerance=0.1), ValueError, "2 to 8 inputs, not 1"),
        (lambda: Match(*[source() for _ in range(9)], tolerance=0.1), ValueError, "2 to 8 inputs, not 9"),
        (lambda: Match(source(), source(), tolerance=-1), ValueError, "tolerance is -1"),
        (lambda: Match(source(), source(), tolerance=float("nan")), ValueError, "tolerance is nan"),
        (lambda: Match(source(), source(), tolerance=1, patience="x"), ValueError, "patience is 'x'"),
        (lambda: Match(source(), print, tolerance=1), TypeError, "not <built-in function print>"),
        (lambda: Match(source(), [], tolerance=1), TypeError, r"not \[\]"),
        (lambda: Match(source(), Match(source(), source(), tolerance=1), tolerance=1), TypeError, "not <Match of 2"),
        (lambda: Pipeline(source(), Match(source(), source(), tolerance=1)), TypeError, "a source or a Match begins"),
        (lambda: Pipeline(Match(source(), [source(), Tee()], tolerance=1)), TypeError, "in front of a Match"),
        (lambda: Pipeline(Match(source(), [source(), camkit.NullSink()], tolerance=1)), TypeError, "in the middle"),
    ):
        with pytest.raises(error, match=words):
            build()


def test_each_node_knows_the_source_of_its_frames():
    left, right, sink, stage = stream("left"), stream("right"), camkit.NullSink(), camkit.Stage("grey")
    pipeline = Pipeline(Match(left, [right, stage], tolerance=1.0), Tee([sink]))
    assert [pipeline.source_of(node) for node in (left, right, stage, sink)] == [left, right, right, left]
    with pytest.raises(ValueError, match="is not in this pipeline"):
        pipeline.source_of(camkit.NullSink())


def test_the_drawing_shows_the_inputs():
    text = Pipeline(Match(stream("left"), stream("right"), tolerance=0.002), camkit.NullSink()).explain()
    assert "(left | right) -> match -> NullSink" in text
    assert "input 'left':\n  thread 1: left\n  queue to 'match': block, 2 frame(s)" in text
    assert (
        "match: nearest timestamps, at most 2 ms apart, waited for 100 ms at most\nthread 3: match + NullSink" in text
    )
