"""Memory that a camera fills and the GPU reads: mapped buffers that live as long as anything lies in them."""

import ctypes
import mmap
import os
import sys
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from camkit.errors import GLError
from camkit.gl_core._share_group import ShareGroup
from camkit.memory_manager import FramePool, RawMemory

PAGESIZE = mmap.PAGESIZE

if TYPE_CHECKING:
    from camkit.gl_core.context import Context
    from camkit.memory_manager import PixelFormat


class Keeper:
    """A context for what must outlive a sink's own: it is current only while it does something, in a thread for that.

    A thread of its own, for whoever lets go of the last frame may have any context, or none, current in his. Safe from
    any thread.

    Parameters
    ----------
    make : callable
        Makes the context, current in the calling thread.
    """

    def __init__(self, make: "Callable[[], Context]") -> None:
        self._lock = threading.Lock()
        self.context: Context = _in_thread(lambda: _made(make))
        weakref.finalize(self, _destroy, self.context, os.getpid()).atexit = False

    def run(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call a function with the context's `Functions`, and return what it returns."""

        def work() -> Any:
            with self._lock:
                self.context.make_current()
                try:
                    return function(self.context.functions, *args)
                finally:
                    self.context.release()

        return _in_thread(work)


class GpuMemory:
    """Bytes that are the process's and the GPU's alike. Gives them up when it is collected, on whatever thread.

    Parameters
    ----------
    group : ShareGroup
        The contexts that see them.
    nbytes : int
    pinned : bool
        Private pages of the process's that the GPU is told to read, instead of a buffer of the driver's mapped here.

    Raises
    ------
    GLError
        The driver has no such memory, or no more of it.
    """

    def __init__(self, group: ShareGroup, nbytes: int, pinned: bool) -> None:
        pages: Any = None
        if pinned:
            pages = _private_pages(-(-nbytes // PAGESIZE) * PAGESIZE)
            begin = ctypes.addressof(pages)
            buffer = group.pin(begin, len(pages))
        else:
            begin, buffer = group.add(nbytes + PAGESIZE)
        self.address = -(-begin // PAGESIZE) * PAGESIZE
        # At the end of the program it is left to the process: threads may still read frames. The buffer goes first, and
        # then the pages that it was pinned to, which the call keeps.
        weakref.finalize(self, _give_up, group, begin, buffer, os.getpid(), pages).atexit = False


def gpu_pool(
    group: ShareGroup,
    slots: int,
    slot_bytes: int | None = None,
    *,
    format: "str | int | PixelFormat | None" = None,
    size: tuple[int, int] | None = None,
    stride: int | None = None,
    pinned: bool = False,
) -> FramePool:
    """Make a FramePool of memory that the GPU reads by itself; arguments as there and of `GpuMemory`."""
    # One of ordinary memory checks the arguments, and knows how far slots are apart.
    with FramePool(slots, slot_bytes, format=format, size=size, stride=stride, prefault=False) as plain:
        needed = plain.slot_bytes
    pitch = -(-needed // PAGESIZE) * PAGESIZE
    memory = GpuMemory(group, slots * pitch, pinned)
    pieces = [RawMemory(memory.address + i * pitch, pitch, memory) for i in range(slots)]
    if format is None:
        return FramePool.wrap(pieces, needed, alignment=PAGESIZE)
    return FramePool.wrap(pieces, slot_bytes, format=format, size=size, stride=stride, alignment=PAGESIZE)


def _made(make: "Callable[[], Context]") -> "Context":
    context = make()
    context.release()
    return context


def _destroy(context: "Context", pid: int) -> None:
    if pid == os.getpid():

        def work() -> None:
            context.make_current()
            context.destroy()

        _quietly(lambda: _in_thread(work))


def _private_pages(nbytes: int) -> Any:
    # Some drivers take no page that others could see too.
    private = {} if sys.platform == "win32" else {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS}
    return (ctypes.c_uint8 * nbytes).from_buffer(mmap.mmap(-1, nbytes, **private))


def _give_up(group: ShareGroup, begin: int, buffer: int, pid: int, pages: Any) -> None:
    # A forked child has the mapping, but not the driver.
    if pid == os.getpid():
        _quietly(lambda: group.remove(begin, buffer))


def _quietly(work: Callable[[], None]) -> None:
    # A context that was lost has nothing left; at the end of the program there is no thread to be had.
    with suppress(GLError, RuntimeError):
        work()


def _in_thread(work: Callable[[], Any]) -> Any:
    answer: list[Any] = []

    def run() -> None:
        try:
            answer.append((work(), None))
        except BaseException as error:
            answer.append((None, error))

    thread = threading.Thread(target=run, name="camkit-gpu-memory")
    thread.start()
    thread.join()
    result, error = answer[0]
    if error is not None:
        raise error
    return result
