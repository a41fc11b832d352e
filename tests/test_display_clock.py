"""The sources of a display's time that no screen here has: what they refuse and why, and what they make of answers."""

import ctypes
import os
import sys
import time
from pathlib import Path

import pytest

from camkit.errors import GLError
from camkit.gl_core._display_clock import DisplayClock
from camkit.gl_core._pacer import Pacer
from camkit.gl_core._swap_clock import SwapClock
from camkit.gl_core.display_clock import find_card

MS = 1_000_000
SECOND = 1_000_000_000
linux = pytest.mark.skipif(sys.platform != "linux", reason="a source of Linux")


def test_who_knows_nothing_says_so() -> None:
    clock = DisplayClock()
    assert clock.refresh_ns is clock.error_ns is clock.next_vblank(time.monotonic_ns()) is None
    assert "not known" in clock.explain()


def test_swaps_that_wait_give_the_beat_away() -> None:
    clock = SwapClock()
    period, now = SECOND / 75, 0
    for number in range(1, 400):
        ended = round(number * period) + (number * 7919 % 200) * 1000  # threads wake up to 0.2 ms late
        clock.observe(now, ended)
        now = ended
    assert clock.refresh_ns == pytest.approx(period, rel=1e-3)
    assert clock.error_ns is not None
    assert clock.error_ns < MS
    following = clock.next_vblank(now + MS)
    assert following is not None
    assert abs(following - 400 * period) < MS / 2
    # Swaps that find room in a queue tell nothing and change nothing.
    before = clock.refresh_ns
    for _ in range(50):
        clock.observe(now, now + 1000)
    assert (clock.refresh_ns, clock.passed) == (before, 50)
    assert clock.next_vblank(now + 60 * SECOND) is None, "too long after the last one that waited"


def test_a_driver_that_ignores_vsync_is_found_out() -> None:
    nothing = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(lambda _: None)
    with pytest.raises(GLError, match=r"cannot learn the screen's beat from its swaps: .* returned at once"):
        SwapClock(ctypes.cast(nothing, ctypes.c_void_p).value or 0, 1)


@linux
def test_a_card_that_cannot_be_asked_is_refused_with_the_system_s_words(tmp_path: Path) -> None:
    from camkit.gl_core._drm_clock import REQUESTS, DrmClock

    # As the kernel's headers have them; the numbers hold the size of each argument.
    assert REQUESTS == {
        "DRM_IOCTL_GET_CAP": 0xC010640C, "DRM_IOCTL_MODE_GETRESOURCES": 0xC04064A0,
        "DRM_IOCTL_CRTC_GET_SEQUENCE": 0xC018643B,
    }  # fmt: skip
    with pytest.raises(GLError, match="there is no graphics card in"):
        find_card(tmp_path)
    (tmp_path / "card0").write_bytes(b"")
    os.symlink(tmp_path / "gone", tmp_path / "card1")
    with pytest.raises(GLError, match=r"card0' for its vblanks: Inappropriate ioctl.*card1' .*: No such file"):
        find_card(tmp_path)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        with pytest.raises(GLError):
            DrmClock(str(tmp_path / "card0"))
    assert len(os.listdir("/proc/self/fd")) == before


Sync = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, *[ctypes.POINTER(ctypes.c_int64)] * 3)


@linux
def test_an_x_server_s_vblanks_are_followed_and_strange_answers_refused() -> None:
    from camkit.gl_core._sync_clock import SyncClock

    answers, asked = [1], []

    def values(display: object, drawable: object, ust: object, msc: object, sbc: object) -> int:
        number = time.monotonic_ns() // (10 * MS)
        ust[0], msc[0], sbc[0] = number * 10_000 + answers[-1] - 1, number, 0  # type: ignore[index]
        asked.append(number)
        return min(answers[-1], 1)

    call = Sync(values)
    address = ctypes.cast(call, ctypes.c_void_p).value or 0
    clock = SyncClock("TEST_sync", address, 1, 1)
    pacer = Pacer("latch", clock)
    while len(set(asked)) < 12:
        pacer.hear(time.monotonic_ns())
        time.sleep(0.002)
    assert clock.refresh_ns == pytest.approx(10 * MS, rel=1e-6)
    following = clock.next_vblank(time.monotonic_ns())
    assert following is not None
    assert abs(following - round(following / (10 * MS)) * 10 * MS) < 2000
    answers.append(0)
    pacer.hear(time.monotonic_ns())
    assert "it has stopped answering" in clock.explain()
    with pytest.raises(GLError, match="TEST_sync: the call answers 0"):
        SyncClock("TEST_sync", address, 1, 1)
    answers.append(10**13)
    with pytest.raises(GLError, match="is not microseconds of the monotonic clock"):
        SyncClock("TEST_sync", address, 1, 1)
    with pytest.raises(GLError, match="the driver has no such extension"):
        SyncClock("TEST_sync", 0, 1, 1)
