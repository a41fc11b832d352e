"""Where a driver's buffers are: with it, ready, or on the GPU, and always all of them."""

from __future__ import annotations

import time

import pytest

import camkit
from camkit import Offscreen, Pipeline, SlotCounts


def adds_up(slots: SlotCounts, count: int) -> bool:
    parts = (slots.free, slots.queued, slots.ready, slots.on_gpu)
    return slots.slots == count == sum(parts) and min(parts) >= 0


@pytest.mark.parametrize("way", ["expbuf", "udmabuf", "mmap"])
def test_buffers_are_counted_where_they_are(vivid, way: str) -> None:
    with camkit.open(vivid.path, format="GREY", size=(320, 180), fps=120, io=way, buffers=5) as camera:
        assert camera.slots() is None
        held = [camera.read() for _ in range(2)]
        assert camera.slots() == SlotCounts(5, queued=3, ready=2)
        held.pop().close()
        assert camera.slots() == SlotCounts(5, queued=4, ready=1)
        held.clear()
        # By name: which way is the fastest depends on what else runs.
        sink = Offscreen(transfer="client" if way == "mmap" else "import")
        pipeline = Pipeline(camera, sink, policy="block")
        pipeline.start()
        seen, wanted = set(), {"queued", "ready", "on_gpu"} if way != "mmap" else {"queued", "ready"}
        end = time.monotonic() + 120
        while not wanted <= seen:
            for slots in pipeline.stats().slots.values():
                assert adds_up(slots, 5) and slots.free == 0
                seen |= {name for name in ("queued", "ready", "on_gpu") if getattr(slots, name)}
            assert time.monotonic() < end, seen
        pipeline.stop()
        assert pipeline.stats().slots == {}
