"""FramePool: fixed slots, alignment, arguments, exhaustion, closing, threads."""

import dataclasses
import json
import random
import threading

import numpy as np
import pytest

from camkit.camera_capture import SyntheticCamera
from camkit.errors import PoolExhausted
from camkit.memory_manager import FramePool, PoolStats


@pytest.mark.parametrize("alignment", [1 << n for n in range(6, 22)])
def test_every_slot_is_aligned(alignment):
    pool = FramePool(3, 1000, alignment=alignment)
    frames = [pool.acquire() for _ in range(3)]
    addresses = [frame.array.ctypes.data for frame in frames]
    assert all(address % alignment == 0 for address in addresses)
    addresses.sort()
    assert all(b - a >= 1000 for a, b in zip(addresses, addresses[1:], strict=False)), "slots overlap"


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"slots": 0, "slot_bytes": 1}, ValueError, "slots is 0, not from 1"),
        ({"slots": 1 << 20, "slot_bytes": 1}, ValueError, "slots is 1048576"),
        ({"slots": 1.5, "slot_bytes": 1}, TypeError, "slots is a float"),
        ({"slots": True, "slot_bytes": 1}, TypeError, "slots is a bool"),
        ({"slots": 1}, ValueError, "needs slot_bytes"),
        ({"slots": 1, "slot_bytes": 0}, ValueError, "slot_bytes is 0"),
        ({"slots": 1, "slot_bytes": 64, "alignment": 32}, ValueError, "alignment is 32"),
        ({"slots": 1, "slot_bytes": 64, "alignment": 96}, ValueError, "not a power of two"),
        ({"slots": 1, "slot_bytes": 64, "alignment": 1 << 22}, ValueError, "alignment is 4194304"),
        ({"slots": 1, "slot_bytes": 64, "size": (2, 2)}, ValueError, "need a format"),
        ({"slots": 1, "format": "YUYV"}, ValueError, "needs a size"),
        ({"slots": 1, "format": "YUYV", "size": (0, 4)}, ValueError, "width is 0"),
        ({"slots": 1, "format": "YUYV", "size": (4, -4)}, ValueError, "height is -4"),
        ({"slots": 1, "format": "YUYV", "size": (3, 4)}, ValueError, "multiple of 2"),
        ({"slots": 1, "format": "NV12", "size": (4, 3)}, ValueError, "its height of 2"),
        ({"slots": 1, "format": "YUYV", "size": "640x480"}, TypeError, "not \\(width, height\\)"),
        ({"slots": 1, "format": "YUYV", "size": 640}, TypeError, "not \\(width, height\\)"),
        ({"slots": 1, "format": "YUYV", "size": (4, 4), "stride": 7}, ValueError, "stride is 7, not from 8"),
        ({"slots": 1, "format": "Y16", "size": (4, 4), "stride": 9}, ValueError, "cannot have a stride of 9"),
        ({"slots": 1, "format": "YUYV", "size": (4, 4), "slot_bytes": 31}, ValueError, "needs 32 bytes"),
        ({"slots": 1, "format": "MJPG", "size": (4, 4)}, ValueError, "the pool needs slot_bytes"),
        ({"slots": 1, "slot_bytes": 1 << 40}, MemoryError, "cannot allocate 1 slots of 1099511627776 bytes"),
    ],
)
def test_bad_arguments_say_what_is_wrong(arguments, error, words):
    with pytest.raises(error, match=words):
        FramePool(**arguments)


def test_exhaustion_is_an_error_and_every_slot_comes_back():
    pool = FramePool(2, 64)
    first, second = pool.acquire(), pool.acquire()
    assert pool.free == 0
    with pytest.raises(PoolExhausted, match="no free slot in a pool of 2") as caught:
        pool.acquire()
    assert isinstance(caught.value, BufferError)
    slot = first.slot
    first.close()
    assert pool.acquire().slot == slot
    del second
    stats = pool.stats()
    assert (stats.free, stats.high_water, stats.exhausted, stats.misuses) == (2, 2, 1, 0)
    assert stats.acquired == stats.released == 3


