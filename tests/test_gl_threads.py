"""OpenGL objects are made and deleted in the thread of their context only, whoever drops what, and whenever."""

import ctypes
import gc
import subprocess
import sys
import threading
import weakref
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import camkit
from camkit import Offscreen
from camkit.gl_core._gl import Functions
from camkit.gl_core._gl_names import GL_NAMES
from camkit.gl_core.context import Context

SIZED = tuple(name for name in GL_NAMES if name.startswith(("Gen", "Delete")) and name.endswith("s"))
SINGLE = ("CreateProgram", "DeleteProgram", "CreateShader", "DeleteShader", "FenceSync", "DeleteSync")
KINDS = {"Programs": "Program", "Shaders": "Shader", "Syncs": "Sync", "FenceSync": "Sync"}


class Counted(Offscreen):
    """Notes for each object of OpenGL that it is made and deleted, and in which thread."""

    def _open_context(self) -> Context:
        context = super()._open_context()
        self.alive: Counter[str] = Counter()
        self.threads: set[int] = set()
        self.opened_in = threading.get_ident()
        self.kept: list[Any] = []
        context.functions = Functions(lambda name: self._counted(name, context.get_proc(name)))
        return context

    def _counted(self, name: str, address: int) -> int:
        bare = name.removeprefix("gl")
        if bare in SIZED:
            kind = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_void_p)
        elif bare in SINGLE:
            kind = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint)
        else:
            return address
        real = kind(address)
        sign = -1 if bare.startswith("Delete") else 1
        what = bare.removeprefix("Delete").removeprefix("Gen").removeprefix("Create").removesuffix("s")

        def call(first: Any, second: Any) -> Any:
            self.threads.add(threading.get_ident())
            if bare in SIZED:
                names = (ctypes.c_uint * first).from_address(second)
                self.alive[what] += sign * (sum(1 for one in names if one) if sign < 0 else first)
            elif sign > 0 or first:
                self.alive[what.removeprefix("Fence")] += sign
            return real(first, second)

        self.kept.append(kind(call))
        return ctypes.cast(self.kept[-1], ctypes.c_void_p).value or 0

    def verdict(self) -> tuple[dict[str, int], bool]:
        """What is left, and whether all was done in the one thread."""
        return {kind: n for kind, n in self.alive.items() if n}, self.threads == {self.opened_in}


def feed(screen: Offscreen, value: int = 7, size: tuple[int, int] = (16, 8)) -> None:
    width, height = size
    screen._feed([bytes([value]) * (width * height)], "GREY", size, [width])


def in_another_thread(function: Callable[[], object]) -> None:
    thread = threading.Thread(target=function)
    thread.start()
    thread.join()


@pytest.mark.parametrize("transfer", ["client", "pbo", "orphan"])
def test_a_pipeline_leaves_nothing_and_works_in_its_own_thread(transfer: str) -> None:
    screen = Counted(transfer=transfer, on_draw=lambda ctx, textures: ctx.show(textures[0]))
    for size in ((64, 48), (128, 96)):
        with camkit.open("synthetic", format="YUYV", size=size, fps=1000) as camera:
            camkit.Pipeline(camera, screen).run(frames=20)
        assert screen.verdict() == ({}, True)
        assert screen.opened_in != threading.get_ident()
    in_another_thread(screen.close)
    assert screen.readback().shape == (96, 128, 3)


def test_changes_of_size_leave_nothing() -> None:
    with Counted(size=(20, 20)) as screen:
        for i in range(12):
            feed(screen, size=(16 + 4 * (i % 3), 8))
        held = dict(screen.alive)
        for i in range(12):
            feed(screen, size=(16 + 4 * (i % 3), 8))
        assert dict(screen.alive) == held
        assert held["Texture"] >= 3 and held["Framebuffer"] >= 2
    assert screen.verdict() == ({}, True)


def test_a_sink_that_is_dropped_in_its_thread_leaves_nothing() -> None:
    screen = Counted()
    feed(screen)
    verdict, gone = screen.verdict, weakref.ref(screen)
    alive = screen.alive
    assert alive
    screen.kept.append(screen)  # a cycle
    del screen, verdict
    gc.collect()
    assert gone() is None
    assert +alive == Counter()


def test_a_sink_that_is_collected_in_another_thread_calls_no_opengl_there() -> None:
    screen = Counted()
    feed(screen)
    threads, alive = screen.threads, screen.alive
    screen.kept.append(screen)
    before = dict(alive)
    gc.disable()
    try:
        gone = weakref.ref(screen)
        del screen
        with pytest.warns(camkit.LeakWarning, match="'Counted' was dropped in another thread"):
            in_another_thread(gc.collect)
        assert gone() is None
    finally:
        gc.enable()
    assert threads == {threading.get_ident()}
    assert dict(alive) == before, "what cannot be deleted is left to the process"
    feed(other := Counted())
    other.close()
    assert other.verdict() == ({}, True), "the next one is none the worse for it"


