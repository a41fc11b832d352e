"""The synthetic camera: its times are exact, its faults are those asked for, and wrong wishes are named."""

import time

import numpy as np
import pytest

from camkit.camera_capture import SyntheticCamera, open, read_stamp
from camkit.errors import CameraTimeout, FormatNotSupported
from camkit.performance_core import Drops, SourceStats


def test_times_are_exact_to_the_nanosecond() -> None:
    with SyntheticCamera((64, 32), fps=300, frames=40, buffers=32) as camera:
        frames = [(frame.sequence, frame.timestamp_ns) for frame in camera]
    assert frames[0][0] == 0 and frames[-1][0] > 3
    assert [t - frames[0][1] for _, t in frames] == [int(n * 1e9 / 300) for n, _ in frames]


def test_a_frame_never_comes_before_its_time() -> None:
    with SyntheticCamera((64, 32), fps=200, frames=30, buffers=32) as camera:
        for frame in camera:
            assert frame.timestamp_ns <= frame.dequeue_ns <= time.monotonic_ns()
            assert frame.clock == "monotonic" and frame.stamp == "start_of_exposure"
        row = camera.latencies()["dequeue"]
    assert row.count == 30 and row.min is not None and row.min >= 0


def test_a_late_reader_finds_what_a_driver_would_have_kept() -> None:
    with SyntheticCamera((64, 32), fps=20, buffers=4, timeout=None) as camera:
        with camera.read() as first:
            assert first.sequence == 0
            start = first.timestamp_ns
            time.sleep(0.5)
        # Frames 1 to 3 found three of the four buffers free; those until now found none.
        late = []
        for _ in range(4):
            with camera.read() as frame:
                late.append((frame.sequence, frame.gap, frame.timestamp_ns - start))
        assert late[:3] == [(n, 0, n * 50_000_000) for n in range(1, 4)]
        number, gap, _ = late[3]
        assert gap == number - 4 and number >= 10
        stats = camera.stats()
        assert stats.captured == number + 1 and stats.taken == 5 and stats.dropped.driver == gap


def test_buffers_that_the_reader_holds_are_not_filled() -> None:
    with SyntheticCamera((64, 32), fps=100, buffers=4) as camera:
        held = [camera.read(), camera.read()]
        time.sleep(0.1)
        # Two buffers were left for frames 2 and 3. Frame 2 comes as a copy, for the driver must keep two.
        numbers = []
        for _ in range(3):
            with camera.read() as frame:
                numbers.append((frame.sequence, frame.copied))
        assert numbers[:2] == [(2, True), (3, True)] and numbers[2][0] > 8
        del held


def test_without_real_time_nothing_is_lost() -> None:
    with SyntheticCamera((64, 32), fps=30, realtime=False, frames=500) as camera:
        numbers = [frame.sequence for frame in camera]
        assert numbers == list(range(500))
        assert camera.stats().captured == 500


def test_dropped_numbers_never_appear() -> None:
    with SyntheticCamera((64, 32), realtime=False, frames=20, drop={0, 3, 4, 5, 11}) as camera:
        seen = [(frame.sequence, frame.gap) for frame in camera]
        numbers = [1, 2, 6, 7, 8, 9, 10, *range(12, 20)]
        assert seen == [(n, {6: 3, 12: 1}.get(n, 0)) for n in numbers]
        assert camera.stats().dropped == Drops(driver=4)
        assert camera.stats().captured == 19  # of frame 0 nobody can know


def test_a_share_of_frames_is_dropped_the_same_ones_each_time() -> None:
    def run(seed: int) -> list[int]:
        with SyntheticCamera((64, 32), realtime=False, frames=4000, drop=0.25, seed=seed) as camera:
            return [frame.sequence for frame in camera]

    assert run(1) == run(1) != run(2)
    # Four standard deviations of a binomial.
    assert abs(len(run(1)) - 3000) < 4 * (4000 * 0.25 * 0.75) ** 0.5


def test_damaged_frames_are_dropped_and_counted() -> None:
    with SyntheticCamera((64, 32), realtime=False, frames=10, damage=(2, 3, 9)) as camera:
        seen = [(frame.sequence, frame.gap) for frame in camera]
        assert seen == [(0, 0), (1, 0), (4, 2), (5, 0), (6, 0), (7, 0), (8, 0)]
        assert camera.stats() == SourceStats(captured=10, taken=7, dropped=Drops(corrupt=3))


def test_damaged_frames_are_delivered_when_asked_for() -> None:
    with SyntheticCamera((64, 32), format="GREY", realtime=False, frames=12, damage=(2,), corrupt="deliver") as camera:
        for frame in camera:
            assert frame.corrupt == (frame.sequence == 2)
            assert frame.nbytes == (1024 if frame.corrupt else 2048)
            assert (frame.array[16:] == 0).all() == frame.corrupt
            assert read_stamp(frame)[0] == frame.sequence
        assert camera.stats().dropped.corrupt == 0


def test_a_delayed_frame_comes_late_with_its_true_time_and_in_order() -> None:
    with SyntheticCamera((64, 32), fps=100, frames=8, delay={3: 0.05}, buffers=16) as camera:
        frames = [(f.sequence, f.gap, f.timestamp_ns, f.dequeue_ns) for f in camera]
    assert [n for n, *_ in frames] == list(range(8)) and not any(gap for _, gap, *_ in frames)
    start = frames[0][2]
    assert [t - start for _, _, t, _ in frames] == [int(n * 1e7) for n in range(8)]
    assert frames[3][3] - frames[3][2] >= 50_000_000
    assert frames[4][3] >= frames[3][3]


