"""`async for` on real drivers: the reader sleeps in VIDIOC_DQBUF, and a cancelled wait ends that."""

import asyncio
import itertools
import threading

import pytest

from camkit.camera_capture.async_frames import AsyncFrames

SMALL = {"format": "YUYV", "size": (320, 180), "fps": 50, "buffers": 8}


def readers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("camkit-async")]


def test_frames_come_in_order_with_a_whole_account(any_vivid, open_camera):
    camera = open_camera(any_vivid.path, **SMALL)

    async def main():
        numbers = []
        async for frame in AsyncFrames(camera):
            numbers.append((frame.sequence, frame.gap))
            if len(numbers) == 30:
                return numbers

    numbers = asyncio.run(main())
    assert [b - a for (a, _), (b, _) in itertools.pairwise(numbers)] == [gap + 1 for _, gap in numbers[1:]]
    stats = camera.stats()
    assert stats.taken == 30 and stats.captured == 30 + stats.dropped.total
    assert not readers()


def test_waits_cancelled_at_any_moment_lose_no_frame(vivid, open_camera):
    camera = open_camera(vivid.path, **SMALL)

    async def main():
        frames, numbers = AsyncFrames(camera), []
        for turn in itertools.count():
            try:
                numbers.append((await asyncio.wait_for(anext(frames), (turn % 7 + 1) * 0.004)).sequence)
            except TimeoutError:
                assert not readers()
            if len(numbers) == 25:
                await frames.aclose()
                return numbers

    numbers = asyncio.run(main())
    assert numbers == sorted(set(numbers))
    stats = camera.stats()
    assert stats.captured == stats.taken + stats.dropped.total
    assert numbers[-1] - numbers[0] + 1 - 25 <= stats.dropped.driver
    assert stats.taken - 25 in (0, 1)  # one may have come that nobody has asked for yet
    camera.stop()
    stats = camera.stats()
    assert stats.taken == 25 and stats.captured == 25 + stats.dropped.total
    assert not readers()


@pytest.mark.smoke
def test_a_cancelled_wait_ends_the_drivers_sleep(vivid, open_camera):
    camera = open_camera(vivid.path, **SMALL, timeout=None)
    vivid.set("Percentage of Dropped Buffers", 100)

    async def main():
        frames = AsyncFrames(camera)
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(frames), 0.1)
            assert not readers()
        vivid.set("Percentage of Dropped Buffers", 0)
        return (await anext(frames)).sequence

    assert asyncio.run(main()) is not None
