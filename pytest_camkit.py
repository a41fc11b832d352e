"""Recordings as test cameras: the pytest plugin of camkit.

@pytest.mark.camkit_recording("desk.mcap")
def test_my_stage(camkit_recording):
    for frame in camkit_recording:
        ...
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import camkit

MARK = "camkit_recording"


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known."""
    config.addinivalue_line(
        "markers",
        f"{MARK}(path, **options): the recording that the fixture of this name opens, beside the test's file or "
        "absolute, and options of camkit.open; realtime=False unless told otherwise",
    )


@pytest.fixture
def camkit_recording(request: pytest.FixtureRequest) -> Iterator[camkit.Camera]:
    """Open a recording as a camera, and close it after the test.

    The mark `camkit_recording` or an indirect parameter names the file, absolute or as a path from the test's own file.
    The mark may hold options of `camkit.open`. Frames come as fast as the test reads them; `realtime=True` plays them
    as far apart as they were.
    """
    import camkit

    mark = request.node.get_closest_marker(MARK)
    path = getattr(request, "param", None)
    if path is None and (mark is None or len(mark.args) != 1):
        pytest.fail(f"{MARK} is told no file: @pytest.mark.{MARK}('desk.mcap') names one", pytrace=False)
    options: dict[str, Any] = {"realtime": False} | (dict(mark.kwargs) if mark is not None else {})
    with camkit.open(request.path.parent / (mark.args[0] if path is None else path), **options) as camera:
        yield camera
