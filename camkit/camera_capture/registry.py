"""The table of backends, and the way from a name to an open camera."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from camkit.camera_capture._v4l2 import wishes
from camkit.camera_capture.camera import Camera
from camkit.camera_capture.info import CameraInfo, Corrupt, Exhausted, FormatInfo, Match, Request, Size
from camkit.errors import CameraNotFound

if TYPE_CHECKING:
    from camkit.camera_capture._backend import Backend
    from camkit.memory_manager import PixelFormat


class Row(NamedTuple):
    """One backend; its modules are imported when a camera of the kind is looked for."""

    kind: str
    platform: str  # prefix of sys.platform; empty: everywhere
    backend: str  # module:class, made with (info, request)
    devices: str  # module with list_devices(), info_of(path), formats(path) and, if any, controls(path), settings(path)
    device_file: str = ""  # path of the camera with an index, a template; empty: has none
    options: tuple[str, ...] = ()  # that `open` passes on
    suffix: str = ""  # files of it are such cameras, by their path
    lasting: str = ""  # as backend, for who wants an unplugged camera waited for; empty: none can be unplugged


# Real cameras first: "auto" takes the first there is.
ROWS = (
    Row(
        "v4l2",
        "linux",
        "camkit.camera_capture._v4l2.backend:V4L2Backend",
        "camkit.camera_capture._v4l2.find",
        "/dev/video{}",
        options=("stride", "io", "memory", "hardware_time", *wishes.OPTIONS),
        lasting="camkit.camera_capture._v4l2.reconnect:LastingBackend",
    ),
    Row(
        "synthetic",
        "",
        "camkit.camera_capture._synthetic:SyntheticBackend",
        "camkit.camera_capture._synthetic",
        options=("drop", "damage", "delay", "frames", "realtime", "seed", "first_sequence", "memory"),
    ),
    Row(
        "recording",
        "",
        "camkit.camera_capture._recording.replay:ReplayBackend",
        "camkit.camera_capture._recording.find",
        options=("realtime", "loop", "start", "times", "damage", "faults", "memory"),
        suffix=".mcap",
    ),
)


def list_cameras() -> list[CameraInfo]:
    """List the cameras of this machine, the synthetic one last.

    Returns
    -------
    list of CameraInfo
    """
    return [info for row in rows() for info in import_module(row.devices).list_devices()]


def list_formats(source: str | os.PathLike[str] | int) -> tuple[FormatInfo, ...]:
    """List what a camera offers, without disturbing who uses it.

    Parameters
    ----------
    source : str, os.PathLike or int
        As for `open`.

    Returns
    -------
    tuple of FormatInfo

    Raises
    ------
    CameraNotFound
        No such camera.
    """
    row, info = find(source)
    return cast("tuple[FormatInfo, ...]", import_module(row.devices).formats(info.path))


def list_controls(source: str | os.PathLike[str] | int) -> list[dict[str, Any]]:
    """Describe the controls of a camera, with their values, without disturbing who uses it.

    Parameters
    ----------
    source : str, os.PathLike or int
        As for `open`.

    Returns
    -------
    list of dict
        As of `Controls.describe`; empty if it has none.

    Raises
    ------
    CameraNotFound
        No such camera.
    """
    row, info = find(source)
    devices = import_module(row.devices)
    return cast("list[dict[str, Any]]", devices.controls(info.path)) if hasattr(devices, "controls") else []


def list_settings(source: str | os.PathLike[str] | int) -> dict[str, Any]:
    """Describe inputs, signal, standards, timings and selections of a camera, without disturbing who uses it.

    Parameters
    ----------
    source : str, os.PathLike or int
        As for `open`.

    Returns
    -------
    dict
        As docs/json.md tells; empty if the kind of camera has none of it.

    Raises
    ------
    CameraNotFound
        No such camera.
    """
    row, info = find(source)
    devices = import_module(row.devices)
    return cast("dict[str, Any]", devices.settings(info.path)) if hasattr(devices, "settings") else {}


def open(
    source: str | os.PathLike[str] | int = "auto",
    *,
    format: PixelFormat | str | int | None = None,
    size: Size | None = None,
    fps: float | None = None,
    buffers: int = 4,
    on_exhausted: Exhausted = "copy",
    match: Match = "exact",
    corrupt: Corrupt = "drop",
    timeout: float | None = 5.0,
    reconnect: bool | float = False,
    **options: Any,
) -> Camera:
    """Open a camera.

    Parameters
    ----------
    source : str, os.PathLike or int
        `"auto"` (the first real camera that can be asked, the synthetic one if there is none), `"synthetic"`, a device
        file, the N of `/dev/videoN`, the `id` of a camera in `list_cameras`, or a recording: a file ending in `.mcap`.
    format : str, int or PixelFormat, optional
        Pixel format by name or fourcc, such as `"YUYV"`. Default: the camera's choice, as for `size` and `fps`.
    size : (int, int), optional
        Width and height in pixels.
    fps : float, optional
        Frames per second.
    buffers : int
        Buffers that camera and caller share, 2 to 32. With 4 or more the caller may hold all but two of them.
    on_exhausted : {"copy", "drop", "block", "raise"}
        What happens to a frame when the caller holds more than that: he gets a copy from a spare pool of as many slots
        (counted), the frame is dropped, `read` waits until a frame comes back, or PoolExhausted is raised.
    match : {"exact", "nearest"}
        Whether anything else than what was asked for is an error, or taken and told by `Camera.stream.differences`.
    corrupt : {"drop", "deliver"}
        What happens to damaged frames; delivered, they have `Frame.corrupt` set.
    timeout : float, optional
        Seconds without a frame that are an error, CameraTimeout. None: never.
    reconnect : bool or float, optional
        True: a camera that is unplugged is waited for, as long as it takes, or at most so many seconds. It is known
        again by its serial number, or else by its place, also under another number; the stream goes on with the same
        format, rate and controls, and the first frame has `Frame.discontinuity` set. A camera that is not there yet
        when it is opened is not waited for.
    **options
        More that the kind of camera understands, where None is as if it were not given; see `SyntheticCamera`. For all
        kinds: `memory`, a FramePool that the camera shall fill (a V4L2 driver by "userptr"), or what makes one of
        (slots, slot_bytes), such as the `pool` of a sink, or `FramePool` itself: a slot for each buffer, kept until the
        last frame that lies there is gone. For V4L2: `io`, the way into memory ("auto", "expbuf", "mmap", "udmabuf",
        "userptr" or "dma-heap");
        `stride`, the least bytes from one row to the next; `hardware_time`, whether a USB webcam's own clock fills
        `Frame.hardware_ns`: True, "auto" (where it has one) or False, the default, for it costs two more calls of the
        driver for a frame; and `input`, `standard`, `timings`, `crop`, `compose`, `rotate`, `hflip`, `vflip`,
        `priority`, `on_change` and `on_no_signal`, which docs/settings.md describes.
        For a recording: `realtime` (False: as fast as it is read), `loop`, `start` (seconds left out), `times`
        ("recorded", or "now": shifted to this machine's clock), `damage` ("raise", or "skip": play what can be read)
        and `faults` (False: do not raise the error that ended it).

    Returns
    -------
    Camera
        Open, not yet streaming.

    Raises
    ------
    CameraNotFound, CameraPermission, CameraBusy, CameraError
        The system has no such camera, or does not let us have it.
    FormatNotSupported
        It does not offer what was asked for; the message names the nearest that it does.
    SettingNotSupported, NoSignal
        It has not got what an option asks for, or no signal to tell it by.
    TypeError, ValueError
        An argument is wrong.
    """
    request = Request.make(
        format=format,
        size=size,
        fps=fps,
        match=match,
        buffers=buffers,
        on_exhausted=on_exhausted,
        corrupt=corrupt,
        timeout=timeout,
        reconnect=reconnect,
        options=options,
    )
    row, info = find(source)
    unknown = sorted(set(options) - set(row.options))
    if unknown:
        known = f"; there are {', '.join(row.options)}" if row.options else ""
        raise TypeError(f"cannot open {str(info)!r}: a {row.kind} camera has no option {unknown[0]!r}{known}")
    module, _, name = (row.lasting if request.reconnect and row.lasting else row.backend).partition(":")
    backend: Backend = getattr(import_module(module), name)(info, request)
    return Camera(backend)


def rows() -> Iterator[Row]:
    """Yield the rows of this platform."""
    return (row for row in ROWS if sys.platform.startswith(row.platform))


def find(source: str | os.PathLike[str] | int) -> tuple[Row, CameraInfo]:
    """Find the camera that `source` names, and its backend.

    Raises
    ------
    CameraNotFound
        No such camera, or not a camera.
    TypeError, ValueError
        `source` is nothing that names a camera.
    """
    if isinstance(source, int) and not isinstance(source, bool):
        return find_path(source)
    if not isinstance(source, (str, os.PathLike)):
        raise TypeError(f"source is {source!r}, not a name, a path or an index")
    name = os.fspath(source)
    if not isinstance(name, str) or not name or "\0" in name:
        raise ValueError(f"source is {source!r}, not a name, a path or an index")
    for row in rows():
        if row.suffix and name.lower().endswith(row.suffix):
            return row, cast(CameraInfo, import_module(row.devices).info_of(name))
    if isinstance(source, os.PathLike) or name.startswith(("/", ".")):
        return find_path(name)
    for row in rows():
        if name == row.kind and not row.device_file and not row.suffix:  # without looking at all the others
            return row, cast(CameraInfo, import_module(row.devices).info_of(name))
    known = []
    for row in rows():
        for info in import_module(row.devices).list_devices():
            if name == info.id or (name == "auto" and not info.problem):
                return row, info
            known.append(info.id)
    if "/" in name:  # a path from here, as ids may look like too
        return find_path(name)
    raise CameraNotFound(errno.ENOENT, f"no camera has this id; there are {', '.join(known)}", name)


def find_path(source: str | int) -> tuple[Row, CameraInfo]:
    """Find a camera by its device file or index."""
    if isinstance(source, int) and source < 0:
        raise ValueError(f"source is {source}, not an index from 0")
    for row in rows():
        if row.device_file:
            path = row.device_file.format(source) if isinstance(source, int) else source
            return row, cast(CameraInfo, import_module(row.devices).info_of(path))
    what = f"no camera {source!r}: on {sys.platform} there is only 'synthetic'"
    raise CameraNotFound(errno.ENOENT, what, str(source))
