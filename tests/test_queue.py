"""FrameQueue: order, policies, ends, and who owns the frames."""

import signal
import threading
import time

import pytest

from camkit.memory_manager import FramePool
from camkit.performance_core import FrameQueue
from camkit.performance_core._queue import POLICIES


@pytest.fixture
def pool():
    return FramePool(8, format="GREY", size=(8, 4))


def marked(pool, mark):
    frame = pool.acquire()
    frame.array[:] = mark
    return frame


def mark_of(frame):
    return int(frame.array[0, 0])


def test_frames_come_out_in_order_and_the_queue_owns_them(pool):
    queue = FrameQueue(3)
    for i in range(3):
        assert queue.put(marked(pool, i))
    assert len(queue) == 3
    assert pool.free == 5
    assert [mark_of(queue.get()) for _ in range(3)] == [0, 1, 2]
    assert pool.free == 8


@pytest.mark.parametrize("depth", [1, 2, 3, 5])
def test_a_full_queue_times_out_under_block_and_keeps_what_it_has(pool, depth):
    queue = FrameQueue(depth, "block")
    for i in range(depth):
        queue.put(marked(pool, i))
    with pytest.raises(TimeoutError, match=f"no room in a queue of {depth}"):
        queue.put(marked(pool, 99), timeout=0.01)
    assert pool.free == 8 - depth
    assert mark_of(queue.get()) == 0


def test_drop_newest_refuses_and_releases(pool):
    queue = FrameQueue(2, "drop_newest")
    assert [queue.put(marked(pool, i)) for i in range(4)] == [True, True, False, False]
    assert pool.free == 6
    assert [mark_of(queue.get()) for _ in range(2)] == [0, 1]


def test_drop_oldest_makes_room_and_releases(pool):
    queue = FrameQueue(3, "drop_oldest")
    assert all(queue.put(marked(pool, i)) for i in range(7))
    assert len(queue) == queue.depth == 3
    assert pool.free == 5
    assert [mark_of(queue.get()) for _ in range(3)] == [4, 5, 6]
    with pytest.raises(TimeoutError, match="no frame came"):
        queue.get(timeout=0.01)
    assert pool.free == 8


def test_latest_keeps_the_newest_only(pool):
    queue = FrameQueue(4, "latest")
    for i in range(4):
        queue.put(marked(pool, i))
    assert len(queue) == queue.depth == 1
    assert pool.free == 7
    assert mark_of(queue.get()) == 3
    with pytest.raises(TimeoutError, match="no frame came"):
        queue.get(timeout=0.01)


@pytest.mark.parametrize("policy", POLICIES)
def test_close_lets_the_rest_out_then_ends(pool, policy):
    queue = FrameQueue(2, policy)
    queue.put(marked(pool, 7))
    queue.close()
    assert mark_of(queue.get()) == 7
    assert queue.get() is None
    assert queue.get(timeout=0) is None


def test_close_and_abort_wake_a_waiting_consumer(pool):
    for end in (FrameQueue.close, FrameQueue.abort):
        queue, got = FrameQueue(), []
        thread = threading.Thread(target=lambda queue=queue, got=got: got.append(queue.get()))
        thread.start()
        time.sleep(0.02)
        end(queue)
        thread.join(200)
        assert got == [None]


def test_abort_wakes_a_waiting_producer_and_the_frames_come_back(pool):
    errors = []

    def produce(queue):
        try:
            queue.put(marked(pool, 1))
        except ValueError as error:
            errors.append(str(error))

    def scene():
        queue = FrameQueue(1)
        queue.put(marked(pool, 0))
        thread = threading.Thread(target=produce, args=(queue,))
        thread.start()
        time.sleep(0.02)
        queue.abort()
        thread.join(200)

    scene()
    assert errors == ["the queue is aborted"]
    assert pool.free == 8


@pytest.mark.parametrize("wait", ["park", "spin"])
@pytest.mark.parametrize("policy", POLICIES)
def test_two_threads_lose_nothing_unaccounted(policy, wait):
    pool, queue, got = FramePool(8, 8), FrameQueue(2, policy, wait), []
    # Where others want the CPUs too, a thread that spins keeps its own peer waiting.
    sent, refused = (3000 if wait == "park" else 200), 0
    assert queue.wait == wait

    def consume():
        while (frame := queue.get()) is not None:
            got.append(int(frame.array.view("<u8")[0]))

    thread = threading.Thread(target=consume)
    thread.start()
    for i in range(sent):
        frame = pool.acquire()
        frame.array.view("<u8")[0] = i
        refused += not queue.put(frame)
    queue.close()
    thread.join(200)
    assert got == sorted(set(got)), "in order, none twice"
    if policy in ("drop_oldest", "latest"):
        assert got[-1] == sent - 1
        assert refused == 0
    else:
        assert len(got) == sent - refused
    assert policy != "block" or refused == 0
    del frame
    assert pool.free == 8


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"depth": 0}, ValueError, "depth is 0"),
        ({"depth": 5000}, ValueError, "depth is 5000"),
        ({"wait": "sleep"}, ValueError, "wait is 'sleep', not one of park, spin"),
        ({"policy": "newest"}, ValueError, "policy is 'newest', not one of block, drop_newest, drop_oldest, latest"),
    ],
)
def test_bad_arguments(arguments, error, words):
    with pytest.raises(error, match=words):
        FrameQueue(**arguments)


def test_bad_calls(pool):
    queue = FrameQueue()
    with pytest.raises(TypeError):
        queue.put(None)
    with pytest.raises(TypeError):
        queue.put("frame")
    with pytest.raises(ValueError, match="timeout is -1"):
        queue.get(timeout=-1)
    closed = pool.acquire()
    closed.close()
    with pytest.raises(ValueError, match="the frame is closed"):
        queue.put(closed)


@pytest.mark.parametrize("side", ["put", "get"])
def test_a_second_thread_on_one_side_is_refused(pool, side):
    queue = FrameQueue(1)
    if side == "put":
        queue.put(marked(pool, 0))
    call = (lambda: queue.put(marked(pool, 1))) if side == "put" else queue.get
    answers = []

    def use():
        try:
            answers.append(call())
        except RuntimeError as error:
            answers.append(error)

    threads = [threading.Thread(target=use) for _ in range(2)]
    for thread in threads:
        thread.start()
    while not answers:
        time.sleep(0.001)
    if side == "put":
        queue.get()
    else:
        queue.put(marked(pool, 2))
    for thread in threads:
        thread.join()
    assert "another thread is" in str(answers[0])
    assert not isinstance(answers[1], Exception)
    answers.clear()
    queue.close()
    while queue.get() is not None:
        pass
    assert pool.free == 8


def test_nothing_is_put_into_a_closed_queue(pool):
    queue = FrameQueue()
    queue.close()
    with pytest.raises(ValueError, match="the queue is closed"):
        queue.put(marked(pool, 0))
    assert pool.free == 8


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="the platform has no timer signals")
def test_a_signal_that_ends_a_wait_leaves_no_frame_behind(pool):
    queue = FrameQueue(1)
    queue.put(marked(pool, 0))

    def interrupt(number, stack):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            queue.put(marked(pool, 1))
    finally:
        signal.signal(signal.SIGALRM, before)
    assert pool.free == 7
    queue.get()
    queue.put(marked(pool, 2), timeout=1)
