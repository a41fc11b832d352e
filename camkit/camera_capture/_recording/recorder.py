"""Recorder: the stage of a pipeline that writes every frame into an MCAP file."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import platform
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from camkit.camera_capture._recording.frame_record import to_record
from camkit.camera_capture._recording.schemas import VERSION, need_mcap
from camkit.camera_capture.info import check_choice
from camkit.errors import RecordError
from camkit.performance_core.node_stats import SourceStats
from camkit.performance_core.stages import PyStage

if TYPE_CHECKING:
    from camkit.camera_capture._recording.writer import RecordingWriter
    from camkit.memory_manager import Frame
    from camkit.performance_core import Pipeline, Source

COMPRESSIONS = ("none", "lz4", "zstd")
CAUSES = ("driver", "corrupt", "pool")
# A driver's time that is further than this from when we had the frame is none of this clock's: it is not shown as one.
FAR_NS = 60_000_000_000


class Recorder(PyStage):
    """Write the frames that pass through a pipeline into an MCAP file, which `camkit.open` plays again.

    A stage with a thread of its own. Every frame is written from where it lies, with all that is known of it, as a
    chunk of its own; beside it what the camera lost and why, its events, and the error that ended the run. Viewers show
    the pictures. With the pipeline's policy `drop_newest` a disk that is too slow costs frames and not the camera's
    time: they are missing in the file, which tells how many, as the report does.

    One file for each run. The file is made when the pipeline starts and complete when it has ended; one that was broken
    off is readable up to its last whole frame. `report` may be called from any thread, at any time.

    Parameters
    ----------
    path : str or os.PathLike
        The file, best with the suffix `.mcap`.
    overwrite : bool
        Whether a file of that name may be replaced.
    compression : {"none", "lz4", "zstd"}
        Of the chunks. Raw pixels are written faster than they are compressed.

    Raises
    ------
    RecordError, RecordingExists
        By `Pipeline.start` and `Pipeline.wait`, as the cause of a PipelineError: the file cannot be made or written.
    LibraryMissing
        In the same way: there is no mcap library; `pip install camkit[record]` brings it.

    Examples
    --------
    >>> with camkit.open() as camera:
    ...     camkit.Pipeline(camera, camkit.Recorder("desk.mcap"), policy="drop_newest", depth=16).run(seconds=5)
    """

    def __init__(self, path: str | os.PathLike[str], *, overwrite: bool = False, compression: str = "none") -> None:
        super().__init__(self._record, "recorder")
        self.path = os.fspath(path)
        if not isinstance(self.path, str) or not self.path or "\0" in self.path:
            raise ValueError(f"path is {path!r}, not the name of a file")
        self.overwrite = bool(overwrite)
        self.compression: str = check_choice("compression", compression, COMPRESSIONS)
        self._pipeline: Pipeline | None = None
        self._writer: RecordingWriter | None = None
        self._account: dict[str, Any] = {}
        self._before = SourceStats()  # the source's counters when the run began
        self._lost: dict[str, int] = {}
        self._next: tuple[int, int] | None = None  # generation, and number of the frame that must come
        self._offset_ns = 0
        self._begun = 0.0
        self._events: deque[Any] = deque()  # of the source, not yet written; filled by whatever thread learns of them
        self._end_listening: Callable[[], None] | None = None

    def attach(self, pipeline: Pipeline) -> None:
        """Hear which pipeline it works in."""
        self._pipeline = pipeline

    def start(self) -> None:
        """Make the file."""
        need_mcap(f"record to {self.path!r}")
        from camkit.camera_capture._recording.writer import RecordingWriter

        self._lost, self._next = dict.fromkeys((*CAUSES, "pipeline"), 0), None
        self._writer = RecordingWriter(self.path, overwrite=self.overwrite, compression=self.compression)
        # One offset for the whole recording: times differ in the file as they do on the camera's clock.
        self._offset_ns = time.time_ns() - time.monotonic_ns()
        self._before = self._stats()
        self._begun = time.monotonic()
        self._writer.begin(f"camkit {_version()}", self._facts())
        self._events.clear()
        events = getattr(self._source, "events", None)
        self._end_listening = None if events is None else events.listen(self._events.append)

    def stop(self) -> None:
        """Write the account and the index, and close the file."""
        writer = self._writer
        if writer is None:
            return
        if self._end_listening is not None:
            self._end_listening()
        failures = [] if self._pipeline is None else self._pipeline.errors
        self._account = self._final_account(writer)
        try:
            # Of a full disk nothing more is asked than the index.
            with contextlib.suppress(RecordError):
                self._write_events()
                for error, node, _ in failures:
                    if node is self._source:
                        told: dict[str, Any] = {"type": type(error).__name__, "message": _words(error)}
                        self._event("error", errno=getattr(error, "errno", None), **told)
                self._event("end", **self._account)
            writer.finish()
            self._account["complete"] = True
        finally:
            self._account["bytes"] = writer.size
            self._pipeline = self._writer = None
            writer.close()

    def report(self) -> dict[str, Any]:
        """Tell what was written of the run under way, or of the last.

        Returns
        -------
        dict
            `path`; `frames` in the file; `captured` by the camera = frames + the sum of `dropped` {driver, corrupt,
            pool, pipeline}, where `pipeline` are those that never came to the file, mostly since the disk was too slow;
            `events`; `bytes` of the file; `seconds`; `complete`: the file has its index and its end.
        """
        writer = self._writer
        if writer is None:
            return dict(self._account)
        return self._live_account(writer, dict(self._lost))

    def explain(self) -> str:
        """Tell in words what was written."""
        r = self.report()
        if not r:
            return f"records to {self.path!r}"
        lost = ", ".join(f"{count} {cause}" for cause, count in r["dropped"].items() if count)
        words = f"{r['frames']} frames, {r['bytes']} bytes in {r['path']!r}, compression {self.compression}"
        end = "" if r["complete"] or self._writer is not None else "; it has no index"
        return words + (f"; lost: {lost}" if lost else "; no frame lost") + end

    # ---- inside ------------------------------------------------------------------------------------------------

    def _record(self, frame: Frame) -> None:
        from camkit.camera_capture._recording.writer import Times

        self._write_events()
        record, planes = to_record(frame)
        record["lost"] = self._losses(record)
        had_ns = record["dequeue_ns"] + self._offset_ns
        own_ns = record["timestamp_ns"] + self._offset_ns
        times = Times(had_ns, own_ns if abs(own_ns - had_ns) < FAR_NS else had_ns)
        assert self._writer is not None
        self._writer.frame(json.dumps(record, separators=(",", ":")).encode(), record, planes, times)

    def _losses(self, record: dict[str, Any]) -> dict[str, int]:
        """Tell the causes of the frames that are missing before this one."""
        gap, lost = record["gap"], dict.fromkeys((*CAUSES, "pipeline"), 0)
        if gap:
            # The counters may be ahead of this frame, never behind it; the account at the end is exact.
            counted = self._dropped()
            left = gap
            for cause in ("corrupt", "pool"):
                lost[cause] = min(left, max(0, counted[cause] - self._lost[cause]))
                left -= lost[cause]
            lost["driver"] = left
        stream = record["generation"]
        if self._next is not None and self._next[0] == stream:
            lost["pipeline"] = max(0, record["sequence"] - gap - self._next[1])
        self._next = stream, record["sequence"] + 1
        for cause, count in lost.items():
            self._lost[cause] += count
        return lost

    def _write_events(self) -> None:
        while self._events:
            self._event(**self._events.popleft().as_dict())

    def _event(self, kind: str, time_ns: int | None = None, **facts: Any) -> None:
        now = time.monotonic_ns()
        event = {"time_ns": now if time_ns is None else time_ns, "kind": kind, **facts}
        assert self._writer is not None
        # Log times grow with the file, whatever the driver's clock says.
        self._writer.event(json.dumps(event, default=str).encode(), now + self._offset_ns)

    def _live_account(self, writer: RecordingWriter, dropped: dict[str, int]) -> dict[str, Any]:
        return {
            "path": self.path,
            "frames": writer.frames,
            "captured": writer.frames + sum(dropped.values()),
            "dropped": dropped,
            "events": writer.events,
            "bytes": writer.size,
            "seconds": time.monotonic() - self._begun,
            "complete": False,
        }

    def _final_account(self, writer: RecordingWriter) -> dict[str, Any]:
        taken = (self._stats() - self._before).taken
        dropped = self._dropped() | {"pipeline": max(0, taken - writer.frames)}
        return self._live_account(writer, dropped)

    def _dropped(self) -> dict[str, int]:
        dropped = (self._stats() - self._before).dropped
        return {cause: getattr(dropped, cause) for cause in CAUSES}

    def _stats(self) -> SourceStats:
        return SourceStats() if self._source is None else self._source.stats()

    @property
    def _source(self) -> Source | None:
        return None if self._pipeline is None else self._pipeline.source_of(self)

    def _facts(self) -> dict[str, str]:
        """Tell what is recorded, for the file's beginning."""
        return {
            "version": str(VERSION),
            "camkit": _version(),
            "system": platform.platform(),
            "info": _json(getattr(self._source, "info", None)),
            "stream": _json(getattr(self._source, "stream", None)),
            "unix_offset_ns": str(self._offset_ns),
            "compression": self.compression,
        }


def _json(value: Any) -> str:
    known = dataclasses.is_dataclass(value) and not isinstance(value, type)
    return json.dumps(dataclasses.asdict(value) if known else None, default=str)


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("camkit")
    except PackageNotFoundError:  # run from a tree that was never installed
        return "unknown"


def _words(error: BaseException) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
