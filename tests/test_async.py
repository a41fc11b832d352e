"""A pipeline in a coroutine: the loop goes on, and nothing is left behind, however the waiting ends."""

import asyncio
import threading

import pytest

import camkit
from camkit import NullSink, Pipeline, PipelineError
from tests.pipelines import source, workers


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, 200))


def test_a_coroutine_waits_while_the_loop_goes_on():
    async def main():
        gate = threading.Event()
        pipeline = Pipeline(source(50), lambda frame: gate.wait(30) and None)
        pipeline.start()
        waiting = asyncio.create_task(pipeline.wait_async())
        await asyncio.sleep(0)
        assert not waiting.done()  # and here we are, with a stage that hangs on us
        gate.set()
        assert await waiting is True
        return pipeline.stats()

    stats = run(main())
    stats.check()
    assert stats.frames.delivered == 50
    assert not workers()


def test_two_pipelines_are_waited_for_together():
    async def main():
        pipelines = [Pipeline(source(n), NullSink("end")) for n in (30, 60)]
        for pipeline in pipelines:
            pipeline.start()
        await asyncio.gather(*(pipeline.wait_async() for pipeline in pipelines))
        return [pipeline.stats().frames.delivered for pipeline in pipelines]

    assert run(main()) == [30, 60]


def test_a_cancelled_wait_leaves_no_thread():
    async def main():
        pipeline = Pipeline(source(None), lambda frame: None)
        pipeline.start()
        waiting = asyncio.create_task(pipeline.wait_async())
        await asyncio.sleep(0.05)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert not pipeline.running
        assert not workers()
        return pipeline.stats()

    run(main()).check()


def test_a_timeout_of_asyncio_ends_the_run_and_one_of_the_wait_does_not():
    async def main():
        pipeline = Pipeline(source(None), NullSink("end"))
        pipeline.start()
        assert await pipeline.wait_async(timeout=0.02) is False
        assert pipeline.running
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await pipeline.wait_async()
        assert not pipeline.running
        return pipeline.stats()

    run(main()).check()
    assert not workers()


def test_an_error_of_a_stage_reaches_the_coroutine():
    def brittle(frame):
        raise KeyError("no such thing")

    async def main():
        pipeline = Pipeline(source(None), brittle)
        pipeline.start()
        await pipeline.wait_async()

    with pytest.raises(PipelineError, match="stage 'brittle' failed on frame 0"):
        run(main())
    assert not workers()


@pytest.mark.parametrize("raises", [False, True])
def test_async_with_ends_the_run(raises):
    frames = source(None)

    async def main():
        async with Pipeline(frames, lambda frame: None) as pipeline:
            pipeline.start()
            await asyncio.sleep(0.02)
            if raises:
                raise LookupError("of the block's own")
        return pipeline

    if raises:
        with pytest.raises(LookupError, match="of the block's own"):
            run(main())
    else:
        run(main()).stats().check()
    assert not workers()
    assert frames.pool.free == 32


def test_a_hanging_stage_is_named_in_a_coroutine_too():
    gate = threading.Event()

    async def main():
        pipeline = Pipeline(source(None), lambda frame: gate.wait(30) and None, watchdog=1)
        pipeline.start()
        await pipeline.wait_async()

    try:
        with pytest.raises(PipelineError, match="stage '<lambda>' hangs on frame 0"):
            run(main())
    finally:
        gate.set()


def test_a_window_is_served_by_the_loop_and_may_end_the_run():
    class Window(NullSink):
        pumped = 0

        def pump(self):
            self.pumped += 1
            self.thread = threading.get_ident()
            return self.pumped < 5

    async def main():
        window = Window()
        pipeline = Pipeline(source(None), window)
        pipeline.start()
        await pipeline.wait_async()
        return window

    assert run(main()).thread == threading.get_ident()


def test_a_limit_of_time_is_kept_in_a_coroutine():
    async def main():
        pipeline = Pipeline(source(None), NullSink("end"))
        pipeline.start(seconds=0.05)
        await pipeline.wait_async()
        return pipeline.stats()

    run(main()).check()


def test_the_camera_is_free_after_a_cancelled_task():
    async def main(camera):
        async with asyncio.TaskGroup() as group:
            pipeline = Pipeline(camera, lambda frame: None)
            pipeline.start()
            task = group.create_task(pipeline.wait_async())
            await asyncio.sleep(0.05)
            task.cancel()

    with camkit.SyntheticCamera(fps=200, size=(64, 48)) as camera:
        run(main(camera))
        assert Pipeline(camera, lambda frame: None).run(frames=3).frames.delivered == 3
