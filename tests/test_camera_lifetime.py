"""What outlives what: frames, views, the camera, the interpreter."""

import gc
import os
import subprocess
import sys
import threading
import weakref

import numpy as np
import pytest

from camkit.camera_capture import SyntheticCamera, read_stamp


def fast(**options: object) -> SyntheticCamera:
    return SyntheticCamera((64, 32), realtime=False, format="GREY", **options)


def resident() -> int:
    """Give the bytes of memory that this process has in use."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("end", ["close", "stop", "forget"])
def test_frames_and_views_outlive_the_stream(end: str) -> None:
    camera = fast()
    frames = [camera.read() for _ in range(4)]
    assert [frame.copied for frame in frames] == [False, False, True, True]
    views = [frame.array for frame in frames]
    wanted = [(frame.sequence, frame.timestamp_ns) for frame in frames]
    kept = [view.copy() for view in views]
    if end == "forget":
        gone = weakref.ref(camera.source)
        del camera
        gc.collect()
        assert gone() is None
    else:
        getattr(camera, end)()
    # Were the memory free, another pool of the same size would take it.
    others = [fast() for _ in range(4)]
    for other in others:
        other.read()
    assert [read_stamp(frame) for frame in frames] == wanted
    del frames
    gc.collect()
    assert [read_stamp(view) for view in views] == wanted
    assert all((view == copy).all() for view, copy in zip(views, kept, strict=True))


def test_frames_of_an_old_stream_never_reach_the_new_one() -> None:
    camera = fast(buffers=4, on_exhausted="raise")
    old = [camera.read(), camera.read()]
    view = old[0].array
    wanted = read_stamp(view)
    camera.stop()
    camera.start()
    new = [camera.read(), camera.read()]
    assert [frame.generation for frame in old + new] == [1, 1, 2, 2]
    # The new stream has all its buffers, and the old ones do not come to it.
    old.clear()
    for _ in range(20):
        new.pop()
        new.append(camera.read())
    assert not np.shares_memory(view, new[0].array) and not np.shares_memory(view, new[1].array)
    assert read_stamp(view) == wanted
    camera.close()


def test_a_view_keeps_its_buffer_from_being_filled() -> None:
    with fast(buffers=4) as camera:
        view = camera.read().array
        before = view.copy()
        for _ in range(50):
            assert not np.shares_memory(camera.read().array, view)
        assert (view == before).all()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("end", ["close", "forget", "frames first"])
def test_the_memory_of_a_stream_comes_back(end: str) -> None:
    def once() -> None:
        camera = SyntheticCamera((1920, 1080), realtime=False)
        frame = camera.read()
        if end == "close":
            camera.close()
        elif end == "frames first":
            del frame
        else:
            del camera
            assert frame.array[0, 0, 0] is not None

    for _ in range(3):
        once()
    gc.collect()
    before = resident()
    for _ in range(20):
        once()
    gc.collect()
    # One stream has 16 MB of buffers and as many of spare ones.
    assert resident() - before < 30_000_000


def test_a_camera_in_a_cycle_is_collected_while_it_streams() -> None:
    class Owner:
        pass

    owner = Owner()
    owner.camera = fast()
    owner.again = owner
    frame = owner.camera.read()
    gone = weakref.ref(owner.camera.source)
    del owner
    gc.collect()
    assert gone() is None
    assert read_stamp(frame) == (0, frame.timestamp_ns)


def test_frames_are_dropped_on_any_thread_while_the_camera_closes() -> None:
    for _ in range(50):
        camera = fast(buffers=32)
        held = [camera.read() for _ in range(30)]
        halves = [held[:15], held[15:]]
        del held
        threads = [threading.Thread(target=half.clear) for half in halves]
        threads.append(threading.Thread(target=camera.close))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


PROGRAMS = {
    "streaming, frames and views held": """
camera = c.open("synthetic")
frames = [camera.read() for _ in range(3)]
views = [frame.array for frame in frames]
""",
    "one loop still running": """
for frame in c.open("synthetic"):
    view = frame.array
    break
""",
    "an endless reader in a daemon thread": """
import threading, time
camera = c.SyntheticCamera((64, 32), fps=500)
def reader():
    for frame in camera:
        pass
threading.Thread(target=reader, daemon=True).start()
time.sleep(0.05)
""",
    "a daemon thread that waits for ever": """
import threading, time
camera = c.SyntheticCamera((64, 32), fps=0.1, timeout=None)
threading.Thread(target=lambda: list(camera), daemon=True).start()
time.sleep(0.05)
""",
    "a daemon thread that is blocked": """
import threading, time
camera = c.SyntheticCamera((64, 32), realtime=False, timeout=None, on_exhausted="block")
threading.Thread(target=lambda: list(camera), daemon=True).start()
time.sleep(0.05)
""",
    "a daemon thread that reads frame by frame": """
import threading, time
camera = c.SyntheticCamera((64, 32), fps=0.1, timeout=None)
def reader():
    while True:
        camera.read()
threading.Thread(target=reader, daemon=True).start()
time.sleep(0.05)
""",
    "held by a module until the very end": """
import builtins
builtins.camera = c.open("synthetic")
builtins.frame = builtins.camera.read()
builtins.view = builtins.frame.array
""",
    "a cycle that only the last collection sees": """
import gc
gc.disable()
class Owner: pass
owner = Owner(); owner.camera = c.open("synthetic"); owner.frame = owner.camera.read(); owner.me = owner
del owner
""",
    "forgotten, with frames alive": """
camera = c.open("synthetic")
frame = camera.read()
del camera
view = frame.array
""",
    "a finalizer that closes": """
class Owner:
    def __init__(self): self.camera = c.open("synthetic"); self.frame = self.camera.read()
    def __del__(self): self.camera.close()
owner = Owner()
""",
    "closed by a reader's own thread at exit": """
import threading
camera = c.SyntheticCamera((64, 32), delay={1: 3600}, timeout=None)
camera.read()
thread = threading.Thread(target=lambda: list(camera))
thread.start()
camera.close()
""",
}


@pytest.mark.parametrize("what", PROGRAMS)
def test_the_interpreter_exits_in_silence(what: str) -> None:
    program = "import camkit.camera_capture as c\n" + PROGRAMS[what]
    for options in ([], ["-X", "dev"]):
        done = subprocess.run(
            [sys.executable, *options, "-W", "error", "-c", program], capture_output=True, text=True, timeout=200
        )
        assert (done.returncode, done.stderr) == (0, ""), what
