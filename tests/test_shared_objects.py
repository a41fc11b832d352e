"""Objects that several Python threads use at once: nothing is given back twice, lost or read after its end.

Short here. `make free-threaded` runs it for longer on an interpreter without a GIL, where nothing serialises threads;
which modules declare that they need none depends on that run.
"""

import contextlib
import os
import sys
import sysconfig
import threading
import time

import numpy
import pytest

import camkit
from camkit.performance_core import FrameQueue

SECONDS = float(os.environ.get("CAMKIT_STRESS_SECONDS", "0.2"))
THREADS = 4


@pytest.fixture(autouse=True)
def switch_often():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def together(*bodies, seconds=SECONDS, enough=lambda: True):
    """Call each body over and over, once at least, in a thread of its own; raise what any of them raises.

    For so many seconds, and until it is `enough`.
    """
    until, errors = time.monotonic() + seconds, []
    start = threading.Barrier(len(bodies))

    def work(body):
        try:
            start.wait()
            body()
            while (time.monotonic() < until or not enough()) and not errors:
                body()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(body,)) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def whole(pool):
    return pool.free == len(pool) and pool.stats().misuses == 0


def test_an_interpreter_without_a_gil_runs_without_one():
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        assert not sys._is_gil_enabled(), "a module that is not declared free-threading compatible switched the GIL on"


def test_one_frame_is_closed_once_whoever_does_it():
    pool = camkit.FramePool(8, format="GREY", size=(64, 8))
    shared = [pool.acquire()]

    def close():
        frame = shared[0]
        with contextlib.suppress(BufferError):
            frame.close()

    def read():
        frame = shared[0]
        try:
            assert frame.array.shape == (8, 64)
            assert len(bytes(memoryview(frame))) == 64 * 8
            numpy.from_dlpack(frame)
            repr(frame), frame.sequence, frame.planes
        except (ValueError, BufferError) as error:
            assert "closed" in str(error)

    def renew():
        try:
            shared[0] = pool.acquire()
        except camkit.PoolExhausted:
            time.sleep(0)

    together(close, close, read, read, renew)
    shared[0].close()
    assert whole(pool)


def test_views_come_and_go_in_all_threads():
    pool = camkit.FramePool(2, format="GREY", size=(64, 8))
    frame = pool.acquire()
    frame.array[:] = 7

    def view():
        views = [frame.array, memoryview(frame), numpy.from_dlpack(frame)]
        assert all(numpy.asarray(one).sum() == 7 * 64 * 8 for one in views)

    together(*[view] * THREADS)
    frame.close()
    assert whole(pool)


def test_frames_are_taken_from_one_pool_and_given_back():
    pool = camkit.FramePool(6, format="GREY", size=(64, 8))

    def use(mark):
        def body():
            try:
                with pool.acquire() as frame:
                    pixels = frame.array
                    pixels[:] = mark
                    assert (pixels == mark).all(), "another thread has the same slot"
                    del pixels
            except camkit.PoolExhausted:
                pass
            pool.stats()

        return body

    together(*[use(mark) for mark in range(1, THREADS * 2 + 1)])
    assert whole(pool)


def test_a_pool_is_closed_while_it_is_used():
    for _ in range(max(3, int(20 * SECONDS))):
        pool = camkit.FramePool(4, format="GREY", size=(64, 8))
        closed = threading.Event()

        def use(pool=pool):
            with contextlib.suppress(ValueError, camkit.PoolExhausted):
                pool.acquire().close()

        def close(pool=pool, closed=closed):
            time.sleep(0.002)
            pool.close()
            closed.set()

        together(use, use, close, seconds=0.01)


@pytest.mark.parametrize("policy", ["block", "drop_newest", "drop_oldest", "latest"])
def test_a_queue_serves_one_on_each_side_and_refuses_the_others(policy):
    pool = camkit.FramePool(16, format="GREY", size=(64, 8))
    queues = [FrameQueue(3, policy)]
    got, lock = [], threading.Lock()

    def put():
        try:
            with pool.acquire() as frame:
                queues[0].put(frame, timeout=0.01)
        except (RuntimeError, TimeoutError, camkit.PoolExhausted):
            pass

    def get():
        try:
            with queues[0].get(timeout=0.01) as frame, lock:
                got.append(frame.slot)
        except (RuntimeError, TimeoutError):
            pass

    together(put, put, get, get, enough=lambda: got)
    queues.pop().abort()
    assert whole(pool)


def test_a_pipeline_is_asked_by_all_while_it_runs():
    with camkit.SyntheticCamera(size=(64, 48), format="GREY", realtime=False) as camera:
        pipeline = camkit.Pipeline(camera, lambda frame: None, policy="drop_oldest")
        pipeline.start()
        together(pipeline.stats, pipeline.explain, lambda: repr(pipeline), lambda: camera.stats())
        together(*[pipeline.stop] * THREADS, seconds=0.01)
        stats = pipeline.stats()
    assert stats.frames.captured == stats.frames.delivered + stats.frames.dropped.total
