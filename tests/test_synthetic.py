"""The synthetic camera: its picture is exactly what it says."""

import numpy as np
import pytest

from camkit.camera_capture import SyntheticCamera, bar_colours, read_stamp
from camkit.memory_manager import FORMATS, Frame, FramePool

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
