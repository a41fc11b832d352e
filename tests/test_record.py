"""Recordings: what is written, what is played again, and what damage costs."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from mcap.reader import make_reader
from mcap.stream_reader import StreamReader
from mcap.writer import CompressionType, Writer
from mcap_protobuf.decoder import DecoderFactory

import camkit
from camkit.camera_capture._recording import chunk
from camkit.camera_capture._recording import writer as recording_writer
from camkit.camera_capture._recording.damage import ChunkDamaged
from camkit.camera_capture._recording.frame_record import to_record
from camkit.camera_capture._synthetic import INFO, SyntheticBackend
from camkit.camera_capture.info import Request
from camkit.cli import main

DOCUMENT = (Path(__file__).resolve().parent.parent / "docs" / "json.md").read_text()
UNCOMPRESSED = [name for name, row in camkit.FORMATS.items() if not row.compressed]
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


@pytest.fixture(scope="module")
def ten(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, list[Kept]]:
    """Give the bytes of a recording of ten frames, and the frames."""
    path = tmp_path_factory.mktemp("ten") / "ten.mcap"
    kept = record(path, camkit.SyntheticCamera(**SMALL, drop=[4], format="GREY"), 10)
    return path.read_bytes(), kept


# ---- what comes back ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", UNCOMPRESSED)
def test_a_replay_is_the_recording_bit_for_bit(tmp_path: Path, format: str) -> None:
    path = tmp_path / "a.mcap"
    camera = camkit.SyntheticCamera(**SMALL, format=format, drop=[3, 4], damage=[6], corrupt="deliver")
    kept = record(path, camera, 12)
    played = play(path)
    assert all_same(played, kept)
    assert [k.record["sequence"] for k in played] == [0, 1, 2, *range(5, 14)]
    assert [k.record["gap"] for k in played] == [0, 0, 0, 2, *[0] * 8]
    assert [k.record["flags"] & 1 for k in played] == [int(k.record["sequence"] == 6) for k in played]


def test_a_replay_says_what_it_plays(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    record(path, camkit.SyntheticCamera(**SMALL, format="NV12"), 3)
    with camkit.open(path) as camera:
        assert (camera.info.kind, camera.info.path) == ("recording", str(path))
        assert camera.info.name == "Recording of Synthetic camera"
        stream = camera.stream
        assert (stream.format, stream.fourcc, stream.width, stream.height, stream.stride) == (
            "NV12",
            "NV12",
            64,
            32,
            64,
        )
        assert (stream.fps, stream.matrix, stream.range, stream.clock) == (500, "bt601", "limited", "copy")
        words = camera.explain()
        assert "recording of Synthetic camera (synthetic, camkit), 3 frames" in words and "in real time" in words
        assert f"{path.stat().st_size} bytes" in words and "monotonic clock" in words
        assert not camera.controls
    with pytest.raises(camkit.FormatNotSupported, match="nearest is NV12 64x32@500"):
        camkit.open(path, format="YUYV")
    assert camkit.open(path, fps=30, match="nearest").stream.differences == {"fps": (30, 500)}


def padded(**told: Any) -> Callable[[camkit.Frame], camkit.Frame]:
    """Make a stage that puts a picture of random bytes, padding included, in the place of its frame."""
    pool = camkit.FramePool(8, **told)
    noise = np.random.default_rng(1)

    def stage(frame: camkit.Frame) -> camkit.Frame:
        other = pool.acquire(like=frame)
        for plane in to_record(other)[1]:
            np.frombuffer(plane, np.uint8)  # what the frame calls its own
        for plane in other.planes:
            rows = np.lib.stride_tricks.as_strided(
                plane.view(np.uint8), (plane.shape[0], plane.strides[0]) if plane.ndim > 1 else plane.shape,
                (plane.strides[0], 1) if plane.ndim > 1 else (1,),
            )  # fmt: skip
            rows[...] = noise.integers(0, 256, rows.shape)
        return other

    return stage


@pytest.mark.parametrize("format", ["YUYV", "NV12", "YU12", "Y16", "RGB24"])
def test_padding_is_recorded_too(tmp_path: Path, format: str) -> None:
    path = tmp_path / "a.mcap"
    size = 32, 16
    stride = camkit.FORMATS[format].row_bytes(32) + 16
    kept = record(path, camkit.SyntheticCamera(**SMALL), 3, padded(format=format, size=size, stride=stride))
    assert kept[0].record["planes"][0]["stride"] == stride and len(set(k.pixels for k in kept)) == 3
    assert len(kept[0].pixels) == camkit.FORMATS[format].image_bytes(32, 16, stride)
    assert all_same(play(path), kept)


def test_compressed_pictures_are_what_viewers_know_as_such(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    kept = record(path, camkit.SyntheticCamera(**SMALL), 3, padded(format="MJPG", size=(64, 32), slot_bytes=1000))
    assert all_same(play(path), kept)
    with path.open("rb") as file:
        messages = make_reader(file, decoder_factories=[DecoderFactory()]).iter_decoded_messages("/camera/image")
        read = [(schema.name, said.format, said.data) for schema, _, _, said in messages]
    assert read == [("foxglove.CompressedImage", "jpeg", k.pixels) for k in kept]


def test_the_account_is_played_too(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    camera = camkit.SyntheticCamera(**SMALL, drop=[3, 4, 8], damage=[6, 9, 22, 23], frames=24)
    record(path, camera, None)
    assert camera.stats()["dropped"] == {"driver": 3, "corrupt": 4, "pool": 0}
    with path.open("rb") as file:
        lost = [json.loads(m.data)["lost"] for *_, m in make_reader(file).iter_messages("/camera/frame")]
    sums = {cause: sum(one[cause] for one in lost) for cause in lost[0]}
    assert sums == {"driver": 3, "corrupt": 2, "pool": 0, "pipeline": 0}
    with camkit.open(path, realtime=False) as replay:
        gaps = [frame.gap for frame in replay]
        assert sum(gaps) == 5  # the last two are behind the last frame
        assert {key: replay.stats()[key] for key in ("captured", "taken", "dropped")} == {
            key: camera.stats()[key] for key in ("captured", "taken", "dropped")
        }


def test_frames_lost_for_want_of_a_buffer_are_told_as_that(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    camera = camkit.SyntheticCamera(**SMALL | {"on_exhausted": "drop"}, buffers=2, frames=40)
    held: list[camkit.Frame] = []

    def hold(frame: camkit.Frame) -> None:
        held[:] = [frame] if frame.sequence < 30 else []

    kept = record(path, camera, None, hold)
    stats = camera.stats()
    assert stats["dropped"]["pool"] > 0
    with camkit.open(path, realtime=False) as replay:
        assert len(list(replay)) == len(kept)
        assert replay.stats()["captured"] == stats["captured"] == 40
        assert replay.stats()["dropped"] == stats["dropped"]


def test_the_error_that_ended_a_recording_is_raised_again(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    camera = camkit.SyntheticCamera((64, 32), 20, delay={5: 30.0}, timeout=1.0, buffers=16)
    recorder = camkit.Recorder(path)
    with camera, pytest.raises(camkit.CameraTimeout) as recorded:
        camkit.Pipeline(camera, recorder).run()
    assert recorder.report()["complete"] and recorder.report()["frames"] == 5
    with camkit.open(path, realtime=False) as replay:
        assert [replay.read().sequence for _ in range(5)] == [0, 1, 2, 3, 4]
        with pytest.raises(camkit.CameraTimeout) as played:
            replay.read()
        assert played.value.errno == recorded.value.errno
        assert played.value.strerror == f"{recorded.value.strerror} (as recorded)"
        with pytest.raises(EOFError):
            replay.read()
    assert len(play(path, faults=False)) == 5


def test_a_stream_that_goes_on_as_another_is_played_as_both(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    grey = padded(format="GREY", size=(32, 16))

    def change(frame: camkit.Frame) -> camkit.Frame | None:
        return grey(frame) if frame.sequence >= 3 else None

    kept = record(path, camkit.SyntheticCamera(**SMALL, format="NV12"), 6, change)
    with camkit.open(path, realtime=False, on_exhausted="copy") as camera:
        for _ in range(2):
            held = [camera.read() for _ in range(6)]
            assert [keep(frame).pixels for frame in held[2:]] == [k.pixels for k in kept[2:]]  # copies too
            assert [(f.format, f.size) for f in held] == [("NV12", (64, 32))] * 3 + [("GREY", (32, 16))] * 3
            assert [frame.copied for frame in held] == [False] * 2 + [True] * 4
            assert (camera.format, camera.size, camera.stream.stride) == ("GREY", (32, 16), 32)
            held.clear()
            camera.stop()
            camera.start()


def test_events_of_the_source_are_recorded_and_told_again(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    source = SyntheticBackend(INFO, Request.make(size=(64, 32), fps=500))

    def happen(frame: camkit.Frame) -> None:
        if frame.sequence in (2, 4):
            source.events.add("control", 1000 + frame.sequence, name="exposure", value=[1, 2])

    camkit.Pipeline(source, happen, camkit.Recorder(path)).run(frames=6)
    source.events.add("control", 2000, name="exposure", value=[3])  # nobody records any more
    source.close()
    with path.open("rb") as file:
        read = [json.loads(m.data) for *_, m in make_reader(file).iter_messages("/camera/event")]
    told = [{"kind": "control", "time_ns": at, "name": "exposure", "value": [1, 2]} for at in (1002, 1004)]
    assert read[:2] == told and [event["kind"] for event in read] == ["control", "control", "end"]

    with camkit.open(path, realtime=False) as camera:
        assert camkit.Pipeline(camera).run()["frames"]["delivered"] == 6
        assert [event.as_dict() for event in camera.events.take()] == told


# ---- playing --------------------------------------------------------------------------------------------------------


@pytest.fixture
def path(ten: tuple[bytes, list[Kept]], tmp_path: Path) -> Path:
    """Give a recording of ten frames."""
    made = tmp_path / "ten.mcap"
    made.write_bytes(ten[0])
    return made


def test_in_real_time_a_frame_is_not_there_before_its_time(tmp_path: Path) -> None:
    path = tmp_path / "slow.mcap"
    record(path, camkit.SyntheticCamera(size=(64, 32), fps=0.5), 2)
    with camkit.open(path) as camera:
        assert camera.read(timeout=1).sequence == 0
        with pytest.raises(camkit.CameraTimeout):
            camera.read(timeout=0)
        assert camera.read().sequence == 1
    with camkit.open(path, realtime=False) as camera:
        assert [camera.read(timeout=0).sequence for _ in range(2)] == [0, 1]


def test_a_looped_replay_goes_on(path: Path, ten: tuple[bytes, list[Kept]]) -> None:
    with camkit.open(path, loop=True, realtime=False) as camera:
        frames = [(f.sequence, f.timestamp_ns, f.discontinuity) for f in (camera.read() for _ in range(25))]
    numbers, times, marks = zip(*frames, strict=True)
    once = [k.record["sequence"] for k in ten[1]]
    assert list(numbers) == [*once, *(n + 11 for n in once), *(n + 22 for n in once[:5])]
    assert all(a < b for a, b in pairwise(times))
    assert [i for i, mark in enumerate(marks) if mark] == [10, 20]


def test_the_beginning_can_be_left_out(path: Path, ten: tuple[bytes, list[Kept]]) -> None:
    first, fourth = (ten[1][i].record["dequeue_ns"] for i in (0, 3))
    played = play(path, start=(fourth - first - 1000) / 1e9)
    assert all_same(played, ten[1][3:])
    assert play(path, start=1000.0) == []


@pytest.mark.parametrize("realtime", [True, False])
def test_times_can_be_shifted_to_now(path: Path, ten: tuple[bytes, list[Kept]], realtime: bool) -> None:
    before = time.monotonic_ns()
    with camkit.open(path, times="now", realtime=realtime) as camera:
        assert camera.stream.clock == "monotonic"
        frames = [(f.timestamp_ns, f.clock, f.dequeue_ns) for f in camera]
        assert camera.latencies()["dequeue"]["count"] == 10
    now = time.monotonic_ns()
    earlier = max(k.record["dequeue_ns"] - k.record["timestamp_ns"] for k in ten[1])
    assert all(before - earlier <= stamp <= had <= now and clock == "monotonic" for stamp, clock, had in frames)
    if realtime:
        recorded = np.diff([k.record["timestamp_ns"] for k in ten[1]])
        assert list(np.diff([stamp for stamp, _, _ in frames])) == list(recorded)


def test_recorded_times_make_no_latency(path: Path) -> None:
    with camkit.open(path, realtime=False) as camera:
        stats = camkit.Pipeline(camera).run()
        assert stats["frames"]["delivered"] == 10
        assert all(row["count"] == 0 for row in stats["latency_us"].values())


def test_it_can_be_stopped_and_played_again(path: Path) -> None:
    with camkit.open(path, realtime=False) as camera:
        held = camera.read()
        camera.stop()
        camera.start()
        again = [(frame.sequence, frame.generation) for frame in camera]
        assert again[0] == (held.sequence, held.generation + 1) and len(again) == 10
    assert held.array.shape == (32, 64)  # its memory outlives the camera


@pytest.mark.parametrize("policy", ["copy", "drop", "raise"])
def test_a_reader_that_keeps_frames_gets_what_was_agreed(
    path: Path, ten: tuple[bytes, list[Kept]], policy: Any
) -> None:
    with camkit.open(path, realtime=False, on_exhausted=policy, buffers=4) as camera:
        held = [camera.read(), camera.read()]
        if policy == "raise":
            with pytest.raises(camkit.PoolExhausted, match="no buffer for frame 2"):
                camera.read()
        elif policy == "copy":
            third = camera.read()
            assert third.copied and keep(third).pixels == ten[1][2].pixels
        else:
            with pytest.raises(EOFError):
                camera.read()
            assert camera.stats()["dropped"]["pool"] == 8
        held.clear()


def test_a_blocked_reader_goes_on_when_a_frame_comes_back(path: Path) -> None:
    with camkit.open(path, realtime=False, on_exhausted="block", buffers=4) as camera:
        held = [camera.read(), camera.read()]
        timer = threading.Timer(0.1, held.clear)
        timer.start()
        assert camera.read().sequence == 2
        timer.join()
        assert camera.stats()["dropped"]["pool"] == 0


def test_closing_ends_a_reader_that_waits(tmp_path: Path) -> None:
    path = tmp_path / "slow.mcap"
    record(path, camkit.SyntheticCamera(size=(64, 32), fps=0.5), 2)
    camera = camkit.open(path, timeout=None)
    camera.read()
    closer = threading.Timer(0.1, camera.close)
    closer.start()
    assert list(camera) == []
    closer.join()


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"realtime": 1}, TypeError),
        ({"loop": "yes"}, TypeError),
        ({"start": -1}, ValueError),
        ({"start": float("nan")}, ValueError),
        ({"start": "1"}, TypeError),
        ({"times": "then"}, ValueError),
        ({"damage": "ignore"}, ValueError),
        ({"faults": None}, TypeError),
        ({"stride": 3}, TypeError),
    ],
)
def test_wrong_options_are_named(path: Path, options: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error, match=next(iter(options))):
        camkit.open(path, **options)


# ---- the file -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", UNCOMPRESSED)
def test_the_mcap_library_reads_it_with_the_schemas_in_it(tmp_path: Path, format: str) -> None:
    path = tmp_path / "a.mcap"
    kept = record(path, camkit.SyntheticCamera(**SMALL, format=format), 4)
    with path.open("rb") as file:
        reader = make_reader(file, validate_crcs=True, decoder_factories=[DecoderFactory()])
        summary = reader.get_summary()
        assert summary is not None and summary.statistics is not None
        counts = {summary.channels[n].topic: c for n, c in summary.statistics.channel_message_counts.items()}
        assert counts == {"/camera/frame": 4, "/camera/image": 4, "/camera/event": 1}
        assert [m.name for m in reader.iter_metadata()] == ["camkit.recording"]
        pictures = [said for *_, said in reader.iter_decoded_messages("/camera/image")]
        frames = [(m, json.loads(m.data)) for *_, m in reader.iter_messages("/camera/frame")]
        events = [json.loads(m.data) for *_, m in reader.iter_messages("/camera/event")]
    for said, (message, told), k in zip(pictures, frames, kept, strict=True):
        assert said.data == k.pixels and (said.width, said.height) == (64, 32)
        assert said.step == k.record["planes"][0]["stride"] and said.encoding.islower()
        assert said.timestamp.ToNanoseconds() == message.publish_time
        assert told.pop("lost") == {"driver": 0, "corrupt": 0, "pool": 0, "pipeline": 0}
        assert told == k.record
        # Unix times, as far apart as on the camera's clock.
        assert message.log_time - told["dequeue_ns"] == message.publish_time - told["timestamp_ns"]
        assert abs(message.log_time - time.time_ns()) < 600e9
    assert events[0]["kind"] == "end" and events[0]["captured"] == events[0]["frames"] == 4
    # Without the index as well, and with the CRC of every chunk.
    with path.open("rb") as file:
        assert sum(type(r).__name__ == "Message" for r in StreamReader(file, validate_crcs=True).records) == 9


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
def test_chunks_can_be_compressed(tmp_path: Path, compression: str) -> None:
    path = tmp_path / "a.mcap"
    kept = record(path, camkit.SyntheticCamera(**SMALL), 5, compression=compression)
    assert path.stat().st_size < sum(len(k.pixels) for k in kept)
    assert all_same(play(path), kept)


def rewrite(source: Path, target: Path, topics: tuple[str, ...] = (), **options: Any) -> None:
    """Write a recording anew, as tools for MCAP files do."""
    with source.open("rb") as file, target.open("wb") as out:
        reader, writer = make_reader(file), Writer(out, **options)
        writer.start()
        schemas: dict[int, int] = {}
        channels: dict[int, int] = {}
        for metadata in reader.iter_metadata():
            writer.add_metadata(metadata.name, metadata.metadata)
        for schema, channel, message in reader.iter_messages(topics or None):
            assert schema is not None
            if channel.id not in channels:
                schemas[schema.id] = writer.register_schema(schema.name, schema.encoding, schema.data)
                channels[channel.id] = writer.register_channel(
                    channel.topic, channel.message_encoding, schemas[schema.id], channel.metadata
                )
            writer.add_message(
                channels[channel.id], message.log_time, message.data, message.publish_time, message.sequence
            )
        writer.finish()


@pytest.mark.parametrize("compression", list(CompressionType))
@pytest.mark.parametrize("chunk", [500, 5000, 1 << 20])
def test_a_file_that_another_program_wrote_anew_is_played(
    path: Path, ten: tuple[bytes, list[Kept]], tmp_path: Path, compression: CompressionType, chunk: int
) -> None:
    other = tmp_path / "other.mcap"
    rewrite(path, other, compression=compression, chunk_size=chunk)
    assert all_same(play(other), ten[1])
    # Nothing but the chunks themselves tell what is in them, once the end is gone.
    whole = other.read_bytes()
    other.write_bytes(whole[: whole.rindex(b"\x0f\x04\0\0\0\0\0\0\0")])
    assert all_same(play(other, damage="skip"), ten[1])


def test_pictures_that_were_taken_out_are_missed(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.mcap"
    rewrite(path, other, ("/camera/frame", "/camera/event"))
    with pytest.raises(camkit.CameraError, match="10 frames have no pixels|no frame"):
        play(other)


def test_a_slow_disk_costs_frames_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = recording_writer._writev

    def slow(fd: int, parts: list[memoryview]) -> int:
        time.sleep(0.01)
        return int(written(fd, parts))

    monkeypatch.setattr(recording_writer, "_writev", slow)
    path = tmp_path / "a.mcap"
    recorder = camkit.Recorder(path)
    camera = camkit.SyntheticCamera((64, 32), 500, frames=300, drop=[100], buffers=16)
    with camera:
        stats = camkit.Pipeline(camera, recorder, policy="drop_newest", depth=4).run()
    report = recorder.report()
    assert report["dropped"]["pipeline"] == stats["frames"]["dropped"]["link"] > 0
    assert report["captured"] == report["frames"] + sum(report["dropped"].values()) == 300
    assert "pipeline" in recorder.explain()
    with camkit.open(path, realtime=False) as replay:
        frames = [(frame.sequence, frame.gap) for frame in replay]
        assert len(frames) == report["frames"] and replay.stats()["captured"] == 300
        assert replay.stats()["dropped"] == {"driver": 1 + report["dropped"]["pipeline"], "corrupt": 0, "pool": 0}
    assert [b - a for (a, _), (b, _) in pairwise(frames)] == [gap + 1 for _, gap in frames[1:]]


# ---- damage ---------------------------------------------------------------------------------------------------------


def records(data: bytes) -> list[tuple[int, int, int]]:
    """List (code, offset, end) of the file's records."""
    found, at = [], 8
    while at + 9 <= len(data) and data[at:] != b"\x89MCAP0\r\n":
        end = at + 9 + int.from_bytes(data[at + 1 : at + 9], "little")
        found.append((data[at], at, end))
        at = end
    return found


