"""Streams: numbers, times, losses, buffers held, restarts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from camkit.errors import CameraError, CameraTimeout, PoolExhausted

SMALL = {"format": "YUYV", "size": (320, 180), "fps": 120}
WRAP = 1 << 32


def accounted(camera) -> bool:
    stats = camera.stats()
    return stats.captured == stats.taken + stats.dropped.total


def test_a_frame_tells_what_the_driver_said_of_its_buffer(any_vivid, open_camera):
    camera = open_camera(any_vivid.path, format="YUYV", size=(640, 360))
    camera.start()
    frame = camera.read()
    said = frame.driver
    assert (said.index, said.sequence, said.memory) == (frame.slot, frame.sequence, 1)
    assert said.timecode is None and said.field == 1
    if said.type == 9:  # the multi-planar API
        assert [(p.bytes_used, p.length, p.data_offset) for p in said.planes] == [(640 * 360 * 2,) * 2 + (0,)]
    else:
        assert (said.type, said.bytes_used, said.length, said.planes) == (1, 640 * 360 * 2, 640 * 360 * 2, ())
    assert frame.copy().driver == said
    assert not frame.discontinuity and frame.hardware_ns is None


@pytest.mark.smoke
def test_frames_are_numbered_and_stamped(any_vivid, open_camera):
    any_vivid.set("Timestamp Source", 1)
    camera = open_camera(any_vivid.path, format="YUYV", size=(320, 180), fps=50)
    camera.start()
    before = time.monotonic_ns()
    frames = [
        (f.sequence, f.gap, f.timestamp_ns, f.dequeue_ns, f.clock, f.stamp) for f in (camera.read() for _ in range(30))
    ]
    numbers, gaps, stamps, dequeued, clocks, moments = zip(*frames, strict=True)
    assert list(np.diff(numbers)) == [gap + 1 for gap in gaps[1:]]
    assert all(np.diff(stamps) > 0) and all(np.diff(dequeued) > 0)
    assert set(clocks) == {"monotonic"} and set(moments) == {"start_of_exposure"}
    # What the driver calls the start of the frame came before we had it, and on the clock that Python reads.
    assert all(stamp <= got for stamp, got in zip(stamps, dequeued, strict=True))
    assert stamps[0] > before - 1_000_000_000 and dequeued[-1] <= time.monotonic_ns()
    rate = (numbers[-1] - numbers[0]) / (stamps[-1] - stamps[0]) * 1e9
    assert rate == pytest.approx(50, rel=0.15)
    assert accounted(camera)


@pytest.mark.parametrize(("source", "moment"), [(0, "end_of_frame"), (1, "start_of_exposure")])
def test_the_moment_of_the_timestamp_is_told(vivid, open_camera, source, moment):
    vivid.set("Timestamp Source", source)
    camera = open_camera(vivid.path, **SMALL)
    camera.start()
    assert camera.read().stamp == camera.stream.stamp == moment
    assert {"end_of_frame": "complete", "start_of_exposure": "exposure began"}[moment] in camera.explain()


@pytest.mark.smoke
def test_frames_lost_in_the_driver_are_gaps(vivid, open_camera):
    vivid.set("Percentage of Dropped Buffers", 50)
    camera = open_camera(vivid.path, **SMALL)
    camera.start()
    frames = [(f.sequence, f.gap) for f in (camera.read() for _ in range(30))]
    stats = camera.stats()
    assert sum(gap for _, gap in frames) == stats.dropped.driver > 0
    assert [b - a for (a, _), (b, _) in zip(frames, frames[1:], strict=False)] == [gap + 1 for _, gap in frames[1:]]
    assert stats.captured == frames[-1][0] - frames[0][0] + 1
    assert accounted(camera)


def test_the_sequence_outlives_its_32_bits(vivid, open_camera):
    vivid.set("Wrap Sequence Number", 1)
    camera = open_camera(vivid.path, **{**SMALL, "fps": 60})
    camera.start()
    frames = [(f.sequence, f.gap) for f in (camera.read() for _ in range(135))]
    assert WRAP - 128 <= frames[0][0] < WRAP <= frames[-1][0]
    assert [b - a for (a, _), (b, _) in zip(frames, frames[1:], strict=False)] == [gap + 1 for _, gap in frames[1:]]
    assert accounted(camera)


@pytest.mark.parametrize(("choice", "seconds"), [(1, 9223372020), (2, 2147483632)])
def test_late_timestamps(vivid, open_camera, choice, seconds):
    vivid.set("Wrap Timestamp", choice)
    camera = open_camera(vivid.path, **SMALL)
    camera.start()
    stamps = [camera.read().timestamp_ns for _ in range(5)]
    assert 0 <= stamps[0] // 1_000_000_000 - seconds < 16
    assert all(np.diff(stamps) > 0)


def test_a_damaged_frame_is_dropped_and_counted(vivid, open_camera):
    camera = open_camera(vivid.path, **SMALL)
    camera.start()
    camera.read()
    vivid.set("Inject V4L2_BUF_FLAG_ERROR")
    frames = [camera.read() for _ in range(6)]
    assert not any(frame.corrupt for frame in frames)
    assert camera.stats().dropped.corrupt == 1
    assert sum(frame.gap for frame in frames) == 1 + camera.stats().dropped.driver
    assert accounted(camera)


def test_a_damaged_frame_is_delivered_on_request(vivid, open_camera):
    camera = open_camera(vivid.path, **SMALL, corrupt="deliver")
    camera.start()
    camera.read()
    vivid.set("Inject V4L2_BUF_FLAG_ERROR")
    assert [camera.read().corrupt for _ in range(6)].count(True) == 1
    assert camera.stats().dropped.corrupt == 0
    assert accounted(camera)


@pytest.mark.smoke
def test_who_holds_too_many_gets_copies(vivid, open_camera):
    camera = open_camera(vivid.path, **SMALL, on_exhausted="copy")
    camera.start()
    held = [camera.read() for _ in range(5)]
    assert [frame.memory for frame in held] == ["mmap"] * 2 + ["heap"] * 3
    assert [frame.copied for frame in held] == [False] * 2 + [True] * 3
    for frame in held[1:]:
        np.testing.assert_array_equal(frame.array, held[0].array)
        assert frame.timestamp_ns > held[0].timestamp_ns
    assert camera.stats().copies == 3
    assert accounted(camera)
    held.clear()
    assert camera.read().memory == "mmap"


def test_who_holds_too_many_gets_none(vivid, open_camera):
    camera = open_camera(vivid.path, **SMALL, on_exhausted="drop")
    camera.start()
    held = [camera.read(), camera.read()]
    before = camera.stats().dropped  # a busy machine may have lost frames already
    while camera.stats().dropped.pool == before.pool:
        with pytest.raises(CameraTimeout):
            camera.read(timeout=0.3)
    held.clear()
    frame = camera.read()
    after = camera.stats().dropped
    assert frame.gap == after.pool + after.driver - before.pool - before.driver > 0
    assert accounted(camera)


def test_who_holds_too_many_gets_an_exception(vivid, open_camera):
    camera = open_camera(vivid.path, **SMALL, on_exhausted="raise")
    camera.start()
    held = [camera.read(), camera.read()]
    with pytest.raises(PoolExhausted, match="holds 2 of 4"):
        camera.read()
    held.clear()
    assert camera.read().gap >= 1
    assert accounted(camera)


def test_who_holds_too_many_waits(vivid, open_camera):
    camera = open_camera(vivid.path, **SMALL, on_exhausted="block")
    camera.start()
    held = [camera.read(), camera.read()]
    with pytest.raises(CameraTimeout):
        camera.read(timeout=0.1)
    release = threading.Timer(0.05, held.clear)
    release.start()
    assert camera.read() is not None
    release.join()
    assert camera.stats().dropped.pool == 0
    assert accounted(camera)


@pytest.mark.smoke
def test_frames_outlive_their_stream_and_never_join_the_next(any_vivid, open_camera):
    camera = open_camera(any_vivid.path, **SMALL)
    camera.start()
    old = [camera.read(), camera.read()]
    kept = [frame.array.copy() for frame in old]
    camera.stop()
    assert camera.read() is None
    any_vivid.set("Test Pattern", 4)  # 100 % red: an old buffer that the driver filled again would show it
    camera.start()
    new = [camera.read() for _ in range(5)]
    for frame, copy in zip(old, kept, strict=True):
        np.testing.assert_array_equal(frame.array, copy)
        assert (frame.array != new[0].array).any()
        assert (frame.generation, new[0].generation) == (1, 2)
    # Given back late, the old buffers must not reach the new stream; it has four of its own.
    del new, frame
    old.clear()
    new = [camera.read() for _ in range(5)]
    assert {frame.generation for frame in new} == {2}
    assert sum(frame.memory == "mmap" for frame in new) == 2
    assert "frames may outlive the stream" in camera.explain()


def test_a_late_frame_of_an_old_stream_frees_no_buffer_of_the_new_one(any_vivid, open_camera):
    camera = open_camera(any_vivid.path, **SMALL, corrupt="deliver")
    camera.start()
    old = [camera.read(), camera.read()]
    camera.stop()
    camera.start()
    new = [camera.read(), camera.read()]
    # The same numbers, and both dequeued: queued by mistake, the driver would take and fill them.
    assert {frame.slot for frame in new} == {frame.slot for frame in old}
    assert not any(frame.copied for frame in new)
    any_vivid.set("Test Pattern", 4)
    kept = [frame.array.copy() for frame in new]
    old.clear()
    later = [(frame.generation, frame.slot, frame.memory) for frame in (camera.read() for _ in range(8))]
    assert {generation for generation, _, _ in later} == {2}
    assert not {slot for _, slot, memory in later if memory == "mmap"} & {frame.slot for frame in new}
    for frame, copy in zip(new, kept, strict=True):
        np.testing.assert_array_equal(frame.array, copy)
    assert accounted(camera)


def test_frames_outlive_their_camera(vivid, open_camera, open_files):
    before = open_files()
    camera = open_camera(vivid.path, **SMALL)
    camera.start()
    frame = camera.read()
    array = frame.array
    copy = array.copy()
    camera.close()
    assert open_files()[0] == before[0] + camera.stream.buffers  # the memory as dma-bufs, which lives on
    np.testing.assert_array_equal(array, copy)
    del array, frame
    assert open_files() == before


def test_many_restarts(vivid, open_camera, open_files):
    camera = open_camera(vivid.path, **SMALL)
    before = open_files()
    held = []
    for round_ in range(1, 11):
        camera.start()
        held.append(camera.read())
        assert held[-1].sequence == held[-1].driver.sequence and held[-1].generation == round_
        camera.stop()
    held.clear()
    assert open_files() == before


def test_the_driver_may_give_another_number_of_buffers(vivid, open_camera):
    for asked in (2, 3, 32):
        camera = open_camera(vivid.path, **SMALL, buffers=asked)
        camera.start()
        assert camera.read() is not None
        got = camera.stream.buffers
        assert got >= 2 and f"{asked} buffers asked for, {got} got" in camera.explain()
        camera.close()


@pytest.mark.smoke
def test_close_in_another_thread_ends_a_wait(vivid, open_camera):
    vivid.set("Percentage of Dropped Buffers", 100)
    camera = open_camera(vivid.path, **SMALL, timeout=None)
    camera.start()
    closing = threading.Timer(0.1, camera.close)
    closing.start()
    assert camera.read() is None
    closing.join()
    assert camera.closed


def test_a_signal_ends_a_wait(vivid, open_camera):
    class Alarm(Exception):
        pass

    def handler(number, frame):
        raise Alarm

    vivid.set("Percentage of Dropped Buffers", 100)
    camera = open_camera(vivid.path, **SMALL, timeout=None)
    camera.start()
    old = signal.signal(signal.SIGALRM, handler)
    try:
        with pytest.raises(Alarm):
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            camera.read()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
    vivid.set("Percentage of Dropped Buffers", 0)
    assert camera.read() is not None


def test_a_forked_child_does_no_harm(vivid, open_camera):
    camera = open_camera(vivid.path, **SMALL)
    camera.start()
    frame = camera.read()
    copy = frame.array.copy()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            assert (frame.array == copy).all()
            del frame  # only the parent's last reference gives the buffer back
            with pytest.raises(CameraError, match="open the camera here"):
                camera.read()
            camera.close()
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    vivid.set("Test Pattern", 4)
    numbers = [camera.read().sequence for _ in range(12)]
    assert numbers == sorted(set(numbers))
    np.testing.assert_array_equal(frame.array, copy)
    assert accounted(camera)


def test_a_forked_child_ends_while_its_parent_reads(vivid):
    script = f"""
import os, sys, threading
from camkit.camera_capture import open
camera = open({vivid.path!r}, timeout=None, format="YUYV", size=(320, 180), fps=120)
reader = threading.Thread(target=lambda: [camera.read().close() for _ in range(60)])
camera.read()
reader.start()
child = os.fork()
if child == 0:
    sys.exit()
assert os.waitpid(child, 0)[1] == 0
reader.join()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=800)
    assert (done.returncode, done.stderr) == (0, "")
