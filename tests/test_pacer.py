"""Pacer: which frame is drawn when, on a simulated screen and in virtual time, where hours take no time."""

import random
from collections.abc import Callable, Iterator

import pytest

from camkit.gl_core._pacer import Pacer
from camkit.gl_core._simulated_clock import SimulatedClock

MS = 1_000_000
SECOND = 1_000_000_000
HZ_60 = SECOND / 60


class Seen:
    """What a run showed: the number of each frame with the vblank that it was drawn for."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.drawn_at: list[int] = []
        self.late: list[int] = []  # replaced while they waited
        self.asked = 0


Camera = Iterator[tuple[int, int, int]]  # (arrival, stamp, sequence)


def camera(
    fps: float, frames: int, *, latency: int = 2 * MS, jitter: int = 0, origin: int = 5 * MS, seed: int = 1
) -> Camera:
    """Frames of an even camera; each comes `latency` after its stamp, and up to `jitter` later."""
    rng = random.Random(seed)
    last = 0
    for number in range(frames):
        stamp = origin + round(number * SECOND / fps)
        noise = rng.randint(0, jitter) if jitter else 0
        last = max(last + 1, stamp + latency + noise)
        yield last, stamp, number


def run(
    pacer: Pacer,
    frames: Camera,
    *,
    work: int = 2 * MS,
    room: int = 6,
    stop_after: int = SECOND // 10,
    happen: Callable[[int], None] = lambda now: None,
) -> Seen:
    """Do what a pipeline's thread does: keep what waits, sleep until a frame comes or the pacer is to be asked."""
    seen, waiting, now, fresh = Seen(), [], 0, 0
    coming = next(frames, None)
    end = None
    while True:
        if coming is not None and coming[0] <= now:
            waiting.append(coming[1:])
            fresh += 1
            coming = next(frames, None)
            if coming is None:
                end = now + stop_after
            if len(waiting) > room:
                seen.late.append(waiting.pop(0)[1])
                fresh = min(fresh, len(waiting))
            continue
        happen(now)
        seen.asked += 1
        chosen = pacer.ask(now, waiting, fresh)
        fresh = 0
        if chosen is not None:
            seen.late += [number for _, number in waiting[:chosen]]
            stamp, number = waiting[chosen]
            waiting = waiting[chosen + 1 :]
            seen.numbers.append(number)
            seen.drawn_at.append(now)
            pacer.swap(stamp, now, now + work)
            now += work
            continue
        moments = [moment for moment in (pacer.wake, coming[0] if coming else 0) if moment]
        if end is not None and not waiting or not moments:
            break
        following = min(moments)
        assert following > now, "it wants to be asked again without time having passed"
        now = following
    pacer.hear(now + SECOND)
    seen.late += [number for _, number in waiting]
    return seen


def test_the_newest_frame_is_taken_just_before_the_vblank() -> None:
    clock = SimulatedClock(HZ_60)
    pacer = Pacer("latch", clock)
    seen = run(pacer, camera(30, 300))
    assert seen.numbers == list(range(300))
    assert not seen.late
    assert pacer.misses == 0
    assert (pacer.shown, pacer.repeats, pacer.unseen) == (300, 299, 0), "each but the last is shown twice"
    # 2 ms of work and 1 ms of slack before the vblank, once the work is known.
    assert {round(-at % HZ_60 / MS, 3) for at in seen.drawn_at[8:]} == {3.0}


def test_frames_that_come_faster_than_the_screen_are_replaced_by_newer_ones() -> None:
    pacer = Pacer("latch", SimulatedClock(HZ_60))
    seen = run(pacer, camera(120, 600))
    assert len(seen.numbers) + len(seen.late) == 600
    assert pacer.shown == len(seen.numbers)
    assert abs(len(seen.numbers) - 300) <= 2
    assert pacer.repeats <= 1
    assert pacer.capture_to_shown.p99 <= 1.016 * (1e6 / 120 + 2000 + 3000), (
        "older than one frame and the way: the last only"
    )


def test_a_picture_that_is_early_enough_is_not_missed_and_a_late_frame_waits_for_the_next_vblank() -> None:
    pacer = Pacer("latch", SimulatedClock(HZ_60))
    # The stamps lie so that each frame comes 1 ms before a vblank: too late for 2 ms of work.
    seen = run(pacer, camera(60, 120, origin=round(HZ_60) - 3 * MS))
    assert pacer.misses <= 1, "only before the work was known"
    assert set(seen.numbers) | set(seen.late) == set(range(120))


