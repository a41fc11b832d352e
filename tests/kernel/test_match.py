"""Two real cameras as one source: frames that belong together by the driver's timestamps."""

import camkit


def test_frames_of_two_cameras_come_together(both_vivids, open_camera):
    """Two vivid cameras of one rate, each with a clock of its own, matched to within half a frame."""
    left, right = (open_camera(vivid.path, format="YUYV", size=(320, 180), fps=50) for vivid in both_vivids)
    apart, pixels = [], []

    def look(frame):
        (other,) = frame.companions
        apart.append(abs(frame.timestamp_ns - other.timestamp_ns))
        pixels.append((frame.array.shape, other.array.shape, frame.memory, other.memory))

    pipeline = camkit.Pipeline(camkit.Match(left, right, tolerance=0.0101), look)
    stats = pipeline.run(frames=40)
    stats.check()
    assert stats.frames.delivered == 40
    assert len(stats.inputs) == 2
    assert max(apart) <= 10_100_000
    assert {shapes[:2] for shapes in pixels} == {((180, 320, 2), (180, 320, 2))}
    # Those for which a busy machine left the driver no buffer are copies.
    memories = {memory for found in pixels for memory in found[2:]}
    assert "mmap" in memories and memories <= {"mmap", "heap"}


def test_a_frame_whose_partner_was_dropped_is_unmatched(both_vivids, open_camera):
    """A frame whose partner was lost is counted, and the next pair is a pair again."""
    left, right = (open_camera(vivid.path, format="YUYV", size=(320, 180), fps=50) for vivid in both_vivids)

    passed = []

    def every_third(frame):
        passed.append(frame.sequence)
        return camkit.DROP if len(passed) % 3 == 0 else None

    match = camkit.Match(left, [right, every_third], tolerance=0.0101, patience=0.05)
    stats = camkit.Pipeline(match, camkit.NullSink()).run(frames=20)
    stats.check()
    names = list(stats.inputs)
    # A busy machine may have lost the partners of some in the driver.
    assert stats.branches[names[0]].dropped.unmatched > 0
    assert stats.frames.delivered == 20