def test_the_wrap_of_a_32_bit_counter_is_survived() -> None:
    first = 0xFFFFFFF0
    with SyntheticCamera((64, 32), realtime=False, frames=40, first_sequence=first, drop={0xFFFFFFFF, 2**32}) as camera:
        seen = [(frame.sequence, frame.gap) for frame in camera]
        numbers = [n for n in range(first, first + 40) if n not in (0xFFFFFFFF, 2**32)]
        assert seen == [(n, 2 if n == 2**32 + 1 else 0) for n in numbers]
        assert camera.stats().captured == 40


def test_a_restarted_stream_begins_anew() -> None:
    with SyntheticCamera((64, 32), realtime=False, frames=3) as camera:
        first = list(camera)
        camera.stop()
        second = list(camera)
        assert [f.sequence for f in second] == [0, 1, 2] and second[0].gap == 0
        assert {f.generation for f in first} == {1} and {f.generation for f in second} == {2}
        assert [read_stamp(f)[0] for f in first + second] == [0, 1, 2, 0, 1, 2]


@pytest.mark.parametrize("realtime", [True, False])
def test_all_frames_lost_is_a_stall_that_tells_why(realtime: bool) -> None:
    with SyntheticCamera((64, 32), fps=1000, drop=1.0, realtime=realtime, timeout=0.05) as camera:
        pytest.raises(CameraTimeout, camera.read).match(r"no frame for 0\.05 s: 0 captured")
    with SyntheticCamera((64, 32), fps=1000, damage=1.0, realtime=realtime, timeout=0.05) as camera:
        pytest.raises(CameraTimeout, camera.read).match(r"of which \d+ corrupt")
        stats = camera.stats()
        assert stats.captured == stats.dropped.corrupt + stats.dropped.driver > 0


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"drop": 3}, TypeError, "drop is 3, neither frame numbers"),
        ({"drop": True}, TypeError, "drop is True, neither"),
        ({"drop": "3"}, TypeError, "drop is '3', neither"),
        ({"drop": [1.5]}, TypeError, "a frame number of drop is a float"),
        ({"drop": [-1]}, ValueError, "a frame number of drop is -1"),
        ({"drop": 1.5}, ValueError, "drop is 1.5: a share"),
        ({"drop": float("nan")}, ValueError, "drop is nan: a share"),
        ({"damage": {1: 2}}, TypeError, "damage is {1: 2}, neither"),
        ({"delay": [3]}, TypeError, r"delay is \[3\], not a dict"),
        ({"delay": {3: -1}}, ValueError, "delay of frame 3 is -1, not from 0 to 3600"),
        ({"delay": {"3": 1}}, TypeError, "a frame number of delay is a str"),
        ({"frames": 0}, ValueError, "frames is 0, not from 1"),
        ({"frames": 2.0}, TypeError, "frames is a float"),
        ({"realtime": 1}, TypeError, "realtime is 1, not a bool"),
        ({"seed": -1}, ValueError, "seed is -1"),
        ({"first_sequence": 2**32}, ValueError, "first_sequence is 4294967296"),
        ({"colour": "red"}, TypeError, "a synthetic camera has no option 'colour'; there are drop, damage"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        open("synthetic", **options)


def test_an_endless_list_of_numbers_is_refused() -> None:
    from itertools import count

    with pytest.raises(ValueError, match="drop has more than 1000000 frame numbers"):
        SyntheticCamera(drop=count())


@pytest.mark.parametrize(
    ("asked", "nearest"),
    [
        ({"size": (32, 16)}, "YUYV 64x32@30"),
        ({"size": (641, 480)}, "YUYV 640x480@30"),
        ({"size": (10000, 480)}, "YUYV 8192x480@30"),
        ({"format": "NV12", "size": (641, 481)}, "NV12 640x480@30"),
        ({"format": "MJPG"}, "YUYV 640x480@30"),
        ({"fps": 2000}, "YUYV 640x480@1000"),
        ({"fps": 0.001}, "YUYV 640x480@0.1"),
    ],
)
def test_what_it_does_not_offer_is_refused_or_told(asked: dict[str, object], nearest: str) -> None:
    with pytest.raises(FormatNotSupported, match=f"cannot open 'synthetic': .* is not offered; nearest is {nearest}"):
        open("synthetic", **asked)
    with open("synthetic", match="nearest", **asked) as camera:
        assert str(camera.stream) == nearest
        assert camera.stream.differences and "instead of" in camera.explain()
        assert read_stamp(camera.read())[0] == 0


def test_exact_rate_fractions_are_no_difference() -> None:
    with open("synthetic", fps=30000 / 1001) as camera:
        assert camera.stream.differences == {} and camera.fps == pytest.approx(29.97, abs=1e-3)


def test_an_open_camera_cannot_be_made_again_under_its_stream() -> None:
    with SyntheticCamera((64, 32), realtime=False) as camera:
        camera.read()
        larger = SyntheticCamera((640, 480)).source
        with pytest.raises(RuntimeError, match="cannot be made a second time"):
            camera.source.__init__(larger.info, larger.request)
        assert camera.read().size == (64, 32)


def test_what_a_finished_camera_says_is_what_begins_another_stream() -> None:
    with SyntheticCamera((64, 32), frames=1, realtime=False) as camera:
        camera.read()
        with pytest.raises(EOFError, match=r"stop\(\) and start\(\) begin another"):
            camera.read()
        camera.stop()
        camera.start()
        assert camera.read().sequence == 0


def test_a_frame_number_of_numpy_is_no_share_of_all_frames() -> None:
    with pytest.raises(TypeError, match="drop is .*neither frame numbers"):
        SyntheticCamera((64, 32), drop=np.int64(1))
