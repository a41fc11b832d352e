"""The built-in stages."""

import pytest

import camkit
from camkit.performance_core.negotiate import negotiate


def camera(frames=10, **options):
    return camkit.SyntheticCamera(
        **{"format": "YUYV", "size": (64, 48), "frames": frames, "realtime": False, **options}
    )


@pytest.mark.parametrize(("n", "kept"), [(1, list(range(10))), (3, [0, 3, 6, 9]), (10, [0]), (11, [0])])
def test_every(n, kept):
    got = []
    with camera() as source:
        pipeline = camkit.Pipeline(source, camkit.Every(n), lambda frame: got.append(frame.sequence))
        for _ in range(2):  # the second run begins to count anew
            stats = pipeline.run()
            assert got == kept
            assert stats.frames.dropped.stage == 10 - len(kept)
            got.clear()
            source.stop()


@pytest.mark.parametrize("n", [0, -1, 1.5, True])
def test_every_needs_a_number(n):
    with pytest.raises((TypeError, ValueError), match="n is"):
        camkit.Every(n)


def test_copy_gives_the_buffers_back_at_once():
    held = []
    with camera(12, buffers=4, on_exhausted="drop") as source:
        stage = camkit.Copy(slots=16)
        stats = camkit.Pipeline(source, stage, held.append).run()
    assert stats.frames.dropped.total == 0
    assert [frame.sequence for frame in held] == list(range(12))
    assert [camkit.read_stamp(frame.array[:, :, 0])[0] for frame in held] == list(range(12))
    assert not any(frame.readonly for frame in held)
    assert stage.stats() == camkit.StageStats(copies=12, copied_bytes=12 * 64 * 48 * 2)
    assert stats.copies.per_frame == 1


def test_copy_does_as_told_when_its_slots_are_held():
    held = []
    with camera(12) as source:
        stage = camkit.Copy(slots=3, when_dry="drop")
        stats = camkit.Pipeline(source, stage, held.append).run()
    assert [frame.sequence for frame in held] == [0, 1, 2]
    assert stats.frames.dropped.pool == stage.stats().pool == 9


def test_they_let_formats_through():
    with camera() as source, pytest.raises(camkit.FormatMismatch, match='open the camera with format="GREY"'):
        negotiate([source.source, camkit.Every(2), camkit.Copy(), camkit.Stage("grey", inputs="GREY")])
