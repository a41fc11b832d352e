"""Where the slots of a source's memory are: free, queued, ready or on the GPU, and always all of them."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

import camkit
from camkit import FramePool, Offscreen, Pipeline, PoolSource, SlotCounts

PATIENCE_S = 60


def adds_up(slots: SlotCounts, count: int) -> bool:
    parts = (slots.free, slots.queued, slots.ready, slots.on_gpu)
    return slots.slots == count == sum(parts) and min(parts) >= 0


@pytest.fixture
def sink(gl_nodes: Any, pool: FramePool) -> Iterator[Any]:
    made = gl_nodes.Gated()
    made.expect("GREY", (32, 16))
    made.begin(pool)
    yield made
    gl_nodes.fences("real")
    made.close()


@pytest.fixture
def pool() -> Iterator[FramePool]:
    with FramePool(4, format="GREY", size=(32, 16)) as made:
        yield made


def test_a_slot_is_counted_where_it_is(gl_nodes: Any, pool: FramePool, sink: Any) -> None:
    source = PoolSource(pool)
    assert source.slots() == SlotCounts(4, free=4)
    gl_nodes.fences("busy")
    kept = pool.acquire()
    for _ in range(2):
        with pool.acquire() as frame:
            sink.feed(frame)
    assert source.slots(sink.frames_on_gpu()) == SlotCounts(4, free=1, ready=1, on_gpu=2)
    assert source.slots() == SlotCounts(4, free=1, ready=3), "nobody has told it of the GPU"
    assert str(source.slots(sink.frames_on_gpu())) == "4 slots: 1 free, 0 queued, 1 ready, 2 on the GPU"
    gl_nodes.fences("real")
    while sink.look():
        pass
    assert source.slots(sink.frames_on_gpu()) == SlotCounts(4, free=3, ready=1)
    kept.close()
    assert source.slots(sink.frames_on_gpu()) == SlotCounts(4, free=4)


def test_frames_of_other_memory_are_not_counted(gl_nodes: Any, pool: FramePool, sink: Any) -> None:
    gl_nodes.fences("busy")
    with FramePool(2, format="GREY", size=(32, 16)) as other, other.acquire() as frame:
        sink.feed(frame)
    assert PoolSource(pool).slots(sink.frames_on_gpu()) == SlotCounts(4, free=4)
    assert sink.stats().on_gpu == 1


def test_a_camera_tells_of_its_ring() -> None:
    with camkit.open("synthetic", size=(64, 48), format="GREY", buffers=6, realtime=False) as camera:
        assert camera.slots() is None, "it does not stream"
        held = [camera.read() for _ in range(3)]
        assert camera.slots() == SlotCounts(6, queued=3, ready=3)
        held.pop().close()
        assert camera.slots() == SlotCounts(6, queued=4, ready=2)
        camera.stop()
        assert camera.slots() is None
        del held


def test_they_add_up_while_frames_flow_to_the_gpu(gl_nodes: Any) -> None:
    with FramePool(5, format="GREY", size=(64, 64), backing="memfd", alignment=4096) as pool:
        sink = Offscreen(transfer="import", name="screen")
        pipeline = Pipeline(PoolSource(pool, name="camera"), gl_nodes.StandIn(pool), sink, policy="block")
        pipeline.start()
        end, seen = time.monotonic() + PATIENCE_S, set()
        while seen != {"ready", "on_gpu"}:
            slots = pipeline.stats().slots["camera"]
            assert adds_up(slots, 5) and slots.queued == 0
            seen |= {name for name in ("ready", "on_gpu") if getattr(slots, name)}
            assert time.monotonic() < end, seen
        assert "camera: 5 slots: " in pipeline.explain()
        pipeline.stop()
        assert pipeline.stats().slots == {"camera": SlotCounts(5, free=5)}
        assert pipeline.stats().as_dict()["slots"]["camera"]["free"] == 5


def test_a_camera_that_restarts_never_tells_of_slots_that_are_gone() -> None:
    with camkit.open("synthetic", size=(64, 48), format="GREY", buffers=4, realtime=False) as camera:
        pipeline = Pipeline(camera, camkit.NullSink(), policy="block")
        for _ in range(20):
            pipeline.start()
            looked = [pipeline.stats().slots for _ in range(50)]
            pipeline.stop()
            assert all(adds_up(slots, 4) for each in looked for slots in each.values())
            assert pipeline.stats().slots == {}
