"""Recordings as cameras, for the table of backends. The mcap library is loaded when a recording is asked for."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from camkit.camera_capture._recording.schemas import need_mcap
from camkit.camera_capture.info import CameraInfo, FormatInfo, FrameSize
from camkit.memory_manager._format import FORMATS

if TYPE_CHECKING:
    from camkit.camera_capture._recording.recording import Recording


def list_devices() -> list[CameraInfo]:
    """Return no camera: a recording is none of this machine's."""
    return []


def open_recording(path: str) -> Recording:
    """Open a recording; errors as of `Recording`, and LibraryMissing."""
    need_mcap(f"open {path!r}")
    from camkit.camera_capture._recording.recording import Recording

    return Recording(path)


def info_of(source: str | os.PathLike[str]) -> CameraInfo:
    """Describe a recording as a camera."""
    recording = open_recording(os.fspath(source))
    recording.close()
    name = (recording.facts.get("info") or {}).get("name") or "an unnamed source"
    problem = "" if recording.damage is None else str(recording.damage)
    identity = os.path.abspath(recording.path)
    return CameraInfo("recording", f"Recording of {name}", recording.path, None, "mcap", "file", identity, problem)


def formats(path: str) -> tuple[FormatInfo, ...]:
    """Return the one format that a recording has; none if it has no frame."""
    recording = open_recording(path)
    first = recording.first()
    recording.close()
    if first is None:
        return ()
    row = FORMATS[first.record["format"]]
    fps = (recording.facts.get("stream") or {}).get("fps")
    size = FrameSize(first.record["width"], first.record["height"], (fps,) if fps else ())
    return (FormatInfo(row.fourcc, row.name, f"{recording.frames} recorded frames", row.compressed, (size,)),)


def describe(path: str) -> dict[str, Any]:
    """Tell what a recording says of itself.

    Returns
    -------
    dict
        `frames`, `bytes`, `indexed` (it was not broken off), `damage` (None: none was seen), `description` in words;
        what the recorder wrote: `version` of the layout, `camkit`, `system`, `info` and `stream` of the camera,
        `unix_offset_ns` (Unix time minus the camera's monotonic clock) and `compression`.
    """
    recording = open_recording(path)
    recording.close()
    told = {"frames": recording.frames, "bytes": recording.size, "indexed": recording.indexed}
    damage = None if recording.damage is None else str(recording.damage)
    return {**told, "damage": damage, "description": recording.describe(), **recording.facts}
