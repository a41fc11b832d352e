"""A driver that can be changed, and slots of a memfd that stand for dma-bufs, for the tests of imports."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from camkit.gl_core import Offscreen
from camkit.gl_core._egl_calls import EglFunctions
from camkit.gl_core._gl import Functions
from camkit.gl_core.context import Context
from camkit.memory_manager import FORMATS, Frame, FramePool

Change = Callable[[str, int], int | None]


class Probed(Offscreen):
    """An Offscreen whose driver can be changed, a function for another, and asked for errors."""

    def __init__(self, change: Change | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.change = change

    def _open_context(self) -> Context:
        self.context = context = super()._open_context()
        if self.change is not None:
            change = self.change

            def get_proc(name: str) -> int:
                real = context.get_proc(name)
                other = change(name, real)
                return real if other is None else other

            context.functions = Functions(get_proc)
            context.functions.egl = EglFunctions(get_proc)
        return context


class Buffers:
    """Slots of a memfd, each of which stands for a dma-buf."""

    def __init__(self, gl_nodes, name: str, size: tuple[int, int], slots: int = 2, padding: int = 0) -> None:
        row = FORMATS[name]
        stride = row.row_bytes(size[0]) + padding * row.itemsize
        self.nodes = gl_nodes
        self.pool = FramePool(slots, format=name, size=size, stride=stride, backing="memfd", alignment=4096)
        self.random = np.random.default_rng(7)

    def frame(self) -> Frame:
        """A picture that has no two pages alike."""
        frame = self.pool.acquire()
        for plane in frame.planes:
            flat = np.lib.stride_tricks.as_strided(plane, (plane.strides[0] * len(plane) // plane.itemsize,),
                                                   (plane.itemsize,))  # fmt: skip
            flat[:] = self.random.integers(0, 1 << 8 * plane.itemsize, flat.shape)
        return self.stand_in(frame)

    def stand_in(self, frame: Frame) -> Frame:
        assert self.pool.fd is not None
        return self.nodes.stand_in(frame, self.pool.fd, frame.slot * self.pool.pitch)
