"""What is recorded: every byte and number of a frame, the account, events, in a file that others read."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mcap.reader import make_reader
from mcap.stream_reader import StreamReader
from mcap.writer import CompressionType, Writer
from mcap_protobuf.decoder import DecoderFactory

import camkit
from camkit.camera_capture._recording import writer as recording_writer
from camkit.camera_capture._recording.frame_record import to_record
from camkit.camera_capture._synthetic import INFO, SyntheticBackend
from camkit.camera_capture.info import Request
from camkit.performance_core import Drops
from tests.recording.conftest import SMALL, Kept, all_same, keep, play, record

UNCOMPRESSED = [name for name, row in camkit.FORMATS.items() if not row.compressed]


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
    assert camera.stats().dropped == Drops(driver=3, corrupt=4)
    with path.open("rb") as file:
        lost = [json.loads(m.data)["lost"] for *_, m in make_reader(file).iter_messages("/camera/frame")]
    sums = {cause: sum(one[cause] for one in lost) for cause in lost[0]}
    assert sums == {"driver": 3, "corrupt": 2, "pool": 0, "pipeline": 0}
    with camkit.open(path, realtime=False) as replay:
        gaps = [frame.gap for frame in replay]
        assert sum(gaps) == 5  # the last two are behind the last frame
        again, first = replay.stats(), camera.stats()
        assert (again.captured, again.taken, again.dropped) == (first.captured, first.taken, first.dropped)


def test_frames_lost_for_want_of_a_buffer_are_told_as_that(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    camera = camkit.SyntheticCamera(**SMALL | {"on_exhausted": "drop"}, buffers=2, frames=40)
    held: list[camkit.Frame] = []

    def hold(frame: camkit.Frame) -> None:
        held[:] = [frame] if frame.sequence < 30 else []

    kept = record(path, camera, None, hold)
    stats = camera.stats()
    assert stats.dropped.pool > 0
    with camkit.open(path, realtime=False) as replay:
        assert len(list(replay)) == len(kept)
        assert replay.stats().captured == stats.captured == 40
        assert replay.stats().dropped == stats.dropped


def test_the_error_that_ended_a_recording_is_raised_again(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    camera = camkit.SyntheticCamera((64, 32), 20, delay={5: 3600}, timeout=3.0, buffers=16)
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
    source = SyntheticBackend(INFO, Request.make(size=(64, 32), options={"realtime": False}))

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
        assert camkit.Pipeline(camera).run().frames.delivered == 6
        assert [event.as_dict() for event in camera.events.take()] == told


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
    camera = camkit.SyntheticCamera((64, 32), realtime=False, frames=300, drop=[100], buffers=16)
    with camera:
        stats = camkit.Pipeline(camera, recorder, policy="drop_newest", depth=4).run()
    report = recorder.report()
    assert report["dropped"]["pipeline"] == stats.frames.dropped.link > 0
    assert report["captured"] == report["frames"] + sum(report["dropped"].values()) == 300
    assert "pipeline" in recorder.explain()
    with camkit.open(path, realtime=False) as replay:
        frames = [(frame.sequence, frame.gap) for frame in replay]
        assert len(frames) == report["frames"] and replay.stats().captured == 300
        # To a recording it is all one who lost a frame; a busy machine makes the camera itself lose some more.
        assert replay.stats().dropped == Drops(driver=sum(report["dropped"].values()))
    assert [b - a for (a, _), (b, _) in pairwise(frames)] == [gap + 1 for _, gap in frames[1:]]


def test_a_file_that_is_deleted_meanwhile_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"

    def delete(frame: camkit.Frame) -> None:
        if frame.sequence == 2:
            path.unlink()

    with pytest.raises(camkit.PipelineError, match="is lost: the file was deleted while it was written"):
        record(path, camkit.SyntheticCamera(**SMALL), 6, delete)
