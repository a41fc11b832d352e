"""A camera fills memory that the GPU reads by itself, in the lab: no copy, and every texture is the memory."""

import gc
import json
import subprocess
import sys

import pytest

import camkit
from camkit.errors import CameraError

SIZE = (320, 180)


@pytest.mark.parametrize("way", ["persistent", "pinned"])
def test_what_the_driver_wrote_is_the_texture_without_a_copy(vivid, way: str) -> None:
    vivid.set("OSD Text Mode", 0)  # the time, so that no picture is like another
    with (
        camkit.Offscreen(transfer=way) as screen,
        camkit.open(
            vivid.path,
            format="RGB24",
            size=SIZE,
            io="userptr",
            memory=screen.pool if way == "persistent" else screen.pinned_pool,
        ) as camera,
    ):
        seen = set()
        for _, frame in zip(range(40), camera, strict=False):
            with frame:
                screen.show(frame)
                assert (screen.readback() == frame.array).all()
                seen.add(frame.array.tobytes())
                assert frame.memory == "userptr"
        stats = screen.stats()
        assert (stats.displayed, stats.copies, stats.fallbacks) == (40, 0, 0)
        assert len(seen) == 40
        assert "memory that the caller lends" in camera.explain()


def test_a_pipeline_draws_it_without_a_copy_and_frames_outlive_camera_and_sink(vivid) -> None:
    screen = camkit.Offscreen()
    kept: list[camkit.Frame] = []

    def keep(frame: camkit.Frame) -> None:
        if frame.sequence >= 10 and not kept:  # that one itself may be lost
            kept.append(frame)

    # A guest that starves is to lose frames, not to have copies of them.
    wishes = {"format": "YUYV", "size": SIZE, "memory": screen.pool, "on_exhausted": "drop", "timeout": 600}
    with camkit.open(vivid.path, **wishes) as camera:
        stats = camkit.Pipeline(camera, keep, screen, policy="block").run(frames=60)
        assert screen.transfer["path"] == "persistent", screen.explain()
        sink = screen.stats()
        assert (sink.displayed, sink.copies, sink.fallbacks) == (60, 0, 0)
    stats.check()
    screen.close()
    group = screen.group
    del camera, screen
    gc.collect()
    picture, address = kept[0].array.copy(), kept[0].array.ctypes.data
    assert group.holds(address), "a frame is left, so the memory is"
    assert (kept[0].array == picture).all()
    kept.clear()
    gc.collect()
    assert not group.holds(address)


def test_a_pool_of_ordinary_memory_is_filled_and_given_back(vivid) -> None:
    with camkit.FramePool(6, 2 * SIZE[0] * SIZE[1]) as pool:
        with camkit.open(vivid.path, format="YUYV", size=SIZE, memory=pool) as camera:
            with camera.read() as frame:
                assert pool.free == 2
                inside = [holder for holder in pool.holders()]
                assert len(inside) == 4 and frame.array.any()
            camera.stop()
            camera.start()  # the next stream takes them again
            camera.read().close()
        del frame
        gc.collect()
        assert pool.free == 6


@pytest.mark.parametrize(
    ("slots", "nbytes", "words"),
    [(2, 2 * SIZE[0] * SIZE[1], "and 2 are free"), (4, 1000, "and they have 1000")],
)
def test_a_pool_that_is_too_small_is_refused(vivid, slots: int, nbytes: int, words: str) -> None:
    with (
        camkit.FramePool(slots, nbytes) as pool,
        camkit.open(vivid.path, format="YUYV", size=SIZE, memory=pool) as camera,
    ):
        with pytest.raises(CameraError, match=f"needs 4 slots of 115200 bytes of the pool.*{words}"):
            camera.start()
        assert pool.free == slots


def test_memory_is_lent_by_its_addresses_only(vivid) -> None:
    with camkit.FramePool(4, 4096) as pool:
        with pytest.raises(ValueError, match="io is 'mmap'"):
            camkit.open(vivid.path, io="mmap", memory=pool)
        with pytest.raises(TypeError, match="memory is 7, neither a FramePool"):
            camkit.open(vivid.path, memory=7)


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    run = [
        sys.executable,
        "-m",
        "camkit",
        "run",
        "--display",
        "headless",
        "--frames",
        "10",
        "--timeout",
        "200",
        "--json",
    ]
    return subprocess.run([*run, *arguments], capture_output=True, text=True, timeout=600, check=False)


@pytest.mark.parametrize("way", ["persistent", "pinned"])
def test_the_command_has_the_driver_fill_the_gpus_memory(vivid, way: str) -> None:
    done = command(
        "--source", vivid.path, "--format", "YUYV", "--size", "320x180", "--transfer", way, "--on-exhausted", "drop"
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["transfer"]["path"], report["copies"]["total"]) == (way, 0)
    assert any("memory that the caller lends" in line for line in report["explain"])


def test_the_command_tells_which_camera_fills_no_memory_but_its_own(loopback, vivid) -> None:
    loopback.feed("YUYV", 64, 32)
    loopback.write(bytes(64 * 32 * 2))
    done = command("--source", loopback.path, "--transfer", "persistent")
    assert done.returncode != 0
    assert "in memory that was lent to it: without (memory=, or --transfer of the command)" in done.stderr
    done = command("--source", vivid.path, "--io", "mmap", "--transfer", "pinned")
    assert done.returncode == 2
    assert "io is 'mmap'" in done.stderr and "(--transfer pinned lends the camera the GPU's)" in done.stderr
