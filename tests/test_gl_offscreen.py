"""Offscreen: right colours for every format, and no harm from wrong frames."""

from collections.abc import Iterator

import numpy as np
import pytest

from camkit.errors import FormatNotSupported, GLError
from camkit.gl_core import Offscreen
from camkit.memory_manager import FORMATS, FramePool
from camkit.performance_core import SinkStats
from tests.probed import Probed

DRAWN = [row for row in FORMATS.values() if not row.compressed]
YUV = [row.name for row in DRAWN if row.model == "yuv"]
WEIGHTS = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722), "bt2020": (0.2627, 0.0593)}
NUMBERS = {"bt601": 6, "bt709": 1, "bt2020": 9, "limited": 1, "full": 2, "unknown": 2}
SIZE = (62, 34)


@pytest.fixture
def screen() -> Iterator[Probed]:
    with Probed() as made:
        yield made
        if made.description:
            assert made.probe.functions.errors() == []


def random_planes(row, size: tuple[int, int], padding: int = 0, seed: int = 5) -> tuple[list, list]:
    """Planes of random codes: the memory with padding in it, and the pixels alone."""
    random = np.random.default_rng(seed)
    memory, pixels = [], []
    for plane in range(len(row.planes)):
        rows, columns, *channels = row.plane_shape(*size, plane)
        used = row.row_bytes(size[0], plane)
        raw = random.integers(0, 256, (rows, used + padding * row.itemsize), np.uint8)
        memory.append(raw)
        samples = np.ascontiguousarray(raw[:, :used]).view(np.uint16 if row.itemsize == 2 else np.uint8)
        pixels.append(samples.reshape(rows, columns, *channels).astype(np.float64))
    return memory, pixels


def draw(screen: Offscreen, row, size: tuple[int, int], memory: list, colour=(2, 2, 2, 0)) -> np.ndarray:
    screen._feed(memory, row.name, size, [plane.shape[1] for plane in memory], colour)
    return screen.readback()


def upsampled(chroma: np.ndarray, width: int) -> np.ndarray:
    """Chroma of even columns at every column: the mean of both neighbours, the last one repeated."""
    right = np.concatenate([chroma[:, 1:], chroma[:, -1:]], axis=1)
    out = np.empty((chroma.shape[0], width, *chroma.shape[2:]))
    out[:, 0::2], out[:, 1::2] = chroma, (chroma + right) / 2
    return out


def upsampled_rows(chroma: np.ndarray, height: int) -> np.ndarray:
    """Chroma between two rows at every row: three quarters of the near one, a quarter of the far one."""
    above = np.concatenate([chroma[:1], chroma[:-1]])
    below = np.concatenate([chroma[1:], chroma[-1:]])
    out = np.empty((height, *chroma.shape[1:]))
    out[0::2], out[1::2] = (3 * chroma + above) / 4, (3 * chroma + below) / 4
    return out