@pytest.mark.parametrize(
    ("fps", "hz", "frames"),
    [(30, 60, 300), (60, 144, 600), (50, 60, 500), (25, 60, 250), (24, 144, 240), (30, 75, 300)],
)
def test_smooth_shows_every_frame_of_a_slower_camera_evenly(fps: int, hz: int, frames: int) -> None:
    pacer = Pacer("smooth", SimulatedClock(SECOND / hz))
    seen = run(pacer, camera(fps, frames, jitter=3 * MS))
    settled = [number for number in seen.numbers if number > 60]
    assert settled == list(range(61, frames)), "none is left out once the camera's beat is known"
    assert pacer.misses <= 1
    at = {number: round(moment * hz / SECOND) for number, moment in zip(seen.numbers, seen.drawn_at, strict=True)}
    gaps = [at[number + 1] - at[number] for number in settled[:-1]]
    assert set(gaps) <= {hz // fps, -(-hz // fps)}, (
        "each is shown for one of the two numbers of refreshes next to the ratio"
    )
    assert abs(sum(gaps) - (len(gaps)) * hz / fps) <= 1


@pytest.mark.parametrize(("fps", "frames", "repeats"), [(59.94, 10_000, 10), (60.0, 5_000, 0)])
def test_smooth_repeats_a_picture_only_as_often_as_the_rates_differ(fps: float, frames: int, repeats: int) -> None:
    for origin in (0, 4 * MS, 9 * MS, 14 * MS):
        pacer = Pacer("smooth", SimulatedClock(HZ_60))
        seen = run(pacer, camera(fps, frames, jitter=2 * MS, origin=origin))
        begun = seen.numbers.index(next(number for number in seen.numbers if number > 100))
        assert seen.numbers[begun:] == list(range(seen.numbers[begun], frames))
        assert abs(pacer.repeats - repeats) <= 3, (origin, pacer.repeats)


