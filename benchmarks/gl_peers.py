"""moderngl on our OpenGL context, and how the benchmarks of uploads and of drawing measure two things in one run."""

import time
from collections.abc import Callable

import moderngl
import numpy as np

from camkit.gl_core.context import Context
from camkit.memory_manager import Frame


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


def filled(frame: Frame) -> Frame:
    """Return the frame with bytes of which no two rows are alike."""
    for plane in frame.planes:
        plane[:] = np.random.default_rng(1).integers(0, 256, plane.shape, np.uint8)
    return frame


def by_turns(one: Callable[[], object], other: Callable[[], object], seconds: float = 0.4) -> tuple[float, float]:
    """Return the least time of each, measured by turns, so that a busy machine slows both alike."""
    best = [float("inf"), float("inf")]
    end, least = time.perf_counter() + seconds, 10
    while least > 0 or time.perf_counter() < end:
        least -= 1
        for place, action in enumerate((one, other)):
            begin = time.perf_counter()
            action()
            best[place] = min(best[place], time.perf_counter() - begin)
    return best[0], best[1]
