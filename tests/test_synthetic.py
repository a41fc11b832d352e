"""The synthetic camera: its picture is exactly what it says, its times are exact, its faults are those asked for."""

import time

import numpy as np
import pytest

from camkit.camera_capture import SyntheticCamera, bar_colours, open, read_stamp
from camkit.errors import CameraTimeout, FormatNotSupported
from camkit.memory_manager import FORMATS, Frame, FramePool
from camkit.performance_core import Drops, SourceStats

DRAWN = [name for name, row in FORMATS.items() if not row.compressed]
YUV = [name for name in DRAWN if FORMATS[name].model == "yuv"]
RGB = [name for name in DRAWN if FORMATS[name].model == "rgb"]
BAYER = [name for name in DRAWN if FORMATS[name].model == "bayer"]


def one(format: str, size: tuple[int, int] = (640, 480), **options: object) -> Frame:
    with SyntheticCamera(size, format=format, realtime=False, **options) as camera:
        return camera.read()


def samples(frame: Frame, x: int, y: int) -> dict[str, int]:
    """Take the samples that a pixel has, by the letters of the format's order, from the planes."""
    row, planes = frame.pixel_format, frame.planes
    if row.model == "rgb":
        return {letter: int(planes[0][y, x, i]) for i, letter in enumerate(row.order)}
    if row.shader == "packed":
        pair = planes[0][y, x // 2 * 2 : x // 2 * 2 + 2].reshape(4)
        luma = [i for i, letter in enumerate(row.order) if letter == "Y"][x % 2]
        return {"Y": int(pair[luma]), "U": int(pair[row.order.index("U")]), "V": int(pair[row.order.index("V")])}
    found = {"Y": int(planes[0][y, x])}
    if row.shader == "two_planes":
        found |= {letter: int(planes[1][y // 2, x // 2, i]) for i, letter in enumerate(row.order)}
    if row.shader == "three_planes":
        found |= {letter: int(planes[1 + i][y // 2, x // 2]) for i, letter in enumerate(row.order)}
    return found


def bt601(rgb: tuple[int, int, int]) -> dict[str, float]:
    """Give the limited range codes of ITU-R BT.601 for 8-bit R'G'B', unrounded."""
    r, g, b = (v / 255 for v in rgb)
    return {
        "Y": 16 + 65.481 * r + 128.553 * g + 24.966 * b,
        "U": 128 - 37.797 * r - 74.203 * g + 112.0 * b,
        "V": 128 + 112.0 * r - 93.786 * g - 18.214 * b,
    }


def bar_of(x: int, width: int) -> tuple[int, int, int]:
    step = width // 8 & ~1
    return bar_colours()[min(x // step, 7)]


# Both ends of every bar: an edge that is one cell off shows.
PLACES = [(bar * 80 + x, y) for bar in range(8) for x in (0, 1, 78, 79) for y in (100, 101, 250, 359)]


@pytest.mark.parametrize("format", YUV)
def test_yuv_bars_are_the_codes_of_bt601(format: str) -> None:
    frame = one(format)
    assert frame.colour == ("smpte170m", "bt709", "bt601", "limited")
    for x, y in PLACES:
        wanted = bt601(bar_of(x, 640))
        for letter, value in samples(frame, x, y).items():
            assert abs(value - wanted[letter]) <= 0.5001, (x, y, letter)


@pytest.mark.parametrize("format", RGB)
def test_rgb_bars_are_the_colours_themselves(format: str) -> None:
    frame = one(format)
    assert frame.colour == ("bt709", "srgb", "rgb", "full")
    for x, y in PLACES:
        found = samples(frame, x, y)
        assert (found["R"], found["G"], found["B"]) == bar_of(x, 640), (x, y)
        assert found.get("A", 255) == 255


@pytest.mark.parametrize("format", BAYER)
def test_a_mosaic_has_each_pixels_own_colour(format: str) -> None:
    frame = one(format)
    order = FORMATS[format].order
    for x, y in PLACES:
        letter = order[y % 2 * 2 + x % 2]
        assert frame.array[y, x] == bar_of(x, 640)["RGB".index(letter)], (x, y)


@pytest.mark.parametrize(("format", "scale"), [("GREY", 1), ("Y16", 257)])
def test_grey_bars_are_the_luma_in_full_range(format: str, scale: int) -> None:
    frame = one(format)
    assert frame.colour.range == "full"
    for x, y in PLACES:
        r, g, b = bar_of(x, 640)
        assert frame.array[y, x] == round(0.299 * r + 0.587 * g + 0.114 * b) * scale, (x, y)


@pytest.mark.parametrize("size", [(64, 32), (66, 34), (640, 480), (1922, 1082), (4096, 34), (64, 2050)])
@pytest.mark.parametrize("format", DRAWN)
def test_every_format_and_size_carries_the_stamp(format: str, size: tuple[int, int]) -> None:
    # The largest numbers use every block of the stamp.
    with SyntheticCamera(size, format=format, realtime=False, first_sequence=2**32 - 2, frames=4) as camera:
        for number, frame in enumerate(camera, 2**32 - 2):
            assert read_stamp(frame) == (number, frame.timestamp_ns) == (frame.sequence, frame.timestamp_ns)
            assert frame.size == size and frame.format == format
            assert frame.nbytes == FORMATS[format].image_bytes(*size)
    assert number == 2**32 + 1


@pytest.mark.parametrize("size", [(65, 33), (641, 481), (127, 99)])
@pytest.mark.parametrize("format", [name for name in DRAWN if FORMATS[name].multiple == (1, 1)])
def test_odd_sizes_are_filled_to_the_edge(format: str, size: tuple[int, int]) -> None:
    frame = one(format, size)
    assert read_stamp(frame) == (0, frame.timestamp_ns)
    assert (frame.array[-1] == frame.array[frame.height // 2]).all() and (
        frame.array[:, -1] == frame.array[0, -1]
    ).all()


@pytest.mark.parametrize("format", DRAWN)
def test_a_recycled_buffer_shows_nothing_of_its_last_frame(format: str) -> None:
    with SyntheticCamera((320, 240), format=format, realtime=False, damage=[5, 6], corrupt="deliver") as camera:
        later = [tuple(plane.copy() for plane in camera.read().planes) for _ in range(40)][-1]
    with SyntheticCamera((320, 240), format=format, realtime=False, buffers=32, on_exhausted="raise") as fresh:
        frames = [fresh.read() for _ in range(30)]
    del frames[:-1]
    stamp = 320 // 32 * 5
    # Box positions follow the number: frame 39 has moved on by 10 steps of 4 pixels from frame 29.
    for mine, other in zip(later, frames[0].planes, strict=True):
        rows = mine.shape[0]
        above = slice(rows * stamp // 240 + 1, rows * 3 // 4)
        assert (mine[above] == other[above]).all()
        assert (mine != other).any()


def test_the_box_moves() -> None:
    with SyntheticCamera((640, 480), format="GREY", realtime=False) as camera:
        for number, frame in zip(range(200), camera, strict=False):
            white = np.flatnonzero(frame.array[370] == 255)
            assert white.size == 60 and white[0] == number * 4 % (640 - 60) and white[-1] - white[0] == 59


def test_pixels_are_read_only_and_copies_are_not() -> None:
    frame = one("RGB24")
    assert frame.readonly and not frame.array.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        frame.array[0] = 0
    with pytest.raises(ValueError, match="cannot set WRITEABLE"):
        frame.array.flags.writeable = True
    copy = frame.copy()
    copy.array[0] = 7


def test_a_stamp_is_read_from_arrays() -> None:
    for format in ("RGB24", "RGBA32", "GREY", "Y16"):
        frame = one(format)
        wanted = (frame.sequence, frame.timestamp_ns)
        assert read_stamp(frame.array) == wanted
        assert read_stamp(np.pad(frame.array, [(0, 0), (0, 9)] + [(0, 0)] * (frame.array.ndim - 2))[:, :640]) == wanted
        assert read_stamp(np.ascontiguousarray(frame.array[::-1])[::-1]) == wanted


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((480, 640), np.uint8),
        np.full((480, 640, 3), 255, np.uint8),
        np.zeros((16, 64), np.uint8),
        np.zeros((480, 640, 1), np.uint8),
        np.zeros((0, 0), np.uint8),
        np.zeros((480, 640), np.float32),
        np.zeros(640, np.uint8),
        np.random.default_rng(1).integers(0, 256, (480, 640, 4), np.uint8),
    ],
    ids=lambda a: f"{a.shape}{a.dtype}",
)
def test_a_picture_without_a_stamp_is_refused(picture: np.ndarray) -> None:
    with pytest.raises(ValueError, match="no stamp"):
        read_stamp(picture)


def test_one_wrong_block_is_seen() -> None:
    frame = one("GREY").copy()
    frame.array[8:16, 40:48] ^= 255
    with pytest.raises(ValueError, match="damaged"):
        read_stamp(frame)
    with pytest.raises(ValueError, match="no stamp"):
        read_stamp(FramePool(1, format="GREY", size=(8, 8)).acquire())
    with pytest.raises(ValueError, match="no stamp"):
        read_stamp(FramePool(1, 1 << 16, format="MJPG", size=(640, 480)).acquire())
    with pytest.raises(TypeError):
        read_stamp(7)


def test_times_are_exact_to_the_nanosecond() -> None:
    with SyntheticCamera((64, 32), fps=300, frames=40) as camera:
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
        # Frames 1 to 4 found the four buffers free; those until now did not.
        late = []
        for _ in range(5):
            with camera.read() as frame:
                late.append((frame.sequence, frame.gap, frame.timestamp_ns - start))
        assert late[:4] == [(n, 0, n * 50_000_000) for n in range(1, 5)]
        number, gap, _ = late[4]
        assert gap == number - 5 and number >= 10
        stats = camera.stats()
        assert stats.captured == number + 1 and stats.taken == 6 and stats.dropped.driver == gap


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