def cuts(data: bytes) -> Iterator[int]:
    """Yield places to cut: in and at the ends of every record, and anywhere."""
    for _, at, end in records(data):
        yield from {at, at + 1, at + 9, (at + end) // 2, end - 1}
    yield from random.Random(1).sample(range(len(data)), 100)


def test_a_file_that_was_cut_off_is_read_up_to_there(ten: tuple[bytes, list[Kept]], tmp_path: Path) -> None:
    data, kept = ten
    chunks = [end for code, _, end in records(data) if code == 6]
    begun = next(at for code, at, _ in records(data) if code == 6)
    path = tmp_path / "cut.mcap"
    for cut in sorted(set(cuts(data))):
        path.write_bytes(data[:cut])
        whole = sum(end <= cut for end in chunks[:10])  # the eleventh is the account
        if cut < begun:
            try:
                camera = camkit.open(path, realtime=False)
            except camkit.CameraNotFound:
                continue
        else:
            camera = camkit.open(path, realtime=False)
        with camera:
            assert f"of {cut}" in camera.info.problem
            played = []
            with pytest.raises(camkit.RecordingDamaged) as raised:
                for frame in camera:
                    played.append(keep(frame))
            assert all_same(played, kept[:whole]), cut
            words = str(raised.value)
            assert f"of {cut}" in words and "bytes are lost" in words and 'damage="skip"' in words
            last = f"frame {kept[whole - 1].record['sequence']} is the last" if whole else "no frame before it is whole"
            assert last in words and last in camera.explain()
            with pytest.raises(EOFError):
                camera.read()
        assert all_same(play(path, damage="skip"), kept[:whole])


def test_no_changed_byte_gets_into_a_frame(ten: tuple[bytes, list[Kept]], tmp_path: Path) -> None:
    data, kept = ten
    by_number = {k.record["sequence"]: k for k in kept}
    path = tmp_path / "flip.mcap"
    choice = random.Random(2)
    heads = [at + i for _, at, _ in records(data) for i in range(0, 40, 3) if at + i < len(data)]
    seen = set()
    for place in heads + choice.sample(range(8, len(data)), 300):
        changed = bytearray(data)
        changed[place] ^= 1 << choice.randrange(8)
        path.write_bytes(changed)
        try:
            with camkit.open(path, realtime=False, damage="skip", corrupt="deliver", timeout=1) as camera:
                played = [keep(frame) for frame in camera]
                told = bool(camera.source.damages)
                captured = camera.stats()["captured"]
        except camkit.CameraError:
            seen.add("refused")
            continue
        for k in played:
            original = by_number[k.record["sequence"]]
            assert k.pixels == original.pixels and k.record["timestamp_ns"] == original.record["timestamp_ns"]
        if len(played) < 10:
            assert told, place
            if played and played[-1].record["sequence"] == 10 and played[0].record["sequence"] == 0:
                assert captured == 11  # what damage took is in the account
        seen.add("whole" if len(played) == 10 else "told")
    assert seen == {"refused", "whole", "told"}


@pytest.mark.parametrize("frames", [1, 3])
def test_damage_is_passed_over_on_request(ten: tuple[bytes, list[Kept]], tmp_path: Path, frames: int) -> None:
    data, kept = ten
    changed = bytearray(data)
    chunks = [(at, end) for code, at, end in records(data) if code == 6]
    for at, end in chunks[2 : 2 + frames]:
        changed[(at + end) // 2] ^= 1
    path = tmp_path / "a.mcap"
    path.write_bytes(changed)
    with camkit.open(path, realtime=False) as camera:
        assert not camera.info.problem
        with pytest.raises(
            camkit.RecordingDamaged, match=f"checksum.* at byte {chunks[2][0]} of .*frame 1 is the last"
        ):
            list(camera)
        assert camera.stats()["taken"] == 2
    with camkit.open(path, realtime=False, damage="skip") as camera:
        played = [(frame.sequence, frame.gap) for frame in camera]
        assert [number for number, _ in played] == [k.record["sequence"] for k in kept[:2] + kept[2 + frames :]]
        assert [b - a for (a, _), (b, _) in pairwise(played)] == [gap + 1 for _, gap in played[1:]]
        assert camera.stats()["captured"] == 11 and len(camera.source.damages) == frames
        assert f"damaged: the checksum of a frame is wrong at byte {chunks[2][0]}" in camera.explain()


def test_a_tail_of_zeros_is_no_recording(ten: tuple[bytes, list[Kept]], tmp_path: Path) -> None:
    # As a file system leaves a file after a power cut: its size was written, its bytes were not.
    data, kept = ten
    fifth = [at for code, at, _ in records(data) if code == 6][5]
    path = tmp_path / "a.mcap"
    path.write_bytes(data[:fifth] + bytes(len(data) - fifth))
    with camkit.open(path, realtime=False) as camera:
        assert f"code 0) at byte {fifth}" in camera.info.problem and f"{len(data) - fifth} bytes" in camera.info.problem
    assert all_same(play(path, damage="skip"), kept[:5])


def test_a_killed_recorder_leaves_what_it_had_written(tmp_path: Path) -> None:
    path = tmp_path / "killed.mcap"
    command = [sys.executable, "-m", "camkit", "record", path, "--source", "synthetic", "--fps", "100"]
    recorder = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 60
        while not path.exists() or path.stat().st_size < 20_000_000:
            assert recorder.poll() is None and time.monotonic() < until
            time.sleep(0.01)
    finally:
        recorder.kill()
        recorder.wait()
    with camkit.open(path, realtime=False, damage="skip") as camera:
        assert "broken off" in camera.explain() and camera.info.problem
        stamps = [(frame.sequence, frame.gap, *camkit.read_stamp(frame), frame.timestamp_ns) for frame in camera]
    # Every chunk that is whole is there.
    data = path.read_bytes()
    assert len(stamps) == sum(code == 6 and end <= len(data) for code, _, end in records(data)) >= 30
    assert all(sequence == drawn and time_ns == stamped for sequence, _, drawn, time_ns, stamped in stamps)
    assert camera.stats()["captured"] == stamps[-1][0] + 1


FULL = """
import resource, sys
import camkit
limit, size = map(int, sys.argv[2:])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
recorder = camkit.Recorder(sys.argv[1])
with camkit.SyntheticCamera((size, size), format="GREY", realtime=False, on_exhausted="block") as camera:
    try:
        camkit.Pipeline(camera, recorder).run()
    except camkit.PipelineError as error:
        cause = error.__cause__
        assert isinstance(cause, camkit.RecordError) and cause.filename == sys.argv[1], cause
        print(cause.errno, recorder.report()["frames"], recorder.report()["complete"], cause.strerror)
"""


# The room of the frame that did not fit is enough for the index, or it is not.
@pytest.mark.parametrize(("limit", "size", "indexed"), [(5_000_000, 560, True), (100_000, 64, False)])
def test_a_full_disk_ends_the_recording_with_what_was_whole(
    tmp_path: Path, limit: int, size: int, indexed: bool
) -> None:
    path = tmp_path / "full.mcap"
    program = [sys.executable, "-c", FULL, path, str(limit), str(size)]
    done = subprocess.run(program, capture_output=True, text=True, timeout=60, cwd=Path(__file__).parents[1])
    assert done.returncode == 0, done.stderr
    code, frames, complete, words = done.stdout.split(" ", 3)
    assert (int(code), complete) == (27, str(indexed))  # EFBIG; of a full file system ENOSPC comes in the same way
    assert "File too large" in words and f"after {frames} frames" in words
    assert path.stat().st_size <= limit
    with camkit.open(path, realtime=False, damage="skip") as camera:
        assert bool(camera.info.problem) is not indexed
        stamps = [(frame.sequence, camkit.read_stamp(frame)[0]) for frame in camera]
    assert stamps == [(number, number) for number in range(int(frames))] and len(stamps) > 10


def test_a_write_is_tried_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = recording_writer._writev
    monkeypatch.setattr(
        recording_writer, "_writev", lambda fd, parts: written(fd, [parts[0][: max(1, len(parts[0]) // 3)]])
    )
    kept = record(tmp_path / "a.mcap", camkit.SyntheticCamera(**SMALL), 3)
    assert all_same(play(tmp_path / "a.mcap"), kept)


# ---- refusals -------------------------------------------------------------------------------------------------------


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
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=Path(__file__).parents[1]
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
    with pytest.raises(camkit.CameraNotFound, match="no frame") if False else pytest.raises(StopIteration):
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
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=Path(__file__).parents[1]
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("`pip install camkit[record]` brings the mcap library") == 2


# ---- the command ----------------------------------------------------------------------------------------------------

SYNTHETIC = ["--source", "synthetic", "--size", "64x32", "--fps", "200"]


def test_the_command_records_and_accounts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.mcap"
    assert main(["record", str(path), *SYNTHETIC, "--frames", "7", "--json"]) == 0
    printed = capsys.readouterr()
    report = json.loads(printed.out)
    assert report["frames"] == {
        "captured": 7, "recorded": 7, "dropped": {"driver": 0, "corrupt": 0, "pool": 0, "pipeline": 0},
    }  # fmt: skip
    assert report["file"]["bytes"] == path.stat().st_size and report["file"]["complete"] is True
    assert "7 captured, 7 recorded, 0 dropped" in printed.err
    section = DOCUMENT[DOCUMENT.index("## `camkit record") :]
    for name in ("file", "frames"):
        for field in report[name]:
            assert f"`{name}.{field}" in section
    assert main(["run", "--source", str(path), "--display", "none", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["frames"]["delivered"] == 7
    assert main(["info", str(path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["recording"]["frames"] == 7 and told["recording"]["info"]["kind"] == "synthetic"
    assert told["recording"]["indexed"] is True and told["recording"]["damage"] is None
    assert [size["fps"] for size in told["formats"][0]["sizes"]] == [[200.0]]
    assert main(["info", str(path)]) == 0
    assert "recording of Synthetic camera (synthetic, camkit), 7 frames" in capsys.readouterr().out
    assert main(["list", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["cameras"][-1]["path"] == str(path)


def test_the_command_refuses_what_it_cannot_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.mcap"
    for arguments, code, words in (
        ([str(tmp_path / "a.avi")], 2, "does not end in .mcap"),
        ([str(tmp_path / "no" / "a.mcap")], 2, "there is no folder"),
        ([str(path), "--source", "/dev/none"], 3, "/dev/none"),
    ):
        assert main(["record", *arguments]) == code
        assert words in capsys.readouterr().err
    path.write_text("mine")
    assert main(["record", str(path), *SYNTHETIC, "--frames", "1"]) == 2
    assert "--overwrite replaces it" in capsys.readouterr().err and path.read_text() == "mine"
    assert main(["record", str(path), *SYNTHETIC, "--frames", "1", "--overwrite", "--compression", "zstd"]) == 0
    assert len(play(path)) == 1


def test_the_command_plays_a_damaged_file_up_to_the_damage(
    path: Path, ten: tuple[bytes, list[Kept]], capsys: pytest.CaptureFixture[str]
) -> None:
    path.write_bytes(ten[0][: len(ten[0]) // 2])
    assert main(["run", "--source", str(path), "--display", "none", "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["error"]["type"] == "RecordingDamaged" and 0 < report["frames"]["delivered"] < 10
    assert main(["list", str(path)]) == 0
    assert "is damaged" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_recording_whole(tmp_path: Path, number: signal.Signals) -> None:
    path = tmp_path / "a.mcap"
    command = [sys.executable, "-W", "error", "-m", "camkit", "record", path, *SYNTHETIC, "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not path.exists() or path.stat().st_size < 100_000:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    report = json.loads(out)
    assert report["file"]["complete"] is True and report["frames"]["dropped"]["pipeline"] == 0
    assert len(play(path)) == report["frames"]["recorded"]


def test_a_full_disk_fails_the_command(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    done = subprocess.run(
        [sys.executable, "-m", "camkit", "record", path, "--source", "synthetic", "--json"],
        capture_output=True,
        text=True,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (5_000_000, 5_000_000)),
    )
    report = json.loads(done.stdout)
    assert done.returncode == 1 and report["error"]["type"] == "RecordError", done.stderr
    assert "File too large" in report["error"]["message"] and report["file"]["complete"] is True
    frames = report["frames"]
    assert len(play(path)) == frames["recorded"] == 8
    assert frames["captured"] == 8 + sum(frames["dropped"].values()) and frames["dropped"]["pipeline"] > 0


def test_a_file_that_is_deleted_meanwhile_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"

    def delete(frame: camkit.Frame) -> None:
        if frame.sequence == 2:
            path.unlink()

    with pytest.raises(camkit.PipelineError, match="is lost: the file was deleted while it was written"):
        record(path, camkit.SyntheticCamera(size=(64, 32), fps=500), 6, delete)