def test_frames_that_outlive_the_sink_are_dropped_anywhere() -> None:
    frames: list[camkit.Frame] = []
    screen = Counted()
    with camkit.open("synthetic", format="GREY", size=(64, 48), fps=1000) as camera:
        camkit.Pipeline(camera, lambda frame: frames.append(frame.copy()), screen).run(frames=3)
    assert screen.verdict() == ({}, True)
    threads = set(screen.threads)
    arrays = [frame.array for frame in frames]
    in_another_thread(frames.clear)
    assert screen.threads == threads
    assert [array.shape for array in arrays] == [(48, 64)] * 3


def test_a_failed_start_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from camkit.gl_core import _renderer

    def refuse(*args: Any, **kwargs: Any) -> int:
        raise camkit.ShaderError("no")

    screen = Counted()
    monkeypatch.setattr(_renderer, "build_program", refuse)
    with pytest.raises(camkit.ShaderError):
        feed(screen)
    screen.close()
    assert screen.verdict() == ({}, True)


EXIT = """
import gc, sys, threading
import camkit
from camkit import Offscreen
gc.disable()  # else any thread may find the cycle first, and would have to say that it cannot delete it

def feed(screen):
    screen._feed([bytes(16)], "GREY", (4, 4), [4])

class Cycle:
    pass

kept = Offscreen(on_draw=lambda ctx, textures: None)
feed(kept)
cycle = Cycle()
cycle.self, cycle.screen = cycle, Offscreen()
feed(cycle.screen)
del cycle
elsewhere = []
def use():
    elsewhere.append(Offscreen())
    feed(elsewhere[0])
thread = threading.Thread(target=use)
thread.start()
thread.join()
camera = camkit.open("synthetic", format="GREY", size=(64, 48))
pipeline = camkit.Pipeline(camera, Offscreen())
pipeline.start()
screen = Offscreen()
kept.readback()
HOW
"""


@pytest.mark.parametrize("how", ["", "sys.exit(0)", "del kept; sys.modules.clear()"])
def test_the_end_of_the_program_is_quiet(how: str) -> None:
    run = [sys.executable, "-X", "faulthandler", "-c", EXIT.replace("HOW", how)]
    done = subprocess.run(run, capture_output=True, text=True, timeout=200, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_many_sinks_of_many_threads_at_once() -> None:
    done: list[Counted] = []

    def use() -> None:
        with Counted() as screen:
            for value in range(20):
                feed(screen, value)
            assert (screen.readback() == np.uint8(19)).all()
        done.append(screen)

    threads = [threading.Thread(target=use) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [screen.verdict() for screen in done] == [({}, True)] * 6


def test_what_another_thread_draws_with_is_not_taken_from_it() -> None:
    screen, render = Offscreen(), camkit.Render()
    for node in (screen, render):
        node.start()
        caught: list[str] = []

        def meddle(node: Any = node, caught: list[str] = caught) -> None:
            with pytest.raises(camkit.GLError, match="another thread uses it; stop its pipeline first") as error:
                node.stop()
            caught.append(str(error.value))

        in_another_thread(meddle)
        assert caught and caught[0].startswith(f"cannot stop {node.name!r}")
        node.stop()
        node.stop()


FORKED = """
import gc, os, signal, camkit

pool = camkit.FramePool(1, format="GREY", size=(16, 8))
frame = pool.acquire()
screen, other = camkit.Offscreen(), camkit.Offscreen()
screen.show(frame)
other.show(frame)
child = os.fork()
if not child:
    signal.alarm(150)
    told = []
    for use in (lambda: screen.show(frame), screen.readback, lambda: camkit.Offscreen().show(frame)):
        try:
            use()
        except camkit.GLError as error:
            told.append("was forked from one that had begun to use OpenGL" in str(error))
    screen.close()
    del other
    gc.collect()
    os._exit(told != [True] * 3)
assert os.waitpid(child, 0)[1] == 0
screen.show(frame)
screen.readback()
screen.close()
other.close()
print("drawn")
"""


def test_a_forked_child_waits_for_no_thread_of_its_parent_s_driver() -> None:
    done = subprocess.run([sys.executable, "-W", "error", "-c", FORKED], capture_output=True, text=True, timeout=200)
    assert (done.returncode, done.stdout, done.stderr) == (0, "drawn\n", "")
