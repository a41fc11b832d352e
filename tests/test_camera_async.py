"""``async for frame in camera``: the frames of a ``for`` loop, and no thread or frame left behind."""

import asyncio
import gc
import itertools
import threading
import time

import pytest

import camkit


def readers():
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("camkit-async")]


def camera(**options):
    return camkit.SyntheticCamera(**{"format": "GREY", "size": (64, 48), "fps": 500, **options})


def balanced(source):
    stats = source.stats()
    assert stats.captured == stats.taken + stats.dropped.total, stats
    return stats


def test_frames_order_and_account_are_those_of_a_for_loop():
    faults = {"frames": 40, "drop": (5, 6), "damage": (9,), "realtime": False}

    async def read(source):
        return [frame.sequence async for frame in source]

    with camera(**faults) as source:
        expected = [frame.sequence for frame in source]
        told = source.stats()
    with camera(**faults) as source:
        assert asyncio.run(read(source)) == expected
        stats = balanced(source)
        assert (stats.captured, stats.taken, stats.dropped) == (told.captured, told.taken, told.dropped)
    assert readers() == []


def test_other_tasks_run_meanwhile_and_no_thread_is_left_after_a_break():
    ticks = 0

    async def main(source):
        async def tick():
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0)

        ticking = asyncio.create_task(tick())
        async for frame in source:
            assert readers() == [f"camkit-async-{source.source.name}"]
            if frame.sequence >= 20:
                break
        assert readers() == []
        ticking.cancel()
        # As with a for loop the camera streams on, and may be read on.
        assert (await anext(aiter(source))).sequence > frame.sequence

    with camera() as source:
        asyncio.run(main(source))
        assert ticks > 3  # at least once for each frame, and a machine at its limit loses frames
        balanced(source)
    assert readers() == []


@pytest.mark.parametrize("delay", [0, 0.0005, 0.002, 0.01, 0.03])
def test_a_cancelled_wait_loses_no_frame(delay):
    """Cancel again and again, at ever other moments: every frame is seen once, in order."""

    async def main(source, seen):
        frames, turns = aiter(source), itertools.count()
        while len(seen) < 60:
            turn = next(turns)
            task = asyncio.ensure_future(anext(frames))
            await asyncio.sleep(delay * (turn % 5) / 4)
            task.cancel()
            try:
                seen.append((await task).sequence)
            except asyncio.CancelledError:
                assert readers() == []
            if delay < 0.002:
                try:
                    # Sooner or later it is long enough for any machine.
                    seen.append((await asyncio.wait_for(anext(frames), 0.002 + turn % 20 * turn * 1e-4)).sequence)
                except TimeoutError:
                    assert readers() == []
        await frames.aclose()

    seen = []
    with camera(buffers=16) as source:
        asyncio.run(main(source, seen))
        stats = balanced(source)
        kept = stats.taken - len(seen)
        assert kept in (0, 1)
        rest = source.read().sequence if kept else None
        assert seen == sorted(set(seen))
        assert source.stats().dropped.aborted == 0
        lost = stats.dropped.driver + stats.dropped.pool
        assert seen[-1] - seen[0] + 1 - len(seen) <= lost
        assert rest is None or rest > seen[-1]
    assert readers() == []


def test_a_frame_that_came_for_a_cancelled_wait_is_the_next_one_read():
    async def main(source):
        frames = aiter(source)
        task = asyncio.ensure_future(anext(frames))
        await asyncio.sleep(0)  # it waits now
        while not source.stats().taken:  # and this keeps the event loop from handing the frame on
            time.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert readers() == []
        taken = source.stats().taken
        frame = source.read()
        assert (frame.sequence, source.stats().taken) == (0, taken)

    with camera() as source:
        asyncio.run(main(source))


def test_a_frame_that_nobody_comes_for_is_counted_when_the_stream_ends():
    async def main(source):
        task = asyncio.ensure_future(anext(aiter(source)))
        await asyncio.sleep(0)
        while not source.stats().taken:
            time.sleep(0.001)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    with camera() as source:
        asyncio.run(main(source))
        source.stop()
        stats = balanced(source)
        assert (stats.taken, stats.dropped.aborted) == (0, 1)


def test_errors_and_ends_arrive_and_leave_no_thread():
    async def stalled(source):
        with pytest.raises(camkit.CameraTimeout):
            await anext(aiter(source))
        assert readers() == []

    with camera(delay={0: 3600}, timeout=0.05) as source:
        asyncio.run(stalled(source))

    async def closed(source):
        with pytest.raises(ValueError, match="is closed"):
            await anext(aiter(source))

    asyncio.run(closed(source))
    assert readers() == []

    async def over(source):
        frames = aiter(source)
        got = [frame.sequence async for frame in frames]
        with pytest.raises(StopAsyncIteration):
            await anext(frames)
        return got

    with camera(frames=3) as source:
        assert asyncio.run(over(source)) == [0, 1, 2]
    assert readers() == []


def test_closing_or_stopping_the_camera_ends_the_loop():
    async def main(source, end):
        async for frame in source:
            if frame.sequence == 5:
                asyncio.get_running_loop().call_later(0.01, end)

    for end in ("close", "stop"):
        with camera() as source:
            asyncio.run(asyncio.wait_for(main(source, getattr(source, end)), 200))
    assert readers() == []


def test_two_tasks_cannot_share_an_iterator():
    async def main(source):
        frames = aiter(source)
        first = asyncio.ensure_future(anext(frames))
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="another task waits"):
            await anext(frames)
        assert (await first).sequence == 0
        await frames.aclose()

    with camera() as source:
        asyncio.run(main(source))


def test_an_event_loop_that_ends_leaves_no_thread():
    async def main(source):
        task = asyncio.ensure_future(anext(aiter(source)))
        await asyncio.sleep(0.001)
        return task  # asyncio.run cancels it

    with camera(delay={0: 3600}, timeout=None) as source:
        asyncio.run(main(source))
        gc.collect()
        assert readers() == []
        balanced(source)


def test_a_recording_is_played_for_async_too(tmp_path):
    with camera(frames=5, realtime=False) as source:
        camkit.Pipeline(source, camkit.Recorder(tmp_path / "a.mcap")).run()
    with camkit.open(tmp_path / "a.mcap") as played:

        async def main():
            return [frame.sequence async for frame in played]

        assert asyncio.run(main()) == [0, 1, 2, 3, 4]


def test_a_camera_that_a_pipeline_reads_is_read_by_nobody_else():
    async def iterate(source):
        async for frame in source:
            return frame.sequence

    with camera(on_exhausted="block") as source:
        pipeline = camkit.Pipeline(source, camkit.NullSink())
        pipeline.start()
        ways = (source.read, lambda: next(source), lambda: next(iter(source)), lambda: asyncio.run(iterate(source)))
        for way in ways:
            with pytest.raises(
                RuntimeError, match="camera 'synthetic' is read by <Pipeline .* running>: stop that first"
            ):
                way()
        pipeline.stop()
        stats = pipeline.stats()
        stats.check()
        assert stats.frames.delivered == stats.frames.captured
        assert readers() == []
        source.start()
        assert source.read().sequence >= 0 and asyncio.run(iterate(source)) >= 0
        balanced(source)
        del pipeline
        gc.collect()
        source.read()
