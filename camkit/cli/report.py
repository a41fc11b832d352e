"""The report of a run: the one source of the table, the summary and the JSON object."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

import camkit
from camkit.cli.display import Drawn
from camkit.cli.exit_codes import code_of, one_line


def make_report(
    camera: camkit.Camera,
    pipeline: camkit.Pipeline,
    display: Drawn,
    *,
    cpu_s: float,
    files: Mapping[str, Path | None],
    snapshot: Path | None = None,
    error: BaseException | None = None,
) -> dict[str, Any]:
    """Gather everything that is known about a run; docs/json.md describes every field."""
    stats = pipeline.stats().as_dict()
    return {
        "version": camkit.__version__,
        "source": _source(camera),
        "frames": stats["frames"],
        "fps_measured": stats["fps"],
        "latency_us": stats["latency_us"],
        "links": stats["links"],
        "threads": stats["threads"],
        "copies": stats["copies"],
        "transfer": display.transfer(),
        "gl": display.gl(),
        "pacing": display.pacing(),
        "policy": {
            "full_queue": pipeline.policy,
            "depth": pipeline.depth,
            "on_exhausted": camera.source.request.on_exhausted,
        },
        "outages": stats["outages"],
        "outage_s": stats["outage_s"],
        "wall_s": stats["wall_s"],
        "cpu_s": cpu_s,
        "snapshot": None if snapshot is None else str(snapshot),
        **{what: None if path is None else str(path) for what, path in files.items()},
        "explain": pipeline.explain().splitlines(),
        "error": None if error is None else failure(error),
    }


def make_record_report(
    camera: camkit.Camera,
    pipeline: camkit.Pipeline,
    recorder: camkit.Recorder,
    *,
    cpu_s: float,
    error: BaseException | None = None,
) -> dict[str, Any]:
    """Gather everything that is known about a recording; docs/json.md describes every field."""
    stats, file = pipeline.stats().as_dict(), recorder.report()
    return {
        "version": camkit.__version__,
        "source": _source(camera),
        "file": {
            "path": file["path"],
            "bytes": file["bytes"],
            "compression": recorder.compression,
            "complete": file["complete"],
            "bytes_per_s": file["bytes"] / file["seconds"] if file["seconds"] > 0 else None,
        },
        "frames": {"captured": file["captured"], "recorded": file["frames"], "dropped": file["dropped"]},
        "fps_measured": stats["fps"],
        "latency_us": stats["latency_us"],
        "copies": stats["copies"],
        "wall_s": stats["wall_s"],
        "cpu_s": cpu_s,
        "explain": pipeline.explain().splitlines(),
        "error": None if error is None else failure(error),
    }


def failure(error: BaseException) -> dict[str, Any]:
    """Describe a failure."""
    return {"type": type(error).__name__, "message": one_line(error), "exit_code": int(code_of(error))}


def write_json(value: dict[str, Any], file: TextIO) -> None:
    """Write one JSON object and a line feed; numbers that JSON has not become null."""
    json.dump(_finite(value), file, indent=2, allow_nan=False)
    file.write("\n")
    file.flush()


def _source(camera: camkit.Camera) -> dict[str, Any]:
    info, stream = camera.info, camera.stream
    return {
        "kind": info.kind,
        "device": str(info),
        "name": info.name,
        "driver": info.driver,
        "bus": info.bus,
        "id": info.id,
        "format": stream.format,
        "fourcc": stream.fourcc,
        "width": stream.width,
        "height": stream.height,
        "stride": stream.stride,
        "fps": stream.fps,
        "memory": stream.memory,
        "io": stream.io,
        "memories": stream.memories,
        "buffers": stream.buffers,
        "colour": {name: getattr(stream, name) for name in ("primaries", "transfer", "matrix", "range")},
        "clock": stream.clock,
        "stamp": stream.stamp,
        "field": stream.field,
        "differences": {what: {"asked": asked, "got": got} for what, (asked, got) in stream.differences.items()},
    }


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
