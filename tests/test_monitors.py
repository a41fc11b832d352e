"""Which monitor a window is on, for any arrangement of them."""

import pytest

from camkit.gl_core.monitors import Box, most_of, shared

LEFT, RIGHT, ABOVE = Box(0, 0, 1920, 1080), Box(1920, 0, 2560, 1440), Box(0, -1200, 1920, 1200)


@pytest.mark.parametrize(
    ("window", "found"),
    [
        (Box(100, 100, 800, 600), 0),
        (Box(1519, 0, 800, 600), 0),  # 401 of 800 columns
        (Box(1521, 0, 800, 600), 1),
        (Box(1520, 0, 800, 600), 0),  # as much of both: the first one
        (Box(500, -500, 640, 480), 2),
        (Box(1800, -100, 4000, 2000), 1),  # larger than any
        (Box(9000, 9000, 640, 480), 0),  # on none
        (Box(0, 0, 0, 0), 0),  # minimised
    ],
)
def test_a_window_is_on_the_monitor_that_shows_most_of_it(window: Box, found: int) -> None:
    assert most_of(window, [LEFT, RIGHT, ABOVE]) == found


def test_what_two_boxes_share() -> None:
    assert shared(LEFT, Box(1900, 1070, 100, 100)) == 20 * 10
    assert shared(LEFT, RIGHT) == 0, "they touch"
    assert shared(LEFT, Box(3000, 3000, 5, 5)) == 0
