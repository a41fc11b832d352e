"""The inspector: codes of one pixel against the bytes of the frame, for every format that can be drawn."""

import numpy as np
import pytest

import camkit
from camkit.gl_core._inspect import codes

WIDTH, HEIGHT = 12, 8
DRAWN = [name for name, row in camkit.FORMATS.items() if row.shader]
PLACES = [(x, y) for y in (0, 1, 2, 7) for x in (0, 1, 2, 3, 11)]


def noisy(name: str) -> camkit.Frame:
    stride = 2 * camkit.FORMATS[name].row_bytes(WIDTH)
    frame = camkit.FramePool(1, format=name, size=(WIDTH, HEIGHT), stride=stride).acquire()
    for plane in frame.planes:
        top = np.iinfo(plane.dtype).max
        plane[...] = np.random.default_rng(5).integers(0, top, plane.shape, endpoint=True)
    return frame


def expected(frame: camkit.Frame, x: int, y: int) -> dict[str, int]:
    """The same by NumPy, from what each format's name says."""
    name, planes = frame.format, [plane.astype(int) for plane in frame.planes]
    first = planes[0]
    if name in ("YUYV", "UYVY"):
        luma = "YUYV".index("Y") if name == "YUYV" else 1
        left = x - x % 2
        return {"Y": first[y, x, luma], "U": first[y, left, 1 - luma], "V": first[y, left + 1, 1 - luma]}
    if name in ("NV12", "NV21", "NV16", "NV61"):
        row = y // 2 if name in ("NV12", "NV21") else y
        pair = planes[1][row, x // 2]
        u, v = pair if name in ("NV12", "NV16") else pair[::-1]
        return {"Y": first[y, x], "U": u, "V": v}
    if name == "YU12":
        return {"Y": first[y, x], "U": planes[1][y // 2, x // 2], "V": planes[2][y // 2, x // 2]}
    if name in ("GREY", "Y16"):
        return {"Y": first[y, x]}
    if name in ("RGB24", "BGR24", "RGBA32"):
        return dict(zip({"RGB24": "RGB", "BGR24": "BGR", "RGBA32": "RGBA"}[name], first[y, x], strict=True))
    if name == "XRGB32":
        return dict(zip("RGB", first[y, x, 1:], strict=True))
    order = name[1:5]  # SRGGB8
    return {order[2 * (y % 2) + x % 2]: first[y, x]}


@pytest.mark.parametrize("name", DRAWN)
def test_the_codes_are_the_frames_own_bytes(name: str) -> None:
    with noisy(name) as frame:
        for x, y in PLACES:
            assert codes(frame, x, y) == expected(frame, x, y), (x, y)
        for x, y in ((-1, 0), (0, -1), (WIDTH, 0), (0, HEIGHT)):
            with pytest.raises(IndexError, match=f"{name} 12x8 has no pixel at {x}, {y}"):
                codes(frame, x, y)


def test_what_has_no_pixels_has_no_codes() -> None:
    with camkit.open("synthetic", format="GREY", size=(64, 48), frames=1) as camera, next(iter(camera)) as frame:
        assert codes(frame, 0, 0) == {"Y": frame.array[0, 0]}
    with camkit.FramePool(1, 4096) as pool, pool.acquire() as frame, pytest.raises(IndexError, match="no pixel"):
        codes(frame, 0, 0)
