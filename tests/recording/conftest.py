"""Recordings to test with, and what is compared of their frames."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest

import camkit
from camkit.camera_capture._recording.frame_record import to_record

# A frame is ready whenever one is asked for, and waits for its buffer: a busy machine makes no losses of its own.
SMALL: dict[str, Any] = {"size": (64, 32), "fps": 500, "realtime": False, "on_exhausted": "block"}


class Kept(NamedTuple):
    """All of a frame, out of its slot."""

    record: dict[str, Any]
    pixels: bytes  # padding included


def keep(frame: camkit.Frame) -> Kept:
    record, planes = to_record(frame)
    return Kept(record, b"".join(map(bytes, planes)))


def record(path: Path, camera: camkit.Camera, frames: int | None, *stages: Any, **options: Any) -> list[Kept]:
    """Record a camera and return the frames that came to the recorder."""
    kept: list[Kept] = []
    recorder = camkit.Recorder(path, **options)
    with camera:
        camkit.Pipeline(camera, *stages, lambda frame: kept.append(keep(frame)), recorder).run(frames=frames)
    assert recorder.report()["frames"] == len(kept)
    return kept


def play(path: Path, **options: Any) -> list[Kept]:
    with camkit.open(path, **{"realtime": False, "corrupt": "deliver"} | options) as camera:
        return [keep(frame) for frame in camera]


def same(played: Kept, recorded: Kept) -> bool:
    """Compare all that does not depend on where and when it is played."""
    a, b = dict(played.record), dict(recorded.record)
    assert a.pop("memory") == 0
    b.pop("memory")
    # The times are those of another run: their clock is told as `copy`.
    assert a.pop("clock") == 2 if b["clock"] == 1 else a.pop("clock") == b["clock"]
    b.pop("clock")
    return a == b and played.pixels == recorded.pixels


def all_same(played: list[Kept], recorded: list[Kept]) -> bool:
    return len(played) == len(recorded) and all(map(same, played, recorded))


@pytest.fixture(scope="session")
def ten(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, list[Kept]]:
    """Give the bytes of a recording of ten frames, and the frames."""
    path = tmp_path_factory.mktemp("ten") / "ten.mcap"
    kept = record(path, camkit.SyntheticCamera(**SMALL, drop=[4], format="GREY"), 10)
    return path.read_bytes(), kept


@pytest.fixture
def path(ten: tuple[bytes, list[Kept]], tmp_path: Path) -> Path:
    """Give a recording of ten frames."""
    made = tmp_path / "ten.mcap"
    made.write_bytes(ten[0])
    return made


def records(data: bytes) -> list[tuple[int, int, int]]:
    """List (code, offset, end) of the file's records."""
    found, at = [], 8
    while at + 9 <= len(data) and data[at:] != b"\x89MCAP0\r\n":
        end = at + 9 + int.from_bytes(data[at + 1 : at + 9], "little")
        found.append((data[at], at, end))
        at = end
    return found
