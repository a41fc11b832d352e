"""Zoom and pan: the arithmetic of what is seen where."""

import itertools

import pytest

from camkit.gl_core._view import View


def laid(picture: tuple[int, int], place: tuple[int, int, int, int]) -> View:
    view = View()
    view._lay(*picture, *place)
    return view


@pytest.mark.parametrize("picture", [(64, 48), (1920, 1080), (7, 300), (641, 479)])
@pytest.mark.parametrize("place", [(0, 0, 320, 240), (100, 30, 333, 77)])
def test_the_whole_picture_is_seen_in_its_shape(picture: tuple[int, int], place: tuple[int, int, int, int]) -> None:
    across, down = laid(picture, place)._spans()
    assert (across["first"], across["end"], down["first"], down["end"]) == (0, picture[0], 0, picture[1])
    wide, high = across["stop"] - across["begin"], down["stop"] - down["begin"]
    scale = min(place[2] / picture[0], place[3] / picture[1])
    assert (wide, high) == (max(1, round(picture[0] * scale)), max(1, round(picture[1] * scale)))
    for begin, stop, start, room in (
        (across["begin"], across["stop"], place[0], place[2]),
        (down["begin"], down["stop"], place[1], place[3]),
    ):
        assert start <= begin < stop <= start + room
        assert abs((begin - start) - (start + room - stop)) <= 1


@pytest.mark.parametrize("point", [(0, 0), (160, 120), (300, 11), (319, 239)])
def test_what_lies_under_the_cursor_stays_there(point: tuple[int, int]) -> None:
    view = laid((640, 480), (0, 0, 320, 240))
    for factor in (1.25, 1.6, 2.0, 3.0, 4.0):
        before = view._pixel(*point)
        view._do("zoom_at", factor, *point)
        after = view._pixel(*point)
        assert before is not None
        assert after is not None
        scale = 320 / 640 * view.zoom
        assert max(abs(a - b) for a, b in zip(before, after, strict=True)) <= 1 + 1 / scale * factor


def test_zoom_has_ends_and_reset_brings_all_back() -> None:
    view = laid((640, 480), (0, 0, 320, 240))
    view._do("zoom_at", 1e9, 10, 10)
    assert view.zoom == 64 * 2
    view._do("zoom_at", 1e-9, 10, 10)
    assert (view.zoom, view.x, view.y) == (1, 0.5, 0.5)
    view._do("zoom_at", 8, 10, 10)
    view._do("reset")
    assert (view.zoom, view.x, view.y) == (1, 0.5, 0.5)
    small = laid((32, 24), (0, 0, 320, 240))
    small._do("zoom_at", 1e-9, 0, 0)
    assert small.zoom == pytest.approx(0.1)  # its own size
    assert small._spans()[0] == {"first": 0, "end": 32, "begin": 144, "stop": 176}


def test_no_more_emptiness_than_there_must_be() -> None:
    view = laid((640, 480), (0, 0, 320, 240))
    view._do("zoom_at", 4, 160, 120)
    for dx, dy in itertools.product((-1e6, 1e6), repeat=2):
        view._do("pan", dx, dy)
        across, down = view._spans()
        assert across["begin"] <= 0
        assert across["stop"] >= 320
        assert down["begin"] <= 0
        assert down["stop"] >= 240
        assert across["first" if dx > 0 else "end"] == (0 if dx > 0 else 640)
    assert view._pixel(-1, 5) is None
    assert view._pixel(320, 5) is None


def test_a_drag_moves_the_picture_with_the_hand() -> None:
    view = laid((640, 480), (0, 0, 320, 240))
    view._do("zoom_at", 16, 160, 120)  # 8 screen pixels for one
    held = view._pixel(100, 100)
    view._do("pan", 40, -24)
    assert view._pixel(140, 76) == held


def test_every_pixel_of_the_screen_names_the_pixel_that_a_blit_puts_there() -> None:
    view = laid((100, 100), (3, 5, 70, 70))
    view._do("zoom_at", 7.3, 20, 60)
    across, _ = view._spans()
    for x in range(3, 73):
        share = (x + 0.5 - across["begin"]) / (across["stop"] - across["begin"])
        assert view._pixel(x, 10)[0] == int(across["first"] + share * (across["end"] - across["first"]))
