"""PoolSource: the slots of a pool as a stream."""

import pytest

import camkit
from camkit import NullSink, Pipeline
from tests.pipelines import pool, source


def test_frames_are_numbered_and_none_is_lost_when_the_pool_runs_dry():
    seen = []
    frames = source(100, slots=1)
    stats = Pipeline(frames, lambda frame: seen.append((frame.sequence, frame.gap, frame.clock))).run()
    stats.check()
    assert seen == [(n, 0, "monotonic") for n in range(100)]
    assert frames.pool.free == 1


def test_timestamps_are_told_or_the_time_of_lending():
    told, lent = [], []
    Pipeline(source(5, period=0.25, offset=1.0), lambda frame: told.append(frame.timestamp_ns)).run()
    Pipeline(source(5), lambda frame: lent.append(frame.timestamp_ns - frame.dequeue_ns)).run()
    assert [after - before for before, after in zip(told, told[1:], strict=False)] == [250_000_000] * 4
    assert lent == [0] * 5


def test_a_closed_pool_is_named():
    frames = source(5)
    frames.pool.close()
    with pytest.raises(camkit.PipelineError, match="cannot lend slots of <FramePool .*: the pool is closed"):
        Pipeline(frames, NullSink()).run()


def test_what_cannot_be_meant_is_refused():
    for options, error, words in (
        ({"frames": 0}, ValueError, "frames is 0"),
        ({"period": -1}, ValueError, "period is -1"),
        ({"offset": 1e9}, ValueError, "offset 1000000000.0"),
        ({"clock": "sun"}, ValueError, "clock is 'sun'"),
    ):
        with pytest.raises(error, match=words):
            camkit.PoolSource(pool(), **options)
