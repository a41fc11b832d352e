"""Memory that a source fills and the GPU reads by itself: right in every format, alive as long as it is looked at."""

import gc
import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import count

import numpy as np
import pytest

from camkit import FramePool, Offscreen, Pipeline, PoolSource
from camkit.errors import GLError
from camkit.memory_manager import FORMATS

DRAWN = [row for row in FORMATS.values() if not row.compressed]
SIZE = (66, 34)


WAYS = ["persistent", "pinned"]


def pool_of(screen: Offscreen, way: str, slots: int, **picture) -> FramePool:
    return (screen.pinned_pool if way == "pinned" else screen.pool)(slots, **picture)


@pytest.fixture(scope="module")
def fetching() -> Iterator[dict[str, Offscreen]]:
    with Offscreen(transfer="persistent") as one, Offscreen(transfer="pinned") as other:
        yield {"persistent": one, "pinned": other}


@pytest.fixture(scope="module")
def copying() -> Iterator[Offscreen]:
    with Offscreen(transfer="client") as screen:
        yield screen


@pytest.mark.parametrize("padding", [0, 7])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("row", DRAWN, ids=lambda row: row.name)
def test_every_format_is_fetched_as_it_is_copied(
    fetching: dict[str, Offscreen], copying: Offscreen, row, way: str, padding: int
) -> None:
    screen = fetching[way]
    random = np.random.default_rng(padding)
    stride = row.row_bytes(SIZE[0]) + padding * row.itemsize * (2 if len(row.planes) == 3 else 1)
    with pool_of(screen, way, 2, format=row, size=SIZE, stride=stride) as pool:
        frames = [pool.acquire(), pool.acquire()]
        for frame in frames:
            for plane in frame.planes:
                plane[:] = random.integers(0, 256, plane.shape, np.uint8)
        pictures = []
        for frame in reversed(frames):
            screen.show(frame)
            copying.show(frame)
            pictures.append(screen.readback())
            assert (pictures[-1] == copying.readback()).all()
        assert (pictures[0] != pictures[1]).any()
        assert (screen.stats().copies, screen.stats().fallbacks) == (0, 0)


