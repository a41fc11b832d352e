"""moderngl on our OpenGL context, and how the benchmarks of uploads and of drawing measure two things in one run."""

import ctypes
import time
from collections.abc import Callable

import moderngl
import numpy as np

from camkit.gl_core.context import Context, headless
from camkit.memory_manager import Frame

UNPACK_ROW_LENGTH = 0x0CF2


class Adopted:
    """What moderngl wants of a context that somebody else has made."""

    def __init__(self, context: Context) -> None:
        self.load_opengl_function = context.get_proc

    def __enter__(self) -> "Adopted":
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def release(self) -> None:
        """Leave it to its owner."""


def adopted_by_moderngl(context: Context) -> moderngl.Context:
    """Return moderngl's view of the context, which is current."""
    return moderngl.create_context(context=Adopted(context))


def renderer_name() -> str:
    """Ask OpenGL who draws; no context may be current."""
    context = headless()
    renderer = str(context.description["renderer"])
    context.destroy()
    return renderer


def filled(frame: Frame) -> Frame:
    """Return the frame with bytes of which no two rows are alike."""
    for plane in frame.planes:
        plane[:] = np.random.default_rng(1).integers(0, 256, plane.shape, np.uint8)
    return frame


def clean_slate(context: Context) -> Callable[[], None]:
    """Return what makes one library's leavings on the context none of the next one's.

    Ours leaves the length of a row that it has read; a library that never sets one would then read other bytes, half of
    the luma of NV12, and be measured with those. vispy leaves errors, which PyOpenGL takes for its own.
    """
    set_pixels = ctypes.CFUNCTYPE(None, ctypes.c_uint, ctypes.c_int)(context.get_proc("glPixelStorei"))
    get_error = ctypes.CFUNCTYPE(ctypes.c_uint)(context.get_proc("glGetError"))

    def clean() -> None:
        set_pixels(UNPACK_ROW_LENGTH, 0)
        while get_error():
            pass

    return clean


def by_turns(*actions: Callable[[], object], seconds: float = 0.4, before: Callable[[], object] = int) -> list[float]:
    """Return the least time of each, measured by turns, so that a busy machine slows all alike.

    `before` is called before each, outside of its time.
    """
    best = [float("inf")] * len(actions)
    end, least = time.perf_counter() + seconds, 10
    while least > 0 or time.perf_counter() < end:
        least -= 1
        for place, action in enumerate(actions):
            before()
            begin = time.perf_counter()
            action()
            best[place] = min(best[place], time.perf_counter() - begin)
    return best
