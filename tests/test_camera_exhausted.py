"""What happens to frames when the reader keeps too many, and a wait that Ctrl-C ends."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from camkit.camera_capture import (
    Camera,
    SyntheticCamera,
    read_stamp,
)
from camkit.errors import CameraTimeout, PoolExhausted
from camkit.performance_core import Drops
from tests.cameras import balanced, fast


@pytest.mark.parametrize(("buffers", "kept"), [(2, 1), (3, 2), (4, 2), (8, 6), (32, 30)])
def test_frames_beyond_what_the_camera_can_spare_are_copies(buffers: int, kept: int) -> None:
    with fast(buffers=buffers) as camera:
        held = [camera.read() for _ in range(kept + buffers)]
        assert [frame.copied for frame in held] == [False] * kept + [True] * buffers
        assert [frame.sequence for frame in held] == list(range(kept + buffers))
        assert all(frame.readonly != frame.copied for frame in held)
        stats = camera.stats()
        assert stats.copies == buffers and stats.copied_bytes == buffers * 64 * 32 * 2
        assert stats.taken == kept + buffers and balanced(camera)
        # Copies keep all that describes a frame, and the picture.
        assert [read_stamp(frame) for frame in held] == [(frame.sequence, frame.timestamp_ns) for frame in held]
        assert {frame.generation for frame in held} == {1} and {frame.colour for frame in held} == {held[0].colour}
        assert f"{buffers} copied because" in camera.explain()
        del held[:]
        assert not camera.read().copied


def test_when_the_copies_are_used_up_frames_are_dropped_and_counted() -> None:
    with SyntheticCamera((64, 32), fps=500, buffers=4) as camera:
        held = [camera.read() for _ in range(6)]
        while not camera.stats().dropped.pool:
            with pytest.raises(CameraTimeout):
                camera.read(timeout=0.05)
        assert balanced(camera)
        last = held.pop().sequence
        frame = camera.read()
        assert frame.copied and frame.gap == frame.sequence - last - 1 > 0
        assert balanced(camera)


def test_policy_drop() -> None:
    with SyntheticCamera((64, 32), fps=500, buffers=4, on_exhausted="drop") as camera:
        held = [camera.read(), camera.read()]
        while camera.stats().dropped.pool < 5:
            with pytest.raises(CameraTimeout):
                camera.read(timeout=0.05)
        stats = camera.stats()
        assert stats.taken == 2 and stats.copies == 0 and balanced(camera)
        last = held.pop().sequence
        frame = camera.read()
        assert not frame.copied and frame.gap == frame.sequence - last - 1 > 0
        assert balanced(camera)


def read_until_closed(camera: Camera) -> None:
    """Read on, however often it stalls before somebody closes it."""
    with pytest.raises(ValueError, match="closed"):
        while True:
            with contextlib.suppress(CameraTimeout):
                camera.read()


def test_policy_drop_without_real_time_still_ends() -> None:
    with fast(buffers=4, on_exhausted="drop", timeout=0.1) as camera:
        held = [camera.read(), camera.read()]
        with pytest.raises(CameraTimeout, match="the caller holds 2 of 4 buffers: close frames"):
            camera.read()
        assert balanced(camera) and len(held) == 2
        timer = threading.Timer(0.02, camera.close)
        timer.start()
        read_until_closed(camera)
        timer.join()


def test_policy_raise() -> None:
    with fast(buffers=4, on_exhausted="raise") as camera:
        held = [camera.read(), camera.read()]
        with pytest.raises(PoolExhausted, match=r"no buffer for frame 2 .* holds 2 of 4 .* close frames earlier"):
            camera.read()
        assert camera.stats().dropped == Drops(pool=1) and balanced(camera)
        held.pop()
        frame = camera.read()
        assert (frame.sequence, frame.gap) == (3, 1)


def test_policy_block() -> None:
    with fast(buffers=4, on_exhausted="block", timeout=None) as camera:
        held = [camera.read(), camera.read()]
        with pytest.raises(CameraTimeout):
            camera.read(timeout=0.02)
        assert camera.stats().captured == 2
        threading.Timer(0.05, held.pop).start()
        frame = camera.read()
        assert (frame.sequence, frame.gap) == (2, 0) and len(held) == 1
        assert camera.stats().dropped == Drops() and balanced(camera)


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's /proc")
def test_policy_block_sleeps_until_it_is_woken() -> None:
    def woken() -> int:
        text = Path(f"/proc/self/task/{reader.native_id}/status").read_text()
        return int(text.split("voluntary_ctxt_switches:")[1].split()[0])

    with fast(buffers=4, on_exhausted="block", timeout=None) as camera:
        held = [camera.read(), camera.read()]
        reader = threading.Thread(target=camera.read)
        reader.start()
        time.sleep(0.1)
        begun, before = time.monotonic(), woken()
        time.sleep(1)
        more = woken() - before
        # Ten times a second it looks for Python's signals.
        assert more < 20 + 30 * (time.monotonic() - begun)
        held.clear()
        reader.join()


def test_policy_block_with_nobody_to_give_a_frame_back() -> None:
    with fast(buffers=4, on_exhausted="block", timeout=0.05) as camera:
        held = [camera.read(), camera.read()]
        with pytest.raises(CameraTimeout, match="the caller holds 2 of 4 buffers: close frames"):
            camera.read()
        threading.Timer(0.02, camera.close).start()
        read_until_closed(camera)
        assert len(held) == 2


@pytest.mark.parametrize("policy", ["copy", "drop", "block"])
def test_losses_of_every_kind_add_up(policy: str) -> None:
    options = {"drop": 0.1, "damage": 0.1, "seed": 3}
    with fast(frames=2000, on_exhausted=policy, first_sequence=2**32 - 1000, **options) as camera:
        previous, held, lost = None, [], 0
        for frame in camera:
            if previous is not None:
                assert frame.gap == frame.sequence - previous - 1
                lost += frame.gap
            previous = frame.sequence
            held.append(frame)
            if len(held) == 2 + (policy == "copy"):
                held.clear()
            del frame
        stats = camera.stats()
        assert balanced(camera) and stats.dropped.driver > 100 and stats.dropped.corrupt > 100
        assert (stats.copies > 0) == (policy == "copy")
        assert stats.dropped.pool == 0 and stats.taken > 1500 and lost > 200


@pytest.mark.skipif(os.name != "posix", reason="signals are sent to a process here")
@pytest.mark.parametrize("policy", ["copy", "block"])
def test_ctrl_c_ends_a_wait(policy: str) -> None:
    program = f"""
import camkit.camera_capture as c
options = dict(delay={{1: 3600}}) if {policy!r} == "copy" else dict(realtime=False)
camera = c.SyntheticCamera((64, 32), timeout=None, on_exhausted={policy!r}, **options)
held = [camera.read() for _ in range({1 if policy == "copy" else 2})]
try:
    print("waiting", flush=True)
    camera.read()
except KeyboardInterrupt:
    print("interrupted")
"""
    child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None and child.stdout.readline() == "waiting\n"
    time.sleep(0.05)
    child.send_signal(signal.SIGINT)
    assert child.communicate(timeout=200)[0] == "interrupted\n" and child.returncode == 0
