"""A soak of the GPU's part: memory, descriptors and OpenGL objects stay as many, no error, no torn picture.

Frames go to the GPU and back without a pause, while sinks of every way, windows and grids come and go beside them.
Some seconds in every run of the tests; `make soak` gives it ten minutes (CAMKIT_SOAK_SECONDS) and prints its table.
"""

import ctypes
import os
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import camkit
from camkit import FramePool, Offscreen, Pipeline, PoolSource, Render, Step
from tests.xscreen import own_screen

SECONDS = float(os.environ.get("CAMKIT_SOAK_SECONDS", "3"))
SIZE = (320, 240)
WAYS = ("client", "persistent", "pbo", "pinned", "orphan")
LAP = 40  # frames
KINDS = ("Texture", "Buffer", "Framebuffer", "Program", "Shader", "Query", "VertexArray", "Sampler")
NAMES_LOOKED_AT = 512
FEWEST = 8  # samples, of which every second has windows
MIB = 1 << 20


class Sample(NamedTuple):
    """One row of the table."""

    seconds: float
    frames: int
    restarts: int
    windows: int
    memory_mib: float
    descriptors: int
    objects: int
    errors: int
    torn: int


def put_number(frame: camkit.Frame) -> None:
    """Write the frame's number into the first row and the last, and something between them."""
    number = np.frombuffer(np.uint32(frame.sequence).tobytes(), np.uint8)
    rows = frame.array if frame.array.ndim == 2 else frame.array[:, :, 0]
    rows[0, :4] = number
    frame.array[1:-1] = frame.sequence & 0xFF
    rows[-1, :4] = number


class Inspector:
    """Look at every picture that comes back, and now and then at what the context holds."""

    def __init__(self) -> None:
        self.frames = self.torn = self.objects = self.looked = 0

    def compare(self, frame: camkit.Frame) -> None:
        top, bottom = frame.array[0, :4, 0], frame.array[-1, :4, 0]
        number = np.frombuffer(np.uint32(frame.sequence).tobytes(), np.uint8)
        middle = (frame.array[1:-1] == frame.sequence & 0xFF).all()
        self.torn += not ((top == number).all() and (bottom == number).all() and middle)
        self.frames += 1

    def count(self, ctx: Any, textures: Any) -> None:
        """Ask for every small number whether an object has it."""
        self.looked += 1
        if self.looked % 100 != 50:
            return
        found = 0
        for kind in KINDS:
            there = ctypes.CFUNCTYPE(ctypes.c_ubyte, ctypes.c_uint)(ctx.get_proc(f"glIs{kind}"))
            found += sum(there(name) for name in range(1, NAMES_LOOKED_AT))
        self.objects = found


class Rows:
    """An on_draw that looks at the numbers in the first and the last row of each picture."""

    def __init__(self) -> None:
        self.torn = 0

    def __call__(self, ctx: Any, textures: Any) -> None:
        kinds = (ctypes.c_int,) * 4 + (ctypes.c_uint,) * 2 + (ctypes.c_void_p,)
        read = ctypes.CFUNCTYPE(None, *kinds)(ctx.get_proc("glReadPixels"))
        for row in (0, ctx.size[1] - 1):
            pixels = np.zeros((4, 4), np.uint8)
            read(0, row, 4, 1, 0x1908, 0x1401, pixels.ctypes.data)  # GL_RGBA, GL_UNSIGNED_BYTE
            self.torn += int.from_bytes(pixels[:, 0].tobytes(), "little") != ctx.frame.sequence


def errors_of(sink: Any) -> int:
    return sum(message["kind"] == "error" for message in sink.messages)


class Restarts(threading.Thread):
    """Begin and end drawing again and again: each way, several formats and sizes, a context each time."""

    def __init__(self) -> None:
        super().__init__(name="restarts")
        self.over = threading.Event()
        # Who has both knows that nothing of a restart is there; the first lets him come before the next one.
        self.turn, self.between = threading.Lock(), threading.Lock()
        self.done = self.errors = self.torn = 0
        self.failed: BaseException | None = None

    def run(self) -> None:
        try:
            while not self.over.is_set():
                way = WAYS[self.done % len(WAYS)]
                with self.turn:
                    pass
                with self.between:
                    self.errors += lent(way, self) if way in ("persistent", "pinned") else copied(way, self.done)
                self.done += 1
        except BaseException as error:
            self.failed = error


def copied(way: str, number: int) -> int:
    format, size = (("YUYV", (160, 120)), ("NV12", (320, 240)))[number % 2]
    screen = Offscreen(transfer=way, on_draw=lambda ctx, textures: ctx.show(ctx.picture))
    with camkit.SyntheticCamera(size, format=format, realtime=False) as camera:
        Pipeline(camera, screen).run(frames=LAP)
    assert screen.readback().any()
    screen.close()
    return errors_of(screen)


def lent(way: str, told: Restarts) -> int:
    """Draw out of memory that the GPU reads by itself; three slots, so that each is written as soon as it may be."""
    rows = Rows()
    screen = Offscreen(transfer=way, on_draw=rows)
    make = screen.pool if way == "persistent" else screen.pinned_pool
    with make(3, format="GREY", size=SIZE) as pool:
        Pipeline(PoolSource(pool), put_number, screen, policy="block").run(frames=LAP)
        assert pool.free == 3 and screen.transfer["path"] == way and screen.stats().fallbacks == 0
    screen.close()
    told.torn += rows.torn
    return errors_of(screen)


