"""Who holds the slots of a pool: told when none is left, and when one is not back."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from camkit.errors import CamkitWarning, LeakWarning, PoolExhausted
from camkit.memory_manager import FramePool, SlotHolder


@pytest.fixture(autouse=True)
def switch(monkeypatch):
    monkeypatch.delenv("CAMKIT_DEBUG_LEAKS", raising=False)


def keeper(pool):
    return pool.acquire()


def test_an_exhausted_pool_tells_who_has_its_slots():
    pool = FramePool(3, 64)
    frame, view = pool.acquire(), pool.acquire().array
    tensor = np.from_dlpack(pool.acquire())
    words = "no free slot in a pool of 3: 2 held by Python frames and views of them \\(the longest for 0.0 s\\), 1 by "
    with pytest.raises(PoolExhausted, match=words) as caught:
        pool.acquire()
    assert "CAMKIT_DEBUG_LEAKS=1 tells where" in str(caught.value)
    holders = caught.value.holders
    assert [(h.slot, h.references, h.leases) for h in holders] == [(0, 1, 1), (1, 1, 1), (2, 1, 0)]
    assert all(0 <= h.held_s < 60 and h.taken is None for h in holders)
    assert pool.stats().exhausted == 1
    del view, tensor
    assert [holder.slot for holder in pool.holders()] == [frame.slot]
    frame.close()
    assert pool.holders() == ()


def test_references_of_one_slot_are_told_apart():
    pool = FramePool(1, 64)
    frame = pool.acquire()
    capsule = frame.__dlpack__()
    (holder,) = pool.holders()
    assert isinstance(holder, SlotHolder) and (holder.references, holder.leases) == (2, 1)
    frame.close()
    (holder,) = pool.holders()
    assert (holder.references, holder.leases) == (1, 0)
    assert str(holder).startswith("slot 0: 1 reference(s), 0 of them Python frames, held for ")
    del capsule
    assert pool.holders() == ()


def test_nothing_is_said_where_nobody_watches():
    pool = FramePool(2, 64)
    frame = keeper(pool)
    assert pool.holders()[0].taken is None
    pool.close()  # a warning would be an error here
    frame.close()


def test_a_watched_pool_says_where_a_slot_was_taken():
    pool = FramePool(2, 64, debug=True)
    frame = keeper(pool)
    pool.acquire().close()
    with pytest.warns(LeakWarning, match="2 x 64 bytes> was closed with 1 of 2 slots in use\nslot 0") as told:
        pool.close()
    words = str(told[0].message)
    assert "thread 'MainThread' at" in words and "in keeper" in words and "return pool.acquire()" in words
    assert issubclass(LeakWarning, CamkitWarning) and issubclass(CamkitWarning, RuntimeWarning)
    pool.close()  # told once
    frame.close()


def test_a_watched_pool_whose_slots_are_back_is_quiet():
    with FramePool(2, 64, debug=True) as pool:
        keeper(pool).close()
    pool = FramePool(2, 64, debug=True)
    keeper(pool).close()
    del pool


def test_a_dropped_pool_is_told_of_too():
    pool = FramePool(2, 64, debug=True)
    frame = keeper(pool)
    with pytest.warns(LeakWarning, match="was dropped with 1 of 2 slots in use"):
        del pool
    frame.close()


def test_the_taking_thread_is_named():
    pool, frames = FramePool(2, 64, debug=True), []
    thread = threading.Thread(target=lambda: frames.append(keeper(pool)), name="a stage")
    thread.start()
    thread.join()
    assert "thread 'a stage' at" in pool.holders()[0].taken
    frames.append(pool.acquire())
    with pytest.raises(PoolExhausted, match="slot 0: 1 reference.*\n.*thread 'a stage'|thread 'a stage'") as caught:
        pool.acquire()
    assert "slot 1: 1 reference(s)" in str(caught.value) and "CAMKIT_DEBUG_LEAKS" not in str(caught.value)
    frames.clear()


@pytest.mark.parametrize(("value", "watched"), [("1", True), ("yes", True), ("0", False), ("", False)])
def test_the_environment_turns_it_on(monkeypatch, value, watched):
    monkeypatch.setenv("CAMKIT_DEBUG_LEAKS", value)
    pool, deaf = FramePool(1, 64), FramePool(1, 64, debug=False)
    frames = pool.acquire(), deaf.acquire()
    assert (pool.holders()[0].taken is not None, deaf.holders()[0].taken) == (watched, None)
    del frames


def test_a_copy_is_no_leak_of_a_pool(monkeypatch):
    monkeypatch.setenv("CAMKIT_DEBUG_LEAKS", "1")
    with FramePool(1, format="GREY", size=(4, 4)) as pool, pool.acquire() as frame:
        copy = frame.copy()
    assert copy.array.shape == (4, 4)


def test_a_pool_whose_report_is_an_error_is_closed_all_the_same():
    pool = FramePool(1, 64, debug=True)
    frame = pool.acquire()
    with pytest.raises(LeakWarning, match="was closed"):
        pool.close()
    assert pool.closed and pool.free == 0
    frame.close()


NATIVE_TAKER = """
import camkit
camera = camkit.open("synthetic", buffers=3, on_exhausted="copy", realtime=False, frames=5)
kept = []
camkit.Pipeline(camera, lambda frame: kept.append(frame)).run()
assert any(frame.copied for frame in kept)
camera.close()
"""


def test_the_end_of_the_interpreter_and_native_takers_are_told_of():
    environment = {**os.environ, "CAMKIT_DEBUG_LEAKS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", NATIVE_TAKER], capture_output=True, text=True, timeout=200, env=environment
    )
    assert done.returncode == 0 and done.stdout == ""
    assert "LeakWarning: <FramePool 3 x " in done.stderr and "of 3 slots in use" in done.stderr
    assert "taken by thread 'camkit" in done.stderr, "the pipeline's thread took the copies"


def test_a_pool_left_to_the_end_is_told_of():
    body = "import camkit\npool = camkit.FramePool(2, 64)\nframe = pool.acquire()\n"
    environment = {**os.environ, "CAMKIT_DEBUG_LEAKS": "1"}
    done = subprocess.run([sys.executable, "-c", body], capture_output=True, text=True, timeout=200, env=environment)
    assert done.returncode == 0
    assert "was left to the end of the interpreter with 1 of 2 slots in use" in done.stderr
    assert done.stderr.count("slot 0:") == 1
