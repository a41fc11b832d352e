"""Which way into memory is tried, and what is told of the others."""

from __future__ import annotations

import errno
import sys

import pytest

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="V4L2 is of Linux")

from camkit.camera_capture._v4l2.io import CAN, DMABUF, MMAP, USERPTR, WAYS, Trials, WayRefused  # noqa: E402
from camkit.errors import CameraError  # noqa: E402

EVERYTHING = sum(CAN.values())
BY_NAME = {way.name: way for way in WAYS}


def test_auto_begins_with_the_drivers_own_memory_as_dmabufs():
    trials = Trials("/dev/video0", "auto", EVERYTHING)
    assert trials.next().name == "expbuf" and trials.memory == "mmap"
    trials.refuse(BY_NAME["expbuf"], WayRefused(errno.EINVAL, "cannot start: export buffer 0: no", "/dev/video0"))
    way = trials.next()
    trials.measured(way, 1.2)
    trials.taken = way
    told = trials.explain()
    assert 'io="mmap": the driver\'s own memory (cached, read in 1.2 times' in told
    assert "no expbuf: export buffer 0: no" in told and "no userptr: not needed" in told


def test_uncached_memory_is_left_for_cached_memory():
    trials = Trials("/dev/video0", "auto", CAN[MMAP] | CAN[USERPTR])
    with pytest.raises(WayRefused, match="not cached: 30 times as slow") as caught:
        trials.measured(trials.next(), 30.0)
    trials.refuse(BY_NAME["expbuf"], caught.value)
    way = trials.next()
    assert way.name == "userptr", "mmap is the same memory"
    trials.measured(way, 1.0)
    trials.taken = way
    assert "no expbuf: not cached: 30 times as slow to read as our own" in trials.explain()


def test_uncached_memory_is_taken_when_there_is_no_other():
    trials = Trials("/dev/video0", "auto", CAN[MMAP] | CAN[USERPTR])
    first = trials.next()
    with pytest.raises(WayRefused) as caught:
        trials.measured(first, 30.0)
    trials.refuse(first, caught.value)
    trials.refuse(trials.next(), WayRefused(errno.EFAULT, "cannot start: lend buffer 0 to the driver: no", "x"))
    again = trials.next()
    assert again is first
    trials.measured(again, 30.0)
    trials.taken = again
    assert "uncached, read in 30.0 times the time" in trials.explain()


def test_uncached_memory_is_taken_when_it_was_asked_for():
    trials = Trials("/dev/video0", "mmap", EVERYTHING)
    trials.measured(trials.next(), 30.0)


def test_nothing_left_raises_what_stood_in_the_way_of_the_first():
    trials = Trials("/dev/video0", "userptr", EVERYTHING)
    trials.refuse(trials.next(), WayRefused(errno.EFAULT, "cannot start: lend buffer 0: Bad address", "/dev/video0"))
    with pytest.raises(CameraError, match='lend buffer 0: Bad address with io="userptr"; io="auto"') as caught:
        trials.next()
    assert caught.value.errno == errno.EFAULT
    trials.begin()
    assert trials.next().name == "userptr", "another stream tries again"


def test_what_the_driver_says_it_cannot_is_refused_at_once():
    with pytest.raises(CameraError, match='io="userptr": the driver takes mmap and dmabuf buffers only'):
        Trials("/dev/video0", "userptr", CAN[MMAP] | CAN[DMABUF])
    assert Trials("/dev/video0", "userptr", 0).next().name == "userptr", "an old driver does not say"