def test_smooth_does_not_waver_where_two_frames_are_equally_near() -> None:
    for origin in range(6):
        pacer = Pacer("smooth", SimulatedClock(HZ_60, noise_ns=MS // 2))
        seen = run(pacer, camera(60, 1500, jitter=6 * MS, origin=origin * MS, seed=origin))
        assert (pacer.repeats, len(seen.late)) <= (1, 0), origin


def test_smooth_leaves_out_only_as_many_as_the_camera_is_faster() -> None:
    pacer = Pacer("smooth", SimulatedClock(HZ_60))
    seen = run(pacer, camera(60.06, 10_010, jitter=2 * MS))
    assert abs(len(seen.late) - 10) <= 3
    assert pacer.repeats <= 3


def test_smooth_waits_for_as_long_as_the_camera_jitters() -> None:
    pacer = Pacer("smooth", SimulatedClock(HZ_60))
    run(pacer, camera(30, 600, latency=4 * MS, jitter=10 * MS))
    assert 13 * MS < pacer.smooth_delay_ns < 15 * MS


def test_a_longer_way_to_the_screen_is_learnt_from_the_first_misses_and_then_kept() -> None:
    clock = SimulatedClock(HZ_60, lead_ns=7 * MS)  # a compositor that begins 7 ms before the vblank
    pacer = Pacer("latch", clock)
    seen = run(pacer, camera(60, 20_000, origin=3 * MS))
    assert len(seen.numbers) + len(seen.late) == 20_000
    assert pacer.shown == len(seen.numbers)
    assert 0 < pacer.misses <= 20, "less than one in a thousand, those of the learning included"
    assert 9 * MS <= pacer.margin_ns <= 13 * MS
    refreshes = (seen.drawn_at[-1] - seen.drawn_at[0]) / HZ_60 + 1
    assert abs(pacer.shown + pacer.repeats - refreshes) <= 1, "the first one was shown late"


def test_a_margin_that_one_hiccup_made_long_shrinks_again() -> None:
    pacer = Pacer("latch", SimulatedClock(HZ_60))
    waiting: list[int] = []

    def run_slowly(frames: int, work: int, first: int) -> None:
        offset = first * round(HZ_60)
        run(pacer, ((a + offset, s + offset, n + first) for a, s, n in camera(60, frames)), work=work)
        waiting.append(pacer.margin_ns)

    run_slowly(200, 2 * MS, 0)
    run_slowly(3, 15 * MS, 300)
    run_slowly(4000, 2 * MS, 400)
    before, hiccup, after = waiting
    assert hiccup > before
    assert after <= before + HZ_60 / 64


def test_pictures_that_are_always_a_refresh_late_are_drawn_at_once_in_the_end() -> None:
    pacer = Pacer("latch", SimulatedClock(HZ_60, lead_ns=round(5 * HZ_60)))
    run(pacer, camera(30, 300))
    assert "whatever time is left for them" in pacer.explain()
    assert pacer.misses > 16


def test_the_refresh_interval_is_learnt_where_nobody_tells_it() -> None:
    clock = SimulatedClock(HZ_60, noise_ns=MS // 5, announced=False)
    pacer = Pacer("latch", clock)
    assert clock.refresh_ns is clock.error_ns is clock.next_vblank(5) is None
    assert "not known" in pacer.explain()
    run(pacer, camera(60, 1000))
    assert clock.refresh_ns is not None
    assert clock.refresh_ns == pytest.approx(HZ_60, rel=1e-4)
    assert clock.error_ns is not None
    assert clock.error_ns < MS
    last = clock.next_vblank(16 * SECOND)
    assert last is not None
    assert abs((last + HZ_60 / 2) % HZ_60 - HZ_60 / 2) < clock.error_ns
    assert pacer.misses <= 10


def test_a_vblank_too_far_from_the_last_one_seen_is_not_foretold() -> None:
    clock = SimulatedClock(HZ_60)
    assert clock.next_vblank(SECOND) is not None
    assert clock.next_vblank(SECOND * 60) is None


def test_a_window_that_goes_to_another_screen_is_followed() -> None:
    clock = SimulatedClock(HZ_60)
    pacer = Pacer("latch", clock)
    moved = []

    def move(now: int) -> None:
        if now > 2 * SECOND and not moved:
            moved.append(now)
            clock.change(SECOND / 144, now + 3 * MS)

    seen = run(pacer, camera(60, 300), happen=move)
    assert 1 <= clock.restarts <= 2, "a picture for the old screen may come last"
    assert clock.refresh_ns == pytest.approx(SECOND / 144)
    assert len(seen.numbers) + len(seen.late) == 300
    assert pacer.misses <= 3
    assert pacer.shown + pacer.unseen == len(seen.numbers)


def test_a_jump_of_the_display_s_time_is_a_new_beat_after_a_few() -> None:
    clock = SimulatedClock(HZ_60, announced=False)
    pacer = Pacer("latch", clock)
    moved = []

    def jump(now: int) -> None:
        if now > 2 * SECOND and not moved:
            moved.append(now)
            clock.change(HZ_60, now + MS)

    run(pacer, camera(60, 600), happen=jump)
    assert clock.restarts == 1
    assert pacer.misses <= 8


@pytest.mark.parametrize("mode", ["latch", "smooth"])
def test_a_hidden_window_loses_its_pictures_and_goes_on_when_it_is_seen_again(mode: str) -> None:
    clock = SimulatedClock(HZ_60)
    pacer = Pacer(mode, clock)
    seen = run(pacer, camera(30, 300), happen=lambda now: clock.hide(3 * SECOND < now < 6 * SECOND))
    assert pacer.shown + pacer.unseen == len(seen.numbers)
    assert 80 <= pacer.unseen <= 92
    assert pacer.shown + pacer.repeats < 7.5 * 60, "the time in which nobody saw it counts for nothing"
    assert pacer.misses <= 1


def test_a_camera_s_clock_that_jumps_does_not_stop_the_pictures() -> None:
    def jumping() -> Camera:
        for arrival, stamp, number in camera(30, 600, jitter=2 * MS):
            yield arrival, stamp + (3 * SECOND if number >= 300 else 0), number

    pacer = Pacer("smooth", SimulatedClock(HZ_60))
    seen = run(pacer, jumping())
    assert len(seen.numbers) >= 590
    assert seen.numbers[-200:] == list(range(400, 600))


def test_without_a_vblank_each_frame_is_drawn_when_it_comes() -> None:
    for mode in ("latch", "smooth", "off"):
        pacer = Pacer(mode, SimulatedClock(HZ_60, announced=False))
        assert pacer.ask(1000, [(900, 0)], 1) == 0
        assert pacer.wake == 0


def test_nobody_is_asked_again_without_a_frame() -> None:
    pacer = Pacer("latch", SimulatedClock(HZ_60))
    assert pacer.ask(SECOND, [], 0) is None
    assert pacer.wake == 0
    seen = run(pacer, camera(30, 100))
    assert seen.asked <= 3 * 100 + 3, "a frame's coming, its moment, and what the thread finds then"


def test_what_is_no_mode_is_refused() -> None:
    with pytest.raises(ValueError, match="pacing is 'fast', not one of 'off', 'latch', 'smooth'"):
        Pacer("fast", SimulatedClock(HZ_60))
    with pytest.raises(ValueError, match="refresh_ns is 5"):
        SimulatedClock(5)
    with pytest.raises(ValueError, match="room for 16"):
        Pacer("latch", SimulatedClock(HZ_60)).ask(0, [(0, 0)] * 17, 17)
