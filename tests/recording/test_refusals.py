"""What is no recording, and what cannot be recorded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mcap.writer import Writer

import camkit
from camkit.camera_capture._recording import chunk
from camkit.camera_capture._recording import writer as recording_writer
from camkit.camera_capture._recording.damage import ChunkDamaged
from tests.recording.conftest import SMALL, Kept, play, record


def foreign(path: Path) -> None:
    with path.open("wb") as out:
        writer = Writer(out)
        writer.start()
        schema = writer.register_schema("sensor_msgs/msg/Image", "ros2msg", b"uint32 height")
        channel = writer.register_channel("/left/image_raw", "cdr", schema)
        writer.add_message(channel, 1, b"abc", 1)
        writer.finish()


def newer(path: Path) -> None:
    record(path, camkit.SyntheticCamera(**SMALL), 1)
    path.write_bytes(path.read_bytes().replace(b"\x07\0\0\0version\x01\0\0\0001", b"\x07\0\0\0version\x01\0\0\0007"))


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda path: None, camkit.CameraNotFound, "no such recording"),
        (lambda path: path.mkdir(), camkit.CameraNotFound, "a folder, not a recording"),
        (lambda path: os.mkfifo(path), camkit.CameraNotFound, "not a plain file"),
        (lambda path: path.write_bytes(b""), camkit.CameraNotFound, "the file is empty"),
        (lambda path: path.write_bytes(b"\x89MC"), camkit.CameraNotFound, "ends after 3 bytes"),
        (lambda path: path.write_text("a film"), camkit.CameraNotFound, "not an MCAP file: it begins with b'a film'"),
        (foreign, camkit.CameraNotFound, r"without a camkit recording.*/left/image_raw \(sensor_msgs/msg/Image\)"),
        (newer, camkit.CameraError, "layout 7; this camkit reads up to 1"),
    ],
)
def test_what_is_no_recording_is_refused(
    tmp_path: Path, make: Callable[[Path], Any], error: type[Exception], words: str
) -> None:
    path = tmp_path / "a.mcap"
    make(path)
    with pytest.raises(error, match=words) as raised:
        camkit.open(path)
    assert raised.value.filename == str(path)  # type: ignore[attr-defined]


def test_a_recording_that_this_user_may_not_read_is_refused_as_that(path: Path) -> None:
    path.chmod(0)
    program = f"""
import os
import camkit, camkit.camera_capture._recording.recording, camkit.camera_capture._recording.replay
if os.geteuid() == 0:
    os.setuid(65534)
try:
    camkit.open({str(path)!r})
except camkit.CameraPermission as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=Path(__file__).parents[2]
    )
    assert "this user may not read the recording" in done.stdout and str(path) in done.stdout, done.stderr


def test_a_name_that_is_taken_is_not_overwritten_by_chance(path: Path, ten: tuple[bytes, list[Kept]]) -> None:
    with camkit.SyntheticCamera(**SMALL) as camera:
        with pytest.raises(camkit.PipelineError, match="overwrite=True replaces it") as raised:
            camkit.Pipeline(camera, camkit.Recorder(path)).run(frames=1)
        assert isinstance(raised.value.__cause__, FileExistsError) and path.read_bytes() == ten[0]
        camkit.Pipeline(camera, camkit.Recorder(path, overwrite=True)).run(frames=1)
    assert len(play(path)) == 1


def test_a_file_that_is_in_use_is_not_replaced(path: Path, ten: tuple[bytes, list[Kept]]) -> None:
    data, _ = ten
    with camkit.open(path, realtime=False) as player, pytest.raises(camkit.PipelineError, match="recorded or played"):
        record(path, camkit.open("synthetic", **SMALL, frames=3), None, overwrite=True)
    assert player.closed and path.read_bytes() == data
    one = recording_writer.RecordingWriter(str(path), overwrite=True)
    with pytest.raises(camkit.RecordError, match="take another name"):
        recording_writer.RecordingWriter(str(path), overwrite=True)
    one.close()
    assert len(record(path, camkit.open("synthetic", **SMALL, frames=3), None, overwrite=True)) == 3


STREAM = {"format": "YUYV", "width": 64, "height": 32, "stride": 128, "fps": 30, "clock": "copy", "stamp": "unknown"}


@pytest.mark.parametrize("wrong", [*STREAM, "all", "list", "deep"])
def test_a_description_of_nonsense_is_damage(tmp_path: Path, wrong: str) -> None:
    path = tmp_path / "wrong.mcap"
    texts = {"all": "{}", "list": "[1]", "deep": "[" * 100_000}
    without = json.dumps({name: value for name, value in STREAM.items() if name != wrong})
    for text in [texts.get(wrong, without), *([] if wrong in texts else [json.dumps(STREAM | {wrong: [{}]})])]:
        writer = recording_writer.RecordingWriter(str(path), overwrite=True)
        writer.begin("test", {"version": "1", "info": "null", "stream": text})
        writer.finish()
        if wrong == "fps":  # of which nothing depends
            camkit.open(path).close()
            continue
        # The error is kept, and with it all that made it: the file must be let go all the same.
        with pytest.raises(camkit.CameraError, match="no frame to play|description is damaged"):
            camkit.open(path)


@pytest.mark.parametrize(("code", "what"), [(0, "no MCAP record"), (0x80, "more than 8 records")])
def test_a_chunk_of_nothing_is_not_gone_through(monkeypatch: pytest.MonkeyPatch, code: int, what: str) -> None:
    monkeypatch.setattr(chunk, "MOST_PARTS", 8)
    data = (bytes([code]) + bytes(8)) * 9
    seen = []
    with pytest.raises(ChunkDamaged, match=what):
        seen.extend(chunk.parts_of(data, len(data)))


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with camkit.SyntheticCamera(**SMALL) as camera, pytest.raises(camkit.PipelineError, match="No such file") as raised:
        camkit.Pipeline(camera, camkit.Recorder(tmp_path / "no" / "a.mcap")).run(frames=1)
    assert isinstance(raised.value.__cause__, camkit.RecordError)


def test_plain_bytes_are_no_picture_to_record(tmp_path: Path) -> None:
    pool = camkit.FramePool(4, 100)
    with camkit.SyntheticCamera(**SMALL) as camera, pytest.raises(camkit.PipelineError, match="without a pixel format"):
        camkit.Pipeline(camera, lambda f: pool.acquire(like=f), camkit.Recorder(tmp_path / "a.mcap")).run(frames=1)
    with pytest.raises(StopIteration):
        next(iter(camkit.open(tmp_path / "a.mcap")))  # it knows its camera, and has no frame


@pytest.mark.parametrize("wrong", [{"path": ""}, {"path": "a\0b"}, {"path": "a", "compression": "rar"}])
def test_a_wrong_recorder_is_refused_at_once(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        camkit.Recorder(**wrong)


def test_without_the_library_only_recordings_are_missing(path: Path) -> None:
    program = f"""
import sys
sys.modules["mcap"] = None
import camkit
assert camkit.list_cameras()[-1].kind == "synthetic"
for act in (lambda: camkit.open({str(path)!r}), lambda: camkit.Pipeline(
        camkit.open("synthetic"), camkit.Recorder("x.mcap")).run(frames=1)):
    try:
        act()
    except (ImportError, camkit.PipelineError) as error:
        error = error.__cause__ or error
        assert isinstance(error, camkit.LibraryMissing), error
        print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=Path(__file__).parents[2]
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("`pip install camkit[record]` brings the mcap library") == 2
