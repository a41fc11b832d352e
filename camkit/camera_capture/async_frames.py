"""AsyncFrames: a camera's frames for ``async for``, read by a thread that sleeps in the driver."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from camkit.camera_capture._backend import Backend
    from camkit.memory_manager import Frame


class AsyncFrames:
    """Iterate over a camera's frames without holding up the event loop.

    Made by ``async for frame in camera``. A thread reads one frame whenever one is waited for, so that frames, their
    order and the camera's account are those of a ``for`` loop. A wait that is cancelled ends the read, and a frame that
    had come by then goes back to the camera, whose next one it is. The thread ends with the loop, with an error and
    with a cancelled wait; a later wait begins another. For one task at a time.

    Examples
    --------
    >>> async def main():
    ...     async for frame in camera:
    ...         print(frame.sequence)
    """

    def __init__(self, source: Backend) -> None:
        self._source = source
        self._reader: _Reader | None = None
        self._begun = self._over = False

    def __aiter__(self) -> AsyncFrames:
        return self

    async def __anext__(self) -> Frame:
        if self._over:
            raise StopAsyncIteration
        loop = asyncio.get_running_loop()
        if self._reader is None:
            # Only the first one starts the stream: a loop whose camera is stopped must end, not begin anew.
            self._reader = _Reader(self._source, loop, not self._begun)
        reader = self._reader
        if reader.loop is not loop or reader.waiter is not None:
            raise RuntimeError(f"another task waits for this frame of camera {self._source.name!r}")
        try:
            result = await reader.read()
        except BaseException:
            self._close()
            raise
        if result is None:
            self._over = True
        if result is None or isinstance(result, BaseException):
            self._close()
            raise StopAsyncIteration if result is None else result
        return result

    def __del__(self) -> None:
        self._close()

    async def aclose(self) -> None:
        """End the iteration, and its thread. Harmless when that was done."""
        self._over = True
        self._close()

    def _close(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()
            self._begun = reader.begun


class _Reader:
    """The thread, and what passes between it and the event loop. It knows nothing of the iterator, which can go."""

    def __init__(self, source: Backend, loop: asyncio.AbstractEventLoop, start: bool) -> None:
        self.source, self.loop = source, loop
        self.begun = not start
        self.waiter: asyncio.Future[None] | None = None
        self._wanted = threading.Semaphore(0)
        self._came: deque[Frame | BaseException | None] = deque()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name=f"camkit-async-{source.name}", daemon=True)
        self._thread.start()

    async def read(self) -> Frame | BaseException | None:
        """Wait for what the next read brings. A caller that is cancelled must close()."""
        self.waiter = self.loop.create_future()
        self._wanted.release()
        try:
            await self.waiter
        finally:
            self.waiter = None
        return self._came.popleft()

    def close(self) -> None:
        """End the thread, and give back what it read for nobody."""
        self._closing = True
        self._wanted.release()
        # A wake-up that comes before the read has begun is kept for it.
        self.source.wake()
        self._thread.join()
        for result in self._came:
            if result is not None and not isinstance(result, BaseException):
                self.source.take_back(result)

    def _run(self) -> None:
        while True:
            self._wanted.acquire()
            if self._closing:
                return
            try:
                if not self.begun:
                    self.source.start()
                    self.begun = True
                while not self._closing:
                    result = self.source.read_until_woken()
                    if result is not False:
                        self._came.append(result)
                        del result  # a frame is its reader's alone
                        break
                else:
                    return
            except BaseException as error:
                self._came.append(error)
            try:
                self.loop.call_soon_threadsafe(self._ring)
            except RuntimeError:  # the loop is closed, and nobody will wait any more
                return

    def _ring(self) -> None:
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)