def luma_and_chroma(name: str, planes: list, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    if name in ("YUYV", "UYVY"):
        flat = planes[0].reshape(size[1], -1)
        y, u, v = (flat[:, i::4] for i in ((0, 1, 3) if name == "YUYV" else (1, 0, 2)))
        second = flat[:, 2::4] if name == "YUYV" else flat[:, 3::4]
        luma = np.stack([y, second], axis=2).reshape(size[1], size[0])
        return luma, upsampled(np.stack([u, v], axis=2), size[0])
    chroma = np.stack(planes[1:], axis=2) if name == "YU12" else planes[1]
    if name in ("NV21", "NV61"):
        chroma = chroma[:, :, ::-1]
    if name in ("NV16", "NV61"):
        return planes[0], upsampled(chroma, size[0])
    return planes[0], upsampled(upsampled_rows(chroma, size[1]), size[0])


def to_rgb(luma: np.ndarray, chroma: np.ndarray, matrix: str, range_: str) -> np.ndarray:
    kr, kb = WEIGHTS[matrix]
    black, white, swing = (16, 219, 224) if range_ == "limited" else (0, 255, 255)
    y = (luma - black) / white
    cb, cr = (chroma[..., 0] - 128) / swing, (chroma[..., 1] - 128) / swing
    red, blue = y + 2 * (1 - kr) * cr, y + 2 * (1 - kb) * cb
    green = (y - kr * red - kb * blue) / (1 - kr - kb)
    return np.stack([red, green, blue], axis=2)


def assert_close(seen: np.ndarray, wanted: np.ndarray) -> None:
    """Within one level everywhere, and exact but for ties of the rounding."""
    wanted = np.clip(wanted, 0, 1) * 255
    assert seen.shape == wanted.shape
    assert seen.dtype == np.uint8
    error = np.abs(seen - np.floor(wanted + 0.5))
    assert error.max() <= 1
    tie = np.abs(wanted - np.floor(wanted) - 0.5) < 1e-3
    assert (error[~tie] == 0).all()


@pytest.mark.parametrize("range_", ["limited", "full"])
@pytest.mark.parametrize("matrix", WEIGHTS)
@pytest.mark.parametrize("name", YUV)
def test_yuv_follows_matrix_and_range(screen: Probed, name: str, matrix: str, range_: str) -> None:
    memory, pixels = random_planes(FORMATS[name], SIZE, padding=6)
    seen = draw(screen, FORMATS[name], SIZE, memory, (2, 2, NUMBERS[matrix], NUMBERS[range_]))
    assert_close(seen, to_rgb(*luma_and_chroma(name, pixels, SIZE), matrix, range_))
    assert f"{matrix} {range_}" in screen.explain()


@pytest.mark.parametrize("name", YUV)
@pytest.mark.parametrize("size", [(2, 2), (4, 2), (2, 4), (6, 6)])
def test_the_smallest_pictures_are_right_to_the_edge(screen: Probed, name: str, size: tuple[int, int]) -> None:
    memory, pixels = random_planes(FORMATS[name], size)
    assert_close(
        draw(screen, FORMATS[name], size, memory), to_rgb(*luma_and_chroma(name, pixels, size), "bt601", "limited")
    )


@pytest.mark.parametrize("range_", ["unknown", "full", "limited"])
@pytest.mark.parametrize("name", ["GREY", "Y16", "RGB24", "BGR24", "RGBA32", "XRGB32"])
def test_grey_and_rgb_follow_the_range(screen: Probed, name: str, range_: str) -> None:
    row = FORMATS[name]
    memory, (pixels,) = random_planes(row, SIZE, padding=5)
    seen = draw(screen, row, SIZE, memory, (2, 2, 2, 0 if range_ == "unknown" else NUMBERS[range_]))
    if row.model == "grey":
        pixels = np.repeat(pixels[:, :, None], 3, axis=2)
    order = {"BGR24": [2, 1, 0], "XRGB32": [1, 2, 3]}.get(name, [0, 1, 2])
    pixels = pixels[:, :, order]
    unit, top = (256, 65535) if row.itemsize == 2 else (1, 255)
    assert_close(seen, (pixels - 16 * unit) / (219 * unit) if range_ == "limited" else pixels / top)


@pytest.mark.parametrize("name", ["SRGGB8", "SGRBG8", "SGBRG8", "SBGGR8"])
def test_bayer_takes_the_mean_of_the_nearest(screen: Probed, name: str) -> None:
    memory, (raw,) = random_planes(FORMATS[name], SIZE, padding=3)
    order = FORMATS[name].order
    padded = np.pad(raw, 1, mode="reflect")
    width, height = SIZE
    site = np.empty((height + 2, width + 2), "U1")
    for i, colour in enumerate(order):
        site[(1 + i // 2) % 2 :: 2, (1 + i % 2) % 2 :: 2] = colour
    wanted = np.empty((height, width, 3))
    for channel, colour in enumerate("RGB"):
        has = site == colour
        for y, x in np.ndindex(height, width):
            here, near = has[y : y + 3, x : x + 3], padded[y : y + 3, x : x + 3]
            cross = here & np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], bool)
            wanted[y, x, channel] = near[1, 1] if here[1, 1] else near[cross if cross.any() else here].mean()
    assert_close(draw(screen, FORMATS[name], SIZE, memory), wanted / 255)


def test_colours_of_test_bars_are_right(screen: Probed) -> None:
    bars = {(180, 128, 128): 191, (162, 44, 142): (191, 191, 0), (131, 156, 44): (0, 191, 191)}  # 75 % bars of BT.601
    for (y, u, v), expected in bars.items():
        frame = np.tile(np.array([y, u, y, v], np.uint8), (8, 8))
        seen = draw(screen, FORMATS["YUYV"], (16, 8), [frame])
        assert np.abs(seen.astype(int) - np.asarray(expected)).max() <= 1


def test_a_change_of_colour_format_and_size_is_followed(screen: Probed) -> None:
    for size in (SIZE, (32, 16)):
        for name in ("YUYV", "NV12", "RGB24"):
            for matrix in ("bt601", "bt709"):
                memory, pixels = random_planes(FORMATS[name], size)
                seen = draw(screen, FORMATS[name], size, memory, (2, 2, NUMBERS[matrix], 1))
                if name == "RGB24":
                    assert_close(seen, (pixels[0] - 16) / 219)
                else:
                    assert_close(seen, to_rgb(*luma_and_chroma(name, pixels, size), matrix, "limited"))
    assert "changed from RGB24 62x34 to YUYV 32x16" in screen.explain()


def test_frames_of_a_pool_are_drawn(screen: Probed) -> None:
    with FramePool(2, format="NV12", size=SIZE, stride=96) as pool, pool.acquire() as frame:
        pixels = []
        for number, plane in enumerate(frame.planes):
            plane[:] = np.random.default_rng(number).integers(0, 256, plane.shape, np.uint8)
            pixels.append(plane.astype(np.float64))
        del plane
        screen.show(frame)
        assert_close(screen.readback(), to_rgb(*luma_and_chroma("NV12", pixels, SIZE), "bt601", "limited"))
        assert screen.stats() == SinkStats(displayed=1, copies=1, copied_bytes=62 * 51)
        assert screen.latencies()["capture_to_gl"].count == 1
        screen.show(frame)
        assert screen.stats().displayed == 2
        assert pool.stats().in_use == 1


def test_padding_that_the_last_row_lacks_is_not_read(screen: Probed) -> None:
    row = FORMATS["GREY"]
    memory, _ = random_planes(row, SIZE, padding=10)
    seen = draw(screen, row, SIZE, memory)
    flat = memory[0].reshape(-1)[:-10]
    screen._feed([flat], "GREY", SIZE, [72])
    assert (screen.readback() == seen).all()


BROKEN = {
    "no width": dict(size=(0, 34)),
    "no height": dict(size=(62, 0)),
    "odd width": dict(size=(61, 34)),
    "one plane": dict(planes=1),
    "three planes": dict(planes=3),
    "short stride": dict(strides=[61, 62]),
    "stride of 0": dict(strides=[0, 62]),
    "short stride of chroma": dict(strides=[62, 60]),
    "huge stride": dict(strides=[0xFFFFFFFF, 62]),
    "too long a stride": dict(strides=[64, 62]),
    "truncated chroma": dict(cut=1),
    "an empty plane": dict(cut=62 * 17),
    "fewer bytes used": dict(bytes_used=62 * 51 - 1),
    "nothing used": dict(bytes_used=0),
    "too high": dict(size=(62, 36)),
    "enormous": dict(size=(0xFFFFFFFE, 0xFFFFFFFE)),
}


@pytest.mark.parametrize("fault", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("first", [True, False], ids=["as the first frame", "after a good one"])
def test_a_broken_frame_is_refused_and_counted(screen: Probed, fault: dict, first: bool) -> None:
    memory, _ = random_planes(FORMATS["NV12"], SIZE)
    good = None if first else draw(screen, FORMATS["NV12"], SIZE, memory)
    planes = [memory[0].tobytes(), memory[1].tobytes()[: 62 * 17 - fault.get("cut", 0)], b""][: fault.get("planes", 2)]
    strides = fault.get("strides", [62, 62, 62])
    with pytest.raises(ValueError, match="cannot draw frame 0"):
        screen._feed(planes, "NV12", fault.get("size", SIZE), strides, bytes_used=fault.get("bytes_used"))
    assert screen.stats().refused == 1
    assert "1 frame(s) refused" in screen.explain()
    if good is None:
        with pytest.raises(GLError, match="nothing was drawn yet"):
            screen.readback()
    else:
        assert (screen.readback() == good).all()
    draw(screen, FORMATS["NV12"], SIZE, memory)
    assert screen.stats().refused == 1


def test_formats_without_pixels_are_typed_errors(screen: Probed) -> None:
    with pytest.raises(FormatNotSupported, match="MJPG cannot be drawn"):
        screen._feed([bytes(100)], "MJPG", (64, 32), [0])
    with pytest.raises(FormatNotSupported, match="plain bytes"):
        screen._feed([bytes(100)], 0xFFFFFFFF, (64, 32), [0])
    with FramePool(1, 100) as pool, pool.acquire() as frame, pytest.raises(ValueError, match="no pixels"):
        screen.show(frame)
    memory, _ = random_planes(FORMATS["GREY"], SIZE)
    draw(screen, FORMATS["GREY"], SIZE, memory)
    with pytest.raises(FormatNotSupported, match="MJPG cannot be drawn"):
        screen._feed([bytes(100)], "MJPG", (64, 32), [0])
    with pytest.raises(GLError, match="nothing was drawn"):
        screen.readback()
    draw(screen, FORMATS["GREY"], SIZE, memory)


def test_too_wide_for_the_gpu_is_a_typed_error(screen: Probed) -> None:
    with pytest.raises(FormatNotSupported, match="needs a texture of"):
        screen._feed([bytes(3 * 40000)], "RGB24", (40000, 1), [3 * 40000])
