"""Memory for pictures of the GPU that other devices can be given: buffers of libgbm, and our own."""

from __future__ import annotations

import contextlib
import ctypes
import os
from pathlib import Path
from typing import Any, NamedTuple

from camkit.errors import BackingUnavailable, DmabufUnavailable
from camkit.memory_manager import Frame, FramePool

LINEAR, INVALID = 0, 0x00FFFFFFFFFFFFFF
ABGR8888, USE_RENDERING, USE_LINEAR = 0x34324241, 1 << 2, 1 << 4
PITCH = 256  # bytes; what GPUs that draw into other's memory want a row's length to be a multiple of
DRI = Path("/dev/dri")
BACKINGS = ("udmabuf", "dma-heap")  # of our own memory, the first that there is


class Buffer(NamedTuple):
    """Memory of one picture, four bytes a pixel.

    Attributes
    ----------
    fd : int
        Its dma-buf.
    offset, stride : int
        Bytes to the first row, and from row to row.
    modifier : int
        DRM's: how it is laid out.
    address : int
        Where the CPU sees the first row; 0: nowhere yet, and the descriptor is the taker's.
    keep : object
        What holds it, else.
    """

    fd: int
    offset: int
    stride: int
    modifier: int
    address: int = 0
    keep: Any = None


def own_buffers(count: int, columns: int, rows: int) -> list[Buffer]:
    """Make buffers in memory of ours: pages that the CPU reads at full speed, as dma-bufs.

    Raises
    ------
    DmabufUnavailable
        There is no device that makes dma-bufs.
    """
    stride = (4 * columns + PITCH - 1) // PITCH * PITCH
    refused = []
    for backing in BACKINGS:
        try:
            pool = FramePool(count, format="GREY", size=(stride, rows), backing=backing, debug=False)
        except (BackingUnavailable, MemoryError) as error:
            refused.append(f"{backing}: {error}")
            continue
        frames = [pool.acquire() for _ in range(count)]
        return [_own(pool, frame, stride) for frame in frames]
    raise DmabufUnavailable("; ".join(refused))


def _own(pool: FramePool, frame: Frame, stride: int) -> Buffer:
    if frame.dmabufs:
        fd, offset = frame.dmabufs[0][:2]
    else:  # a memfd, which some drivers take for a dma-buf: all slots are in one
        fd, offset = pool.fd or 0, frame.slot * pool.pitch
    return Buffer(fd, offset, stride, LINEAR, frame.array.ctypes.data, (pool, frame))


def gbm_buffers(count: int, columns: int, rows: int) -> list[Buffer]:
    """Make linear buffers of libgbm, of the first device in /dev/dri that does.

    Raises
    ------
    DmabufUnavailable
        There is no libgbm, no such device, or none that makes linear buffers to draw into.
    """
    nodes = sorted(DRI.glob("renderD*"))
    if not nodes:
        raise DmabufUnavailable(f"there is no {DRI}/renderD*: no driver of a GPU is loaded")
    try:
        gbm = ctypes.CDLL("libgbm.so.1")
    except OSError as error:
        raise DmabufUnavailable(f"{error}; on Debian: apt install libgbm1") from error
    handle: Any = ctypes.c_void_p
    number: Any = ctypes.c_uint32
    for function, result, kinds in (
        (gbm.gbm_create_device, handle, [ctypes.c_int]),
        (gbm.gbm_device_destroy, None, [handle]),
        (gbm.gbm_bo_create, handle, [handle, number, number, number, number]),
        (gbm.gbm_bo_destroy, None, [handle]),
        (gbm.gbm_bo_get_fd, ctypes.c_int, [handle]),
        (gbm.gbm_bo_get_stride, number, [handle]),
        (gbm.gbm_bo_get_offset, number, [handle, ctypes.c_int]),
        (gbm.gbm_bo_get_modifier, ctypes.c_uint64, [handle]),
    ):
        function.restype, function.argtypes = result, kinds
    refused = []
    for node in nodes:
        made: list[Buffer] = []
        why = _of_node(gbm, node, made, count, columns, rows)
        if not why:
            return made
        for buffer in made:
            os.close(buffer.fd)
        refused.append(f"{node}: {why}")
    raise DmabufUnavailable("; ".join(refused))


def _of_node(gbm: Any, node: Path, made: list[Buffer], count: int, columns: int, rows: int) -> str:
    """Add `count` buffers of one device to `made`, or return why not."""
    with contextlib.ExitStack() as stack:
        try:
            fd = os.open(node, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            return f"{error.strerror}"
        stack.callback(os.close, fd)
        device = gbm.gbm_create_device(fd)
        if not device:
            return "libgbm does not know its driver"
        stack.callback(gbm.gbm_device_destroy, device)
        for _ in range(count):
            bo = gbm.gbm_bo_create(device, columns, rows, ABGR8888, USE_RENDERING | USE_LINEAR)
            if not bo:
                return f"gbm_bo_create makes no linear AB24 {columns}x{rows} to draw into"
            # The descriptor keeps the memory, so the buffer's own handle goes.
            stack.callback(gbm.gbm_bo_destroy, bo)
            modifier = gbm.gbm_bo_get_modifier(bo)
            if modifier not in (LINEAR, INVALID):
                return f"its buffers are not linear, the modifier is {modifier:#x}"
            exported = gbm.gbm_bo_get_fd(bo)
            if exported < 0:
                return "gbm_bo_get_fd gives no dma-buf"
            made.append(Buffer(exported, gbm.gbm_bo_get_offset(bo, 0), gbm.gbm_bo_get_stride(bo), modifier))
    return ""
