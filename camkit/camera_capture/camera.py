"""Camera: frames in a for loop."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from camkit.camera_capture._backend import end_thread_at_exit
from camkit.camera_capture._synthetic import INFO, SyntheticBackend
from camkit.camera_capture.async_frames import AsyncFrames
from camkit.camera_capture.controls import Controls
from camkit.camera_capture.events import Events
from camkit.camera_capture.info import MOST_BUFFERS, CameraInfo, Corrupt, Exhausted, Request, Size, StreamInfo
from camkit.camera_capture.settings import Settings
from camkit.memory_manager._checks import check_int

if TYPE_CHECKING:
    from camkit.camera_capture._backend import Backend
    from camkit.memory_manager import Frame, FramePool, PixelFormat
    from camkit.performance_core.node_stats import SlotCounts, SourceStats
    from camkit.performance_core.stats import Summary


class Camera(Settings):
    """An open camera: a context manager, and an iterator of frames, for `for` and for `async for`.

    Made by `camkit.open`. `close` gives the device up; frames and their views stay valid. A camera that is
    forgotten, or open when the program ends, closes by itself.

    `start`, `stop`, `close` and all properties may be used from any thread; one thread at a time may read, and none
    while a pipeline runs on the camera, which takes all of its frames: RuntimeError. Closing or stopping ends a loop
    that reads in another thread.

    Examples
    --------
    >>> with camkit.open("synthetic", frames=3) as camera:
    ...     for frame in camera:
    ...         print(frame.sequence, frame.array.shape)
    """

    def __init__(self, source: Backend) -> None:
        self._source = source
        self._controls = Controls(source)

    def __enter__(self) -> Camera:
        self._check()
        return self

    def __exit__(self, *args: object) -> None:
        self.close()

    def __iter__(self) -> Camera:
        self.start()
        return self

    def __aiter__(self) -> AsyncFrames:
        return AsyncFrames(self._source)

    def __next__(self) -> Frame:
        self._begin()
        frame = self._source.read()
        if frame is None:
            raise StopIteration
        return frame

    def __repr__(self) -> str:
        source = self._source
        state = "closed" if source.closed else "streaming" if source.streaming else "open"
        return f"<{type(self).__name__} {str(self.info)!r} {self.stream} {state}>"

    def start(self) -> None:
        """Begin to stream; harmless while it streams. Reading starts the first stream by itself.

        Raises
        ------
        ValueError
            The camera is closed.
        CameraError
            The camera refused.
        """
        self._source.start()

    def stop(self) -> None:
        """End the stream, and a loop that reads it; `start` begins another. Harmless when there is none."""
        self._source.stop()

    def close(self) -> None:
        """Give the camera up. Frames that are out stay valid. Closing twice is harmless."""
        self._source.close()

    def read(self, timeout: float | None = None) -> Frame:
        """Wait for the next frame.

        Parameters
        ----------
        timeout : float, optional
            Seconds; 0 only looks. Default: until a frame comes, or the camera's own limit given to `open` is over.

        Returns
        -------
        Frame

        Raises
        ------
        CameraTimeout
            No frame within the time.
        EOFError
            The stream is over, or was stopped.
        PoolExhausted
            `on_exhausted` is "raise" and too many frames are held.
        CameraError
            The camera failed.
        ValueError
            The camera is closed.
        RuntimeError
            Another thread is reading, or a pipeline runs on the camera.
        """
        self._check()
        self._begin()
        frame = self._source.read(timeout)
        if frame is None:
            self._check()
            raise EOFError(
                f"no more frames from camera {str(self.info)!r}: the stream is over; stop() and start() begin another"
            )
        return frame

    def grow(self, count: int) -> None:
        """Add buffers to the ring while the camera streams, without a break.

        Parameters
        ----------
        count : int
            How many; a ring has at most 32. `stream.buffers` tells what there is now; the next stream, also one
            that begins by itself after a change of the source or an outage, has as many as were asked for at first.

        Raises
        ------
        ValueError
            The camera does not stream, or these would be too many.
        CameraError
            The driver has no more, or cannot give any while it streams.
        """
        self._source.grow(check_int("count", count, 1, MOST_BUFFERS))

    def stats(self) -> SourceStats:
        """Count the frames since the camera was opened: captured = taken + dropped, dropped by cause, and copies."""
        return self._source.stats()

    def slots(self) -> SlotCounts | None:
        """Tell where the buffers of the camera's ring are now; None while it does not stream, or does not know."""
        return self._source.slots()

    def latencies(self) -> dict[str, Summary]:
        """Return {"dequeue": Summary}: microseconds from a frame's timestamp until we had it."""
        return self._source.latencies()

    def explain(self) -> str:
        """Tell in words what the camera delivers, what of it is not as asked, and what happened to the frames."""
        return self._source.explain()

    @property
    def source(self) -> Backend:
        """Backend: what a Pipeline reads from."""
        return self._source

    @property
    def info(self) -> CameraInfo:
        """CameraInfo: which camera it is."""
        return self._source.info

    @property
    def stream(self) -> StreamInfo:
        """StreamInfo: what it delivers."""
        return self._source.stream

    @property
    def controls(self) -> Controls:
        """Controls: brightness, exposure and the like, by name; empty if the camera has none."""
        return self._controls

    @property
    def events(self) -> Events:
        """Events: what happens to it beside its frames, such as another signal, or a control that was changed."""
        return self._source.events

    @property
    def format(self) -> str:
        """str: pixel format."""
        return self.stream.format

    @property
    def size(self) -> Size:
        """(int, int): width and height in pixels."""
        return self.stream.width, self.stream.height

    @property
    def fps(self) -> float | None:
        """float or None: frames per second that the camera is set to."""
        return self.stream.fps

    @property
    def closed(self) -> bool:
        """bool: `close` was called."""
        return self._source.closed

    def _check(self) -> None:
        if self.closed:
            end_thread_at_exit()
            raise ValueError(f"camera {str(self.info)!r} is closed")

    def _begin(self) -> None:
        # Only the first stream starts by itself: a loop whose camera another thread stops must end, not begin anew.
        if not self._source.generation and not self.closed:
            self.start()


