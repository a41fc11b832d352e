"""Sizes that a recording claims: none is believed, and no memory is taken for it, before it was checked."""

from __future__ import annotations

import errno
import struct
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import lz4.frame
import pytest
import zstandard

import camkit
from camkit.camera_capture._recording.recording import Recording
from tests.recording.conftest import SMALL, Kept, play, record, records

CHUNK = 6
BOMB = 1 << 28
PEAK = 1 << 24  # what playing ten small frames may take
TOP = Path(__file__).resolve().parents[2]


def zstd_without_size(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_content_size=False).compress(data)


PACKERS: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("lz4", lz4.frame.compress),
    ("zstd", zstandard.compress),
    ("zstd", zstd_without_size),
]


def chunk(times: bytes, size: int, compression: str, packed: bytes) -> bytes:
    name = compression.encode()
    body = times + struct.pack("<QII", size, 0, len(name)) + name + struct.pack("<Q", len(packed)) + packed
    return struct.pack("<BQ", CHUNK, len(body)) + body


def with_third_chunk(data: bytes, make: Callable[[bytes], bytes]) -> bytes:
    """Replace the third chunk by what `make` makes of its times, and leave the index away, which tells its size too."""
    chunks = [(at, end) for code, at, end in records(data) if code == CHUNK]
    at, end = chunks[2]
    return data[:at] + make(data[at + 9 : at + 25]) + data[end : chunks[-1][1]]


def check_all_but_the_third(path: Path, kept: list[Kept]) -> None:
    played = [(k.record["sequence"], k.pixels) for k in play(path, damage="skip")]
    assert played == [(k.record["sequence"], k.pixels) for k in kept[:2] + kept[3:]]


@pytest.mark.parametrize(("compression", "pack"), PACKERS, ids=["lz4", "zstd", "zstd without its size"])
def test_a_bomb_takes_no_memory(
    ten: tuple[bytes, list[Kept]], tmp_path: Path, compression: str, pack: Callable[[bytes], bytes]
) -> None:
    data, kept = ten
    bomb = pack(bytes(BOMB))
    path = tmp_path / "bomb.mcap"
    path.write_bytes(with_third_chunk(data, lambda times: chunk(times, 1000, compression, bomb)))
    tracemalloc.start()
    try:
        check_all_but_the_third(path, kept)
        assert tracemalloc.get_traced_memory()[1] < PEAK
    finally:
        tracemalloc.stop()


LIES = [
    ("", bytes(5000), 5001, "says that it has 5001 bytes"),
    ("lz4", lz4.frame.compress(bytes(100)), 1 << 30, "says that it has 1073741824 bytes"),
    ("lz4", lz4.frame.compress(bytes(100)), 101, "does not unpack to the 101 bytes"),
    ("lz4", bytes(100), 100, "cannot be unpacked"),
    ("zstd", zstandard.compress(bytes(100)), 1 << 30, "says that it has 1073741824 bytes"),
    ("zstd", zstd_without_size(bytes(100)), 101, "does not unpack to the 101 bytes"),
    ("zstd", bytes(100), 100, "says that it has 100 bytes"),
    ("rle", b"d\x00", 100, "packed by 'rle', neither lz4 nor zstd"),
]


@pytest.mark.parametrize(("compression", "packed", "size", "words"), LIES, ids=lambda value: str(value)[:20])
def test_a_chunk_that_lies_makes_no_frame_larger(
    ten: tuple[bytes, list[Kept]], path: Path, tmp_path: Path, compression: str, packed: bytes, size: int, words: str
) -> None:
    data, kept = ten
    liar = tmp_path / "liar.mcap"
    liar.write_bytes(with_third_chunk(data, lambda times: chunk(times, size, compression, packed)))
    if size > 5000:
        assert Recording(str(liar)).largest == Recording(str(path)).largest
    check_all_but_the_third(liar, kept)
    with camkit.open(liar, realtime=False) as camera, pytest.raises(camkit.RecordingDamaged, match=words):
        list(camera)


TOO_LARGE = """
import os, resource, sys
import camkit
pages = int(open("/proc/self/statm").read().split()[0])
limit = pages * os.sysconf("SC_PAGE_SIZE") + (64 << 20)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
try:
    with camkit.open(sys.argv[1], buffers=32, on_exhausted=sys.argv[2]) as camera:
        print("open")
        camera.start()
except camkit.CameraError as error:
    print(error.errno, error.filename, error.strerror)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited by Linux's means")
@pytest.mark.parametrize(("policy", "opens"), [("copy", False), ("block", True)])
def test_frames_that_memory_does_not_hold_are_a_camera_error(tmp_path: Path, policy: str, opens: bool) -> None:
    path = tmp_path / "large.mcap"
    record(path, camkit.SyntheticCamera(**SMALL | {"size": (4096, 2048)}, format="GREY"), 1)
    done = subprocess.run(
        [sys.executable, "-c", TOO_LARGE, path, policy], capture_output=True, text=True, timeout=200, cwd=TOP
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("open\n") is opens
    words = done.stdout.splitlines()[-1]
    assert words.startswith(f"{errno.ENOMEM} {path} no memory for 32 frames of 8")
    assert "take fewer buffers, unless the file is damaged" in words
