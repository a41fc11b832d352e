"""Clocks: the time of one on another, with a bound that holds, and a webcam's own clock."""

from __future__ import annotations

import struct
import time

import pytest

import camkit
from camkit.errors import ClockUnknown
from lab.uvc_camera.clock import CameraClock, timed_header

linux = pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="the clock is Linux's own")
IDS = {
    "monotonic": time.CLOCK_MONOTONIC,
    "realtime": time.CLOCK_REALTIME,
    "boottime": getattr(time, "CLOCK_BOOTTIME", None),
    "monotonic_raw": getattr(time, "CLOCK_MONOTONIC_RAW", None),
    "tai": getattr(time, "CLOCK_TAI", None),
}
SECOND = 1_000_000_000
PAIRS = [(a, b) for a in IDS for b in IDS if a != b]


@linux
@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_the_bound_holds(source: str, target: str) -> None:
    clocks = camkit.ClockMap(source, target)
    for _ in range(200):
        # The truth lies between two readings of the target around one of the source.
        before = time.clock_gettime_ns(IDS[target])
        moment = time.clock_gettime_ns(IDS[source])
        after = time.clock_gettime_ns(IDS[target])
        clocks.update()
        error = clocks.error_at(moment)
        assert error is not None
        assert before - error <= clocks.convert(moment) <= after + error
    assert clocks.steps == 0
    assert clocks.offset_ns == pytest.approx(before - moment, abs=60_000_000_000)


@linux
def test_clocks_of_one_source_keep_their_offset_and_readings_narrow_it_down() -> None:
    clocks = camkit.ClockMap("monotonic", "realtime")
    bounds = []
    for _ in range(1000):
        bounds.append(clocks.update().error_ns)
    assert bounds == sorted(bounds, reverse=True)
    assert clocks.rate_ppm == 0.0
    now = time.monotonic_ns()
    # Nothing adds up: a year from now the bound is the same.
    year = 365 * 86_400 * 1_000_000_000
    assert clocks.error_at(now + year) == clocks.error_ns == bounds[-1]
    assert clocks.convert(now + year) - clocks.convert(now) == year
    assert f"within {bounds[-1]} ns" in repr(clocks)


@linux
def test_clocks_that_run_apart_know_less_with_distance() -> None:
    clocks = camkit.ClockMap("monotonic", "monotonic_raw")
    now = time.monotonic_ns()
    near, far = clocks.error_at(now), clocks.error_at(now + 1_000_000_000)
    assert near is not None and far is not None and far >= near + 400_000


def test_a_moment_before_the_first_reading_has_no_bound() -> None:
    moment = time.monotonic_ns()
    clocks = camkit.ClockMap("monotonic", "realtime")
    assert clocks.error_at(moment - 1_000_000_000) is None
    assert abs(clocks.convert(moment) - time.time_ns()) < 3_600_000_000_000
    assert clocks.error_at(time.monotonic_ns()) is not None


def test_a_program_shares_one_map_of_a_pair() -> None:
    first = camkit.clock_map("monotonic", "realtime")
    assert camkit.clock_map("monotonic", "realtime") is first
    assert camkit.clock_map("realtime", "monotonic") is not first
    assert (first.source, first.target) == ("monotonic", "realtime")


@pytest.mark.parametrize("pair", [("monotonic", "sundial"), ("gpu", "monotonic"), ("", "realtime")])
def test_a_clock_that_is_not_there(pair: tuple[str, str]) -> None:
    for make in (camkit.ClockMap, camkit.clock_map):
        with pytest.raises(ValueError, match="there is no clock '.*' here, only monotonic, realtime"):
            make(*pair)


@pytest.mark.parametrize("pair", [(1, "realtime"), ("realtime", None), (b"realtime", "monotonic")])
def test_a_clock_that_is_no_name(pair: tuple[object, object]) -> None:
    with pytest.raises(TypeError):
        camkit.ClockMap(*pair)  # type: ignore[arg-type]


def test_absurd_times_are_converted_or_refused() -> None:
    clocks = camkit.clock_map("monotonic", "realtime")
    for ns in (-(2**63), -1, 0, 2**63 - 1):
        assert isinstance(clocks.convert(ns), int)
    with pytest.raises(OverflowError):
        clocks.convert(2**63)
    with pytest.raises(TypeError):
        clocks.convert("now")  # type: ignore[arg-type]


def test_a_frame_tells_its_time_on_any_clock() -> None:
    begun = time.time_ns()
    with camkit.open("synthetic", frames=3) as camera:
        frames = list(camera)
    ended = time.time_ns()
    for frame in frames:
        # As far as the clocks can be told apart at all, on a machine that may have been busy while they were read.
        assert begun - SECOND <= frame.time() <= frame.time("realtime", of="dequeue") <= ended + SECOND
        assert frame.time("monotonic") == frame.timestamp_ns
    assert frames[2].time() - frames[1].time() == frames[2].timestamp_ns - frames[1].timestamp_ns


def test_a_time_that_nobody_can_tell() -> None:
    with camkit.FramePool(1, format="GREY", size=(4, 4)).acquire() as frame:
        with pytest.raises(ClockUnknown, match="cannot tell the hardware time of frame 0 on realtime: it has none"):
            frame.time(of="hardware")
        with pytest.raises(ValueError, match="of is 'birth', not one of timestamp, hardware, dequeue"):
            frame.time(of="birth")
    with camkit.open("synthetic") as camera:
        taken = camera.read()
        with pytest.raises(ValueError, match="there is no clock 'sundial' here"):
            taken.time("sundial")
        assert isinstance(ClockUnknown(""), ValueError)
        taken.close()
        with pytest.raises(ValueError, match="the frame is closed"):
            taken.time()


def test_a_webcams_clock_as_its_headers_tell_it() -> None:
    clock = CameraClock()
    clock.run_fast(100.0)
    now = time.monotonic_ns()
    second = clock.ticks(now + 1_000_000_000) - clock.ticks(now) & 0xFFFFFFFF
    assert second == pytest.approx(48_004_800, abs=2)
    before = time.monotonic_ns()
    clock.wrap_soon()
    now = time.monotonic_ns()
    # Two seconds before its end, by a moment between those two.
    assert clock.ticks(before) > 0xF0000000 and clock.ticks(now + 3 * SECOND) < 0x10000000
    now = time.monotonic_ns()
    header = timed_header(0x81, clock, 1234)
    later = time.monotonic_ns()
    length, flags, pts, scr, sof = struct.unpack("<BBIIH", header)
    assert (length, flags, pts) == (12, 0x8D, 1234)
    passed = clock.ticks(later) - clock.ticks(now) & 0xFFFFFFFF
    assert scr - clock.ticks(now) & 0xFFFFFFFF <= passed + 1 and sof < 2048
    clock.order("tell", 1)
    assert struct.unpack_from("<BBI", timed_header(0x80, clock, 7)) == (12, 0x84, 7)
    clock.order("tell", 0)
    assert timed_header(0x80, clock, 7) == bytes((12, 0x80)) + bytes(10)
