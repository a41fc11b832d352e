"""A soak of the GPU's part: memory, descriptors and OpenGL objects stay as many, no error, no torn picture.

Some seconds in every run of the tests; `make soak` gives it ten minutes (CAMKIT_SOAK_SECONDS) and prints its table.
"""

import ctypes
import os
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import camkit
from camkit import FramePool, Offscreen, Pipeline, PoolSource, Render, Step

SECONDS = float(os.environ.get("CAMKIT_SOAK_SECONDS", "3"))
SIZE = (320, 240)
COPYING = ("client", "pbo", "orphan")
KINDS = ("Texture", "Buffer", "Framebuffer", "Program", "Shader", "Query", "VertexArray", "Sampler")
NAMES_LOOKED_AT = 512
MIB = 1 << 20


class Sample(NamedTuple):
    """One row of the table."""

    seconds: float
    frames: int
    restarts: int
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


class Restarts(threading.Thread):
    """Begin and end drawing again and again: each way, several formats and sizes, a context each time."""

    def __init__(self) -> None:
        super().__init__(name="restarts")
        self.over = threading.Event()
        self.done = self.errors = 0
        self.failed: BaseException | None = None

    def run(self) -> None:
        try:
            while not self.over.is_set():
                transfer = COPYING[self.done % len(COPYING)]
                format, size = (("YUYV", (160, 120)), ("NV12", (320, 240)))[self.done % 2]
                screen = Offscreen(transfer=transfer, on_draw=lambda ctx, textures: ctx.show(ctx.picture))
                with camkit.SyntheticCamera(size, format=format, realtime=False) as camera:
                    Pipeline(camera, screen).run(frames=40)
                assert screen.readback().any()
                self.errors += sum(message["kind"] == "error" for message in screen.messages)
                screen.close()
                self.done += 1
        except BaseException as error:
            self.failed = error


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
    inspector, restarts, samples = Inspector(), Restarts(), []
    # Few slots, so that each is written again as soon as it may be; memfds, which this driver takes for dma-bufs.
    with FramePool(4, format="GREY", size=SIZE, backing="memfd", alignment=4096) as pool:
        render = Render(transfer="import", on_draw=inspector.count)
        screen = Offscreen(transfer="client")
        nodes = (put_number, gl_nodes.StandIn(pool), Step(render, thread=True), inspector.compare, screen)
        pipeline = Pipeline(PoolSource(pool), *nodes, policy="block")
        pipeline.start()
        restarts.start()

        def well() -> bool:
            return pipeline.running and restarts.failed is None

        # What every way takes but once, and what a slow machine needs for that, comes before the first sample.
        while well() and not (restarts.done >= 2 * len(COPYING) and inspector.objects):
            time.sleep(0.01)
        begin, before = time.monotonic(), restarts.done
        while well() and ((now := time.monotonic() - begin) < seconds or restarts.done <= before):
            time.sleep(max(min(seconds / 40, seconds - now), 0.01))
            errors = restarts.errors + sum(message["kind"] == "error" for message in screen.messages)
            descriptors = len(os.listdir("/proc/self/fd"))
            took = time.monotonic() - begin
            found = (inspector.frames, restarts.done, memory(), descriptors, inspector.objects, errors, inspector.torn)
            samples.append(Sample(took, *found))
        restarts.over.set()
        restarts.join()
        pipeline.stop()
        pipeline.wait()
        print(render.explain(), screen.explain(), sep="\n")
    if restarts.failed is not None:
        raise restarts.failed
    return samples


def table(samples: list[Sample]) -> str:
    rows = ["   time  pictures  restarts  memory MiB  descriptors  objects  errors  torn"]
    rows += [
        f"{s.seconds:6.1f}s {s.frames:9} {s.restarts:9} {s.memory_mib:11.1f} {s.descriptors:12} {s.objects:8} "
        f"{s.errors:7} {s.torn:5}"
        for s in samples
    ]
    return "\n".join(rows)


@pytest.mark.timeout(max(300, 2 * SECONDS))
def test_nothing_grows_and_nothing_tears(gl_nodes: Any) -> None:
    samples = soak(gl_nodes, SECONDS)
    print(table(samples))
    last = samples[-1]
    assert last.frames > 20 and last.restarts > 0
    assert (last.errors, last.torn) == (0, 0)
    counted = [sample.objects for sample in samples if sample.objects]
    assert counted and len(set(counted)) == 1, "as many OpenGL objects all the time"
    # A restart has some descriptors of its own for a moment; the fewest of each half are those that stay.
    half = len(samples) // 2
    first, second = samples[half // 2 : half], samples[half:]
    assert min(s.descriptors for s in second) <= min(s.descriptors for s in first)
    # The heap takes a while to find its size: the last quarter beside the second.
    before, after = (float(np.median([s.memory_mib for s in part])) for part in (first, samples[-len(first) :]))
    assert after - before < (8 if SECONDS >= 60 else 40), f"{after - before:.1f} MiB more than at first"
