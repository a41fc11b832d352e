"""A frame whose memory the GPU reads goes back when the fence behind the drawing has signalled, and not before."""

from collections.abc import Iterator

import pytest

import camkit
from camkit.errors import GLError


@pytest.fixture
def pool() -> Iterator[camkit.FramePool]:
    with camkit.FramePool(4, format="GREY", size=(32, 16)) as made:
        yield made


@pytest.fixture
def sink(gl_nodes, pool: camkit.FramePool):
    made = gl_nodes.Gated()
    made.expect("GREY", (32, 16))
    made.begin(pool)
    yield made
    gl_nodes.fences("real")
    made.close()
    assert pool.free == 4 and pool.stats().misuses == 0


def feed(sink, pool: camkit.FramePool, count: int = 1) -> None:
    for _ in range(count):
        with pool.acquire() as frame:
            frame.array[:] = 1
            sink.feed(frame)


def test_a_frame_is_held_until_its_fence_has_signalled(gl_nodes, sink, pool) -> None:
    gl_nodes.fences("busy")
    feed(sink, pool, 3)
    assert sink.look() and sink.under_way == 3
    assert pool.free == 1, "three drawings read three frames"
    assert sink.stats().on_gpu == 3 and "3 frame(s) with the GPU" in sink.explain()
    gl_nodes.fences("real")
    while sink.look():
        pass
    assert pool.free == 4 and (sink.stats().displayed, sink.stats().on_gpu) == (3, 0)


def test_the_next_drawing_lets_go_of_what_is_finished(gl_nodes, sink, pool) -> None:
    gl_nodes.fences("busy")
    feed(sink, pool, 2)
    assert pool.free == 2
    gl_nodes.fences("real")
    sink.gl_finish()
    feed(sink, pool)
    assert sink.under_way == 1 and pool.free == 3


def test_what_the_gpu_does_not_read_is_free_at_once(gl_nodes, sink, pool) -> None:
    sink.holding = False
    gl_nodes.fences("busy")
    feed(sink, pool, 3)
    assert sink.under_way == 3 and pool.free == 4


def test_at_the_end_the_gpu_is_waited_for(gl_nodes, sink, pool) -> None:
    gl_nodes.fences("lost")
    feed(sink, pool, 1)
    with pytest.raises(GLError, match="cannot wait for the GPU"):
        sink.look()
    assert pool.free == 3, "an error is no reason to believe that the GPU has finished"
    with pytest.raises(GLError, match="cannot wait for the GPU"):
        sink.stop()
    assert gl_nodes.seen_at_finish() == 3, "glFinish came before the release"
    assert pool.free == 4


def test_a_drawing_that_fails_leaves_the_frame_with_its_owner(gl_nodes, sink, pool) -> None:
    gl_nodes.fences("busy")
    feed(sink, pool)
    gl_nodes.fences("lost")
    with pool.acquire() as frame:
        with pytest.raises(GLError):
            sink.feed(frame)
        assert pool.free == 2
    assert pool.free == 3, "the one that was drawn is held still"


def test_a_frame_whose_drawing_fails_half_way_is_held_until_the_gpu_is_done(gl_nodes, pool) -> None:
    sink = gl_nodes.Gated()
    sink.expect("GREY", (32, 16))
    sink.paint_badly()
    sink.begin(pool)
    for _ in range(2):
        with pytest.raises(ValueError, match="this painter fails"):
            feed(sink, pool)
        assert pool.free == 3, "the GPU may read it still"
    assert gl_nodes.seen_at_finish() == 2, "it was waited for before the next took its place"
    sink.close()
    assert gl_nodes.seen_at_finish() == 3 and pool.free == 4


def test_a_pipeline_gets_every_slot_back(gl_nodes) -> None:
    with camkit.FramePool(2, format="GREY", size=(32, 16)) as pool:
        sink = gl_nodes.Gated()
        sink.expect("GREY", (32, 16))
        stats = camkit.Pipeline(camkit.PoolSource(pool, frames=500), sink).run()
        assert stats.frames.displayed == stats.frames.delivered == 500
        assert pool.free == 2 and pool.stats().misuses == 0
