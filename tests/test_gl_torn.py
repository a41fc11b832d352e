"""A picture whose memory is written anew before the GPU has read it is torn: none is, and the test would see it."""

from typing import Any

import camkit
from camkit.memory_manager import FramePool


def run(gl_nodes, frames: int, size: tuple[int, int], reckless: bool) -> Any:
    """Write numbers into three slots, that are the GPU's textures too, as fast as they come back."""
    with FramePool(3, format="GREY", size=size, backing="memfd", alignment=4096) as pool:
        sink = gl_nodes.Torn(reckless, transfer="import")
        nodes = [gl_nodes.StandIn(pool), gl_nodes.Stamp()]
        stats = camkit.Pipeline(camkit.PoolSource(pool, frames=frames), *nodes, sink, policy="block").run()
        assert 2 * sink.seen == stats.frames.displayed == frames
        assert sink.transfer["path"] == "import" and sink.stats().fallbacks == 0
        assert pool.free == 3
    return sink


def test_no_frame_of_ten_thousand_is_torn(gl_nodes) -> None:
    sink = run(gl_nodes, 20_000, (160, 120), reckless=False)
    assert (sink.seen, sink.torn, sink.wrong) == (10_000, 0, 0)


def test_without_the_fence_frames_are_torn(gl_nodes) -> None:
    # Large pictures, which take long to draw: some ten in a hundred are torn, and fewer where the CPUs are busy.
    for _ in range(20):
        sink = run(gl_nodes, 500, (640, 480), reckless=True)
        if sink.torn and sink.wrong > sink.torn:
            break
    assert sink.wrong > sink.torn > 0
