"""What damage, a full disk and a killed recorder cost."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

import camkit
from camkit.camera_capture._recording import writer as recording_writer
from tests.recording.conftest import SMALL, Kept, all_same, keep, play, record, records


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
            with camkit.open(path, realtime=False, damage="skip", corrupt="deliver", timeout=100) as camera:
                played = [keep(frame) for frame in camera]
                told = bool(camera.source.damages)
                captured = camera.stats().captured
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
        assert camera.stats().taken == 2
    with camkit.open(path, realtime=False, damage="skip") as camera:
        played = [(frame.sequence, frame.gap) for frame in camera]
        assert [number for number, _ in played] == [k.record["sequence"] for k in kept[:2] + kept[2 + frames :]]
        assert [b - a for (a, _), (b, _) in pairwise(played)] == [gap + 1 for _, gap in played[1:]]
        assert camera.stats().captured == 11 and len(camera.source.damages) == frames
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
        until = time.monotonic() + 200
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
    assert camera.stats().captured == stamps[-1][0] + 1


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
    done = subprocess.run(program, capture_output=True, text=True, timeout=200, cwd=Path(__file__).parents[2])
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