@pytest.mark.parametrize("way", WAYS)
def test_a_source_fills_it_and_nothing_is_copied(way: str, alike: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMKIT_TRANSFER_CACHE", "off")
    screen, number = Offscreen(), count()
    pool = pool_of(screen, way, 4, format="GREY", size=(64, 48))
    screen.expect("GREY", (64, 48))

    def paint(frame) -> None:
        frame.array[:] = next(number)

    Pipeline(PoolSource(pool, frames=60), paint, screen, policy="block").run()
    assert screen.transfer["path"] == way, screen.explain()
    stats = screen.stats()
    assert (stats.displayed, stats.copies, stats.copied_bytes, stats.fallbacks) == (60, 0, 0, 0)
    assert (screen.readback() == 59).all()
    # The next run of the same sink, with another context, sees the same memory.
    Pipeline(PoolSource(pool, frames=3), paint, screen, policy="block").run()
    assert screen.stats().copies == 0 and (screen.readback() == 62).all()
    pool.close()


def test_frames_from_elsewhere_are_copied_counted_and_told(alike: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMKIT_TRANSFER_CACHE", "off")
    with Offscreen() as screen, screen.pool(1, format="GREY", size=(64, 48)) as pool, pool.acquire() as inside:
        inside.array[:] = 5
        with FramePool(1, format="GREY", size=(64, 48)) as other, other.acquire() as outside:
            outside.array[:] = 9
            screen.show(inside)
            assert screen.transfer["path"] == "persistent"
            for _ in range(2):
                screen.show(outside)
                assert (screen.readback() == 9).all()
            screen.show(inside)
            assert (screen.readback() == 5).all()
        stats = screen.stats()
        assert (stats.fallbacks, stats.copies, stats.copied_bytes) == (2, 2, 2 * 64 * 48)
        words = screen.explain()
        assert "2 frame(s) went by 'client' instead, the last because its memory is not the GPU's" in words


def test_a_later_pool_is_found_as_well_and_one_that_is_gone_is_not_confused_with_it() -> None:
    with Offscreen(transfer="persistent") as screen:
        for number in range(3):
            with screen.pool(2, format="GREY", size=(64, 48)) as pool, pool.acquire() as frame:
                frame.array[:] = number
                screen.show(frame)
                assert (screen.readback() == number).all()
            del frame, pool
            gc.collect()
        assert (screen.stats().copies, screen.stats().fallbacks) == (0, 0)


def test_the_way_that_is_asked_for_and_cannot_be_taken_is_refused() -> None:
    why = "1a persistent: frames do not lie in the GPU's memory; give the camera some"
    with FramePool(2, format="GREY", size=(64, 48)) as pool:
        with pool.acquire() as frame, Offscreen(transfer="persistent") as screen:
            for _ in range(2):
                with pytest.raises(GLError, match=why):
                    screen.show(frame)
        with pytest.raises(GLError, match="cannot upload GREY 64x48"):
            Pipeline(PoolSource(pool, frames=1), Offscreen(transfer="persistent")).run()


@pytest.mark.parametrize("way", WAYS)
def test_it_lives_until_the_last_view_and_is_given_back_whoever_drops_that(way: str) -> None:
    screen = Offscreen()
    pool = pool_of(screen, way, 2, format="GREY", size=(64, 48))
    frame = pool.acquire()
    frame.array[:] = 3
    screen.show(frame)
    view, group = frame.array, screen.group
    address = view.ctypes.data
    screen.close()
    pool.close()
    del frame, pool, screen
    gc.collect()
    assert group.holds(address)
    assert (view == 3).all()
    view[:] = 4
    assert (view == 4).all()
    box = [view]
    del view
    threads = set(threading.enumerate())
    dropper = threading.Thread(target=box.clear)
    dropper.start()
    dropper.join()
    gc.collect()
    assert not group.holds(address)
    assert set(threading.enumerate()) == threads


def test_without_mapping_for_good_there_is_no_pool() -> None:
    from camkit.gl_core._gl import Functions
    from camkit.gl_core._share_group import map_buffer
    from camkit.gl_core.context import headless

    context = headless()
    poor = Functions(lambda name: 0 if name == "glBufferStorage" else context.get_proc(name))
    with pytest.raises(GLError, match="cannot get 4096 bytes of the GPU's memory: .* has no GL_ARB_buffer_storage"):
        map_buffer(poor, 4096)
    assert context.functions.errors() == []
    context.destroy()


def test_the_callers_own_context_is_left_alone() -> None:
    from camkit.gl_core.context import headless

    context = headless()
    with Offscreen().pool(1, 4096) as pool:
        assert context.functions.errors() == []
        context.functions.check("still be current")
        name = context.functions.renderer
        del pool
    gc.collect()
    assert name and context.functions.errors() == []
    context.destroy()


def test_a_fork_and_the_end_of_the_program_leave_it_to_the_process() -> None:
    program = """
import os, sys
import camkit
screen = camkit.Offscreen()
pool = screen.pool(1, format="GREY", size=(64, 48))
frame = pool.acquire()
frame.array[:] = 6
child = os.fork()
if child == 0:
    same = bool((frame.array == 6).all())
    frame.close()
    pool.close()
    del frame, pool
    sys.exit(0 if same else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
screen.show(frame)
assert (screen.readback() == 6).all() and screen.stats().copies == 0
print("well")
"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("well\n", "", 0)


def test_wrong_wishes_are_those_of_a_pool() -> None:
    screen = Offscreen()
    for wish in ({"slots": 0}, {"slots": 1, "format": "GREY", "size": (0, 1)}, {"slots": 1, "slot_bytes": -1}):
        with pytest.raises(ValueError):
            screen.pool(**wish)