class Windows:
    """Open a window and close it, in the main thread: of one camera and of two by turns, with numbers over them."""

    def __init__(self) -> None:
        self.done = self.errors = self.torn = 0

    def lap(self) -> None:
        options: Any = {"size": (200, 150), "vsync": False, "hud": True, "inspector": True}
        window: Any = camkit.Grid(2, **options) if self.done % 2 else camkit.Viewer(**options)
        sinks = list(window) if self.done % 2 else [window]
        with window, ExitStack() as pools:
            pipelines = []
            for sink in sinks:
                pool = pools.enter_context(FramePool(6, format="GREY", size=SIZE))
                pipelines.append(Pipeline(PoolSource(pool), put_number, sink, policy="block"))
                pipelines[-1].start()
            while min(pipeline.stats().frames.delivered for pipeline in pipelines) < LAP:
                window.pump()
                assert all(pipeline.running for pipeline in pipelines)
            for pipeline, sink in zip(pipelines, sinks, strict=True):
                pipeline.stop()
                picture = sink.readback()
                self.torn += not (picture[0, :4] == picture[-1, :4]).all()
                self.errors += errors_of(sink)
        self.done += 1


def test_a_torn_picture_is_seen() -> None:
    inspector = Inspector()
    with FramePool(1, format="RGB24", size=SIZE) as pool, pool.acquire() as frame:
        put_number(frame)
        inspector.compare(frame)
        assert (inspector.frames, inspector.torn) == (1, 0)
        for row in (0, 100, -1):
            put_number(frame)
            frame.array[row] ^= 1
            inspector.compare(frame)
    assert (inspector.frames, inspector.torn) == (4, 3)


def memory() -> float:
    # Threads that come and go leave free pages to the heap, in which one place is as good as another.
    ctypes.CDLL(None).malloc_trim(0)
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / MIB


def soak(gl_nodes: Any, seconds: float) -> list[Sample]:
    """Run it all, and take a sample now and then."""
    inspector, windows, restarts, samples = Inspector(), Windows(), Restarts(), []
    # Few slots, so that each is written again as soon as it may be; memfds, which this driver takes for dma-bufs.
    with FramePool(4, format="GREY", size=SIZE, backing="memfd", alignment=4096) as pool:
        render = Render(transfer="import", on_draw=inspector.count)
        screen = Offscreen(transfer="client")
        nodes = (put_number, gl_nodes.StandIn(pool), Step(render, thread=True), inspector.compare, screen)
        pipeline = Pipeline(PoolSource(pool), *nodes, policy="block")
        pipeline.start()
        restarts.start()

        def at_work() -> bool:
            return pipeline.running and restarts.failed is None

        def look() -> Sample:
            errors = restarts.errors + windows.errors + errors_of(screen)
            torn = inspector.torn + restarts.torn + windows.torn
            with restarts.turn, restarts.between:
                found = (inspector.frames, restarts.done, windows.done, memory(), len(os.listdir("/proc/self/fd")))
            return Sample(time.monotonic() - begin, *found, inspector.objects, errors, torn)

        # What the first of each kind costs is no growth.
        windows.lap()
        windows.lap()
        while at_work() and (restarts.done < len(WAYS) or not inspector.objects):
            time.sleep(0.02)
        begin = time.monotonic()
        while at_work() and (len(samples) < FEWEST or time.monotonic() - begin < seconds):
            due, opening = begin + (len(samples) + 1) * seconds / 40, len(samples) % 2
            if opening:
                windows.lap()
            while (left := due - time.monotonic()) > 0:
                windows.lap() if opening else time.sleep(left)
            samples.append(look())
        restarts.over.set()
        restarts.join()
        samples.append(look())
        pipeline.stop()
        pipeline.wait()
        print(render.explain(), screen.explain(), sep="\n")
    if restarts.failed is not None:
        raise restarts.failed
    return samples


def table(samples: list[Sample]) -> str:
    rows = ["   time  pictures  restarts  windows  memory MiB  descriptors  objects  errors  torn"]
    rows += [
        f"{s.seconds:6.1f}s {s.frames:9} {s.restarts:9} {s.windows:8} {s.memory_mib:11.1f} {s.descriptors:12} "
        f"{s.objects:8} {s.errors:7} {s.torn:5}"
        for s in samples
    ]
    return "\n".join(rows)


@pytest.mark.timeout(max(300, 2 * SECONDS))
def test_nothing_grows_and_nothing_tears(gl_nodes: Any, tmp_path: Path) -> None:
    with own_screen(tmp_path):
        samples = soak(gl_nodes, SECONDS)
    print(table(samples))
    last = samples[-1]
    assert last.frames > 20 and last.restarts > 0
    assert (last.errors, last.torn) == (0, 0)
    counted = [sample.objects for sample in samples if sample.objects]
    assert counted and len(set(counted)) == 1, "as many OpenGL objects all the time"
    # A restart has some descriptors of its own for a moment; the fewest of each half are those that stay. In a short
    # run there may have been one at each look; none was at the last.
    half = len(samples) // 2
    first, second = samples[half // 2 : half], samples[half:]
    most = min if SECONDS >= 60 else max
    assert min(s.descriptors for s in second) <= most(s.descriptors for s in first)
    # The heap takes minutes to find its size, in which many contexts come and go: the least of the second half beside
    # the least of the quarter before it. Of some seconds it tells nothing.
    before, after = (min(s.memory_mib for s in part) for part in (first, second))
    room = 8 if SECONDS >= 300 else 200 if SECONDS >= 60 else float("inf")
    assert after - before < room, f"{after - before:.1f} MiB more than at first"