class SyntheticCamera(Camera):
    """A camera without hardware: a moving test pattern at exact times, and faults on request.

    Eight colour bars, a moving white box, and the frame's number and time as blocks that `read_stamp` reads. Any
    uncompressed format, 64x32 pixels (the smallest that hold the stamp) to 8192x8192. Frame n has the timestamp
    start + n / fps exactly, and is read-only, as a real camera's is.

    Parameters
    ----------
    size : (int, int)
        Width and height in pixels.
    fps : float
        Frames per second, 0.1 to 1000.
    format : str, int or PixelFormat
        Pixel format.
    drop : iterable of int, or float
        Frames that never appear: their numbers, or a share of all.
    damage : iterable of int, or float
        Frames that come damaged: the second half missing, `Frame.corrupt` set.
    delay : dict of int to float
        Seconds by which frames come late; their timestamps stay true.
    frames : int, optional
        The stream ends after so many, lost ones included.
    realtime : bool
        False: a frame is ready whenever one is asked for, and its time is that moment.
    seed : int
        Picks the frames of a share; the same ones every time.
    first_sequence : int
        Number of the first frame. Near 2**32 it shows how the wrap of a driver's counter is survived.
    memory : FramePool or callable, optional
    buffers, on_exhausted, corrupt, timeout
        As for `camkit.open`.
    """

    def __init__(
        self,
        size: Size = (640, 480),
        fps: float = 30,
        format: PixelFormat | str | int = "YUYV",
        *,
        drop: Iterable[int] | float = (),
        damage: Iterable[int] | float = (),
        delay: Mapping[int, float] | None = None,
        frames: int | None = None,
        realtime: bool = True,
        seed: int = 0,
        first_sequence: int = 0,
        memory: FramePool | Callable[[int, int], FramePool] | None = None,
        buffers: int = 4,
        on_exhausted: Exhausted = "copy",
        corrupt: Corrupt = "drop",
        timeout: float | None = 5.0,
    ) -> None:
        request = Request.make(
            format=format,
            size=size,
            fps=fps,
            buffers=buffers,
            on_exhausted=on_exhausted,
            corrupt=corrupt,
            timeout=timeout,
            options={
                "drop": drop,
                "damage": damage,
                "delay": delay,
                "frames": frames,
                "realtime": realtime,
                "seed": seed,
                "first_sequence": first_sequence,
                "memory": memory,
            },
        )
        super().__init__(SyntheticBackend(INFO, request))
