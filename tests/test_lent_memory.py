"""Memory of the caller's that a camera fills, and the GPU's by the command: no copy, and given back at the end."""

import errno
import gc
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import camkit
from camkit.errors import CameraError
from tests.xscreen import Screen, own_screen

SIZE = (64, 48)
CAMKIT = [sys.executable, "-W", "error", "-m", "camkit"]
Source = tuple[str | Path, dict[str, Any]]


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recording") / "ten.mcap"
    with camkit.SyntheticCamera(SIZE, frames=10, realtime=False, on_exhausted="block") as camera:
        camkit.Pipeline(camera, camkit.Recorder(path)).run()
    return path


@pytest.fixture(params=["synthetic", "recording"])
def source(request: pytest.FixtureRequest, recording: Path) -> Source:
    if request.param == "recording":
        return recording, {"realtime": False}
    return "synthetic", {"size": SIZE, "frames": 10, "realtime": False}


@pytest.fixture(scope="module")
def screen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Screen]:
    with own_screen(tmp_path_factory.mktemp("screen")) as made:
        yield made


def test_a_pool_is_filled_and_given_back(source: Source) -> None:
    name, options = source
    with camkit.FramePool(6, 65536) as pool:
        with pool.acquire() as frame:
            before, behind = (frame.array.ctypes.data + side * 6 * pool.pitch for side in (-1, 1))
        with camkit.open(name, memory=pool, on_exhausted="block", **options) as camera:
            assert camera.stream.memory == "foreign"
            for _ in range(2):  # the second stream takes the slots again
                seen = []
                for frame in camera:
                    with frame:
                        assert frame.memory == "foreign" and before < frame.array.ctypes.data < behind
                        seen.append(camkit.read_stamp(frame)[0])
                assert seen == list(range(10))
                camera.stop()
            kept = next(iter(camera))
        picture = kept.array.copy()
        assert pool.free < 6 and (kept.array == picture).all(), "a frame that is left keeps its slot"
        kept.close()
        del frame, kept
        gc.collect()
        assert pool.free == 6


@pytest.mark.parametrize(("slots", "nbytes", "words"), [(2, 65536, "and 2 are free"), (4, 1000, "and they have 1000")])
def test_a_pool_that_is_too_small_is_refused(source: Source, slots: int, nbytes: int, words: str) -> None:
    name, options = source
    with camkit.FramePool(slots, nbytes) as pool:
        camera = camkit.open(name, memory=pool, **options)
        with camera, pytest.raises(CameraError, match=f"needs 4 slots of .* bytes of the pool.*{words}"):
            camera.start()
        gc.collect()
        assert pool.free == slots
    with pytest.raises(TypeError, match="memory is 0, neither a FramePool nor"):
        camkit.open(name, memory=0, **options)


@pytest.mark.parametrize("way", ["persistent", "pinned"])
def test_what_lies_in_the_gpus_memory_is_not_copied(source: Source, way: str) -> None:
    name, options = source
    with camkit.Offscreen(transfer=way) as drawn, camkit.Offscreen(transfer="client") as copied:
        lender = drawn.pool if way == "persistent" else drawn.pinned_pool
        with camkit.open(name, memory=lender, on_exhausted="block", **options) as camera:
            for frame in camera:
                with frame:
                    drawn.show(frame)
                    copied.show(frame)
                    assert (drawn.readback() == copied.readback()).all()
        stats = drawn.stats()
        assert (stats.displayed, stats.copies, stats.fallbacks) == (10, 0, 0)


def command(*arguments: object, **env: str) -> dict[str, Any]:
    done = subprocess.run(
        [*CAMKIT, *map(str, arguments), "--json"],
        capture_output=True, text=True, timeout=200, check=False, env=os.environ | env,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


@pytest.mark.parametrize("way", ["persistent", "pinned"])
def test_the_command_has_the_camera_fill_the_gpus_memory(way: str, recording: Path) -> None:
    run = ["run", "--display", "headless", "--transfer", way, "--on-exhausted", "block"]
    for source in (["synthetic", "--size", "64x48", "--fps", 200, "--frames", 10], [recording]):
        report = command(*run, "--source", *source)
        assert (report["transfer"]["path"], report["copies"]["total"]) == (way, 0)
        assert report["frames"]["displayed"] == 10


def test_the_command_does_so_for_windows_too(screen: Screen) -> None:
    window = ["--window", "320x240", "--size", "64x48", "--frames", 5, "--on-exhausted", "drop"]
    report = command("view", "synthetic", *window, "--transfer", "pinned", DISPLAY=screen.display)
    assert (report["transfer"]["path"], report["copies"]["total"]) == ("pinned", 0)
    reports = command("view", "synthetic", "synthetic", *window, "--transfer", "persistent", DISPLAY=screen.display)
    assert [(each["transfer"]["path"], each["copies"]["total"]) for each in reports["cameras"]] == [
        ("persistent", 0)
    ] * 2


def test_a_camera_that_takes_no_lent_memory_is_told_with_the_way_that_lends(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from camkit.cli import main, run

    def refuse(*args: object, **options: object) -> None:
        raise CameraError(errno.EOPNOTSUPP, "cannot open with memory of the caller's: no", "/dev/video9")

    monkeypatch.setattr(run.camkit, "open", refuse)
    assert main(["run", "--source", "synthetic", "--display", "headless", "--transfer", "pinned"]) == 1
    said = capsys.readouterr().err
    assert "of the caller's: no: --transfer pinned lends it the GPU's, --transfer auto does not" in said


def test_a_way_to_the_gpu_without_the_gpu_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    from camkit.cli import main

    assert main(["run", "--source", "synthetic", "--display", "none", "--transfer", "pinned"]) == 2
    assert (
        "--transfer pinned is a way to the GPU, which --display none has nothing to do with" in capsys.readouterr().err
    )


@pytest.mark.parametrize("display", ["none", "headless"])
def test_pacing_without_a_window_is_refused(capsys: pytest.CaptureFixture[str], display: str) -> None:
    from camkit.cli import main

    assert main(["run", "--source", "synthetic", "--display", display, "--pacing", "latch"]) == 2
    assert f"--pacing latch is a window's, which --display {display} has not" in capsys.readouterr().err
