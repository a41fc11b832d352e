"""Ten million frames through native stages: none lost, none twice, none overtaken, none touched by anybody else.

Every frame carries its number in its header and in its memory, and every node checks both (native/proof_nodes.pyx).
"""

import pytest

import camkit

FRAMES = 10_000_000
STAGES = 4


def verdict(sink):
    return {name: getattr(sink, name) for name in ("received", "lost", "duplicated", "reordered", "torn")}


def run(proof_nodes, *nodes, frames, **options):
    source = proof_nodes.Numbers(frames, slots=8192)
    stats = camkit.Pipeline(source, *nodes, **options).run()
    stats.check()
    assert source.pool.free == len(source.pool), "every slot came back"
    return stats


def chain(proof_nodes, threads):
    stages = [proof_nodes.Check(i) for i in range(STAGES)]
    return stages, [camkit.Step(stage, thread=threads) for stage in stages], proof_nodes.Verdict(STAGES)


@pytest.mark.parametrize("threads", [False, True], ids=["fused", "threads"])
def test_ten_million_frames_arrive_once_and_in_order(proof_nodes, threads):
    stages, steps, sink = chain(proof_nodes, threads)
    stats = run(proof_nodes, *steps, sink, frames=FRAMES, depth=1024)
    assert [(stage.seen, stage.wrong) for stage in stages] == [(FRAMES, 0)] * STAGES
    assert verdict(sink) == {"received": FRAMES, "lost": 0, "duplicated": 0, "reordered": 0, "torn": 0}
    assert stats.frames.captured == stats.frames.delivered == FRAMES
    assert stats.frames.dropped.total == 0


@pytest.mark.parametrize("threads", [False, True], ids=["fused", "threads"])
@pytest.mark.parametrize(
    ("how", "what"), [("lose", "lost"), ("repeat", "duplicated"), ("tear", "torn"), ("swap", "reordered")]
)
def test_one_spoilt_frame_among_many_is_seen(proof_nodes, how, what, threads):
    frames = 20_000
    spoil, sink = proof_nodes.Spoil(how, frames // 2), proof_nodes.Verdict(0)
    camkit.Pipeline(
        proof_nodes.Numbers(frames), camkit.Step(spoil, thread=threads), camkit.Step(sink, thread=threads), depth=64
    ).run()
    assert getattr(sink, what) == 1