def test_statistics_are_an_object_that_cannot_change():
    pool = FramePool(3, 64)
    frames = [pool.acquire(), pool.acquire()]
    stats = pool.stats()
    assert isinstance(stats, PoolStats)
    assert stats == PoolStats(3, 64, free=1, in_use=2, high_water=2, acquired=2, released=0, exhausted=0, misuses=0)
    assert json.loads(json.dumps(stats.as_dict())) == dataclasses.asdict(stats)
    with pytest.raises(dataclasses.FrozenInstanceError):
        stats.free = 3
    pool.close()
    del frames[0]
    after = pool.stats()
    assert (after.free, after.in_use, after.released) == (0, 1, 1), "a closed pool can still be asked"


def test_a_slot_says_nothing_of_its_last_picture():
    pool, other = FramePool(1, format="GREY", size=(4, 4)), SyntheticCamera(format="GREY", size=(64, 32))
    with other:
        colourful = other.read()
    first = pool.acquire(like=colourful)
    assert first.colour == colourful.colour != ("unknown",) * 4 and first.sequence == colourful.sequence
    del first
    again = pool.acquire()
    assert again.colour == ("unknown",) * 4 and again.sequence == 0
    assert again.clock == "monotonic" and again.stamp == "unknown"


def test_closing_is_harmless_and_final():
    pool = FramePool(2, 64)
    frame = pool.acquire()
    pool.close()
    pool.close()
    assert pool.closed and pool.free == 0 and "closed" in repr(pool)
    for use in (pool.acquire, pool.explain, lambda: pool.fd):
        with pytest.raises(ValueError, match="the pool is closed"):
            use()
    frame.array[:] = 1
    frame.close()
    assert pool.free == 0 and pool.stats().in_use == 0


def test_a_pool_that_was_never_made_can_be_dropped():
    for arguments in ({}, {"slots": 1, "slot_bytes": 64, "backing": "magic"}, {"slots": -1}):
        with pytest.raises((TypeError, ValueError)):
            FramePool.__new__(FramePool, **arguments)


def test_closing_while_others_take_and_give():
    """However they meet, each thread gets a frame, PoolExhausted or the word that the pool is closed."""
    for _ in range(30):
        pool, odd = FramePool(3, 64), []

        def work(pool=pool, odd=odd):
            for _ in range(200):
                try:
                    with pool.acquire() as frame:
                        frame.array[0] = 1
                except PoolExhausted:
                    continue
                except ValueError as error:
                    odd.extend([] if str(error) == "the pool is closed" else [error])
                    return

        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        pool.close()
        for thread in threads:
            thread.join()
        assert not odd and pool.stats().in_use == 0


def test_frames_outlive_their_pool():
    pool = FramePool(1, format="GREY", size=(64, 48))
    view = pool.acquire().array
    view[:] = 9
    pool.close()
    with pytest.raises(ValueError, match="the pool is closed"):
        pool.acquire()
    del pool
    assert int(view.sum()) == 9 * 64 * 48


def test_like_copies_when_and_which_but_not_the_pixels():
    pool = FramePool(2, format="GREY", size=(4, 4))
    old = pool.acquire()
    old.array[:] = 5
    new = pool.acquire(like=old)
    assert (new.timestamp_ns, new.sequence, new.colour) == (old.timestamp_ns, old.sequence, old.colour)
    with pytest.raises(ValueError, match="the frame is closed"):
        old.close()
        pool.acquire(like=old)


def test_a_pool_is_a_context_manager():
    with FramePool(1, 64) as pool:
        assert len(pool) == 1
    assert pool.closed


def test_threads_take_and_return_slots_without_loss():
    pool, errors = FramePool(8, 64), []

    def work(seed):
        chance, held = random.Random(seed), []
        for turn in range(3000):
            if held and chance.random() < 0.5:
                array, mark = held.pop(chance.randrange(len(held)))
                if not (array == mark).all():
                    errors.append("a slot was lent twice")
            else:
                try:
                    array = pool.acquire().array
                except PoolExhausted:
                    continue
                mark = np.uint8((seed * 31 + turn) % 251)
                array[:] = mark
                held.append((array, mark))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stats = pool.stats()
    assert not errors
    assert stats.free == 8
    assert stats.acquired == stats.released > 1000


def test_a_picture_whose_slots_would_overflow_an_address_is_refused():
    # 65536 slots of a little more than 2**48 bytes are a little more than 2**64 in all.
    with pytest.raises(ValueError, match="slot_bytes is 281474976841728, not from 1 to"):
        FramePool(65536, format="NV12", size=(65536, 65536), stride=2863311532, prefault=False)
