"""The pytest plugin, as users' own tests use it."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

import camkit

pytest_plugins = ["pytester"]

TOP = Path(__file__).resolve().parent.parent
PLUGIN = ("-p", "pytest_camkit", "-p", "no:cacheprovider", "-W", "error", "--strict-markers")


@pytest.fixture
def folder(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Give a folder with two recordings, of five frames and of three."""
    monkeypatch.setenv("PYTHONPATH", str(TOP))
    for name, frames in (("five.mcap", 5), ("three.mcap", 3)):
        with camkit.SyntheticCamera(size=(64, 32), realtime=False, drop=[1]) as camera:
            camkit.Pipeline(camera, camkit.Recorder(pytester.path / name)).run(frames=frames)
    return pytester


def test_a_recording_is_the_camera_of_a_test(folder: pytest.Pytester) -> None:
    folder.makepyfile(
        """
        import camkit, pytest

        @pytest.mark.camkit_recording("five.mcap")
        def test_numbers(camkit_recording):
            assert [frame.sequence for frame in camkit_recording] == [0, 2, 3, 4, 5]

        @pytest.mark.camkit_recording("five.mcap", on_exhausted="raise", times="now")
        def test_options(camkit_recording):
            assert camkit_recording.source.request.on_exhausted == "raise"
            held = [camkit_recording.read(), camkit_recording.read()]
            with pytest.raises(camkit.PoolExhausted):
                camkit_recording.read()

        @pytest.mark.parametrize("camkit_recording", ["five.mcap", "three.mcap"], indirect=True)
        def test_each(camkit_recording):
            assert len(list(camkit_recording)) in (5, 3)

        def test_pipeline(camkit_recording):
            assert camkit.Pipeline(camkit_recording).run().frames.delivered == 3

        pytestmark = pytest.mark.camkit_recording("three.mcap")
        """
    )
    folder.runpytest_subprocess(*PLUGIN).assert_outcomes(passed=5)


def test_the_camera_is_closed_after_the_test(folder: pytest.Pytester) -> None:
    folder.makepyfile(
        """
        import pytest
        cameras = []

        @pytest.mark.camkit_recording("five.mcap")
        def test_first(camkit_recording):
            cameras.append(camkit_recording)
            camkit_recording.read()

        def test_second():
            assert cameras[0].closed
        """
    )
    folder.runpytest_subprocess(*PLUGIN).assert_outcomes(passed=2)


def test_a_test_that_names_no_file_is_told_how_to(folder: pytest.Pytester) -> None:
    folder.makepyfile("def test_it(camkit_recording): pass")
    done = folder.runpytest_subprocess(*PLUGIN)
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(["*@pytest.mark.camkit_recording('desk.mcap') names one*"])


def test_a_file_that_is_missing_fails_the_test(folder: pytest.Pytester) -> None:
    folder.makepyfile(
        """
        import pytest

        @pytest.mark.camkit_recording("four.mcap")
        def test_it(camkit_recording): pass
        """
    )
    done = folder.runpytest_subprocess(*PLUGIN)
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(["*CameraNotFound*no such recording*four.mcap*"])


def test_pytest_finds_it_by_itself_and_loads_camkit_only_when_wanted(folder: pytest.Pytester) -> None:
    points = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]["entry-points"]["pytest11"]
    assert points == {"pytest_camkit": "pytest_camkit"}
    folder.makepyfile(
        "import sys\ndef test_it(): assert 'pytest_camkit' in sys.modules and 'camkit' not in sys.modules"
    )
    folder.runpytest_subprocess(*PLUGIN).assert_outcomes(passed=1)
