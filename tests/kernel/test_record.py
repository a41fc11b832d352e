"""Recordings of real drivers: every field of their buffers, losses and failures, and the same again when played."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import camkit
from camkit.camera_capture._recording.frame_record import to_record
from tests.kernel.conftest import vivid_of, wait_until

# What a busy machine cannot keep up with is lost, for a copy would not be the driver's own memory.
SMALL = {"format": "YUYV", "size": (320, 180), "fps": 60, "on_exhausted": "drop"}
CORRUPT = 1
ERROR_FLAG = 0x40  # V4L2_BUF_FLAG_ERROR


def keep(frame):
    record, planes = to_record(frame)
    return record, b"".join(map(bytes, planes)), frame.driver


def record(path, camera, frames, *stages):
    kept = []
    recorder = camkit.Recorder(path)
    camkit.Pipeline(camera, *stages, lambda frame: kept.append(keep(frame)), recorder, depth=8).run(frames=frames)
    assert recorder.report()["frames"] == len(kept)
    assert recorder.report()["complete"]
    return kept


def record_until(done, path, camera, *stages):
    """Record until something has come about, which takes a busy machine more frames, and a few frames more."""
    kept, recorder = [], camkit.Recorder(path)
    pipeline = camkit.Pipeline(camera, *stages, lambda frame: kept.append(keep(frame)), recorder, depth=8)
    pipeline.start()
    wait_until(lambda: done(kept), "what is to be recorded")
    count = len(kept)
    wait_until(lambda: len(kept) > count + 4, "more frames")
    pipeline.stop()
    assert recorder.report()["frames"] == len(kept) and recorder.report()["complete"]
    return kept


def play(path, **options):
    with camkit.open(path, **{"realtime": False, "corrupt": "deliver"} | options) as camera:
        kept = [keep(frame) for frame in camera]
        return kept, camera.stats()


def same(played, recorded):
    a, b = dict(played[0]), dict(recorded[0])
    assert (a.pop("memory"), b.pop("memory")) == (0, 1)
    assert (a.pop("clock"), b.pop("clock")) in ((2, 1), (0, 0))  # of no clock if the driver's time is no time
    return a == b and played[1:] == recorded[1:]


def once_at(number, act):
    """Make a stage that acts when the frame of a number comes, or the first one after it: that one may be lost."""
    acted = []

    def stage(frame):
        if frame.sequence >= number and not acted:
            acted.append(frame.sequence)
            act()

    return stage


def accounts(stats):
    return stats.captured, stats.taken, stats.dropped


@pytest.mark.smoke
@pytest.mark.parametrize("format", ["YUYV", "NV12", "RGB24"])
def test_every_field_of_the_drivers_buffer_comes_back(any_vivid, tmp_path, format):
    path = tmp_path / "a.mcap"
    with camkit.open(any_vivid.path, **SMALL | {"format": format}, buffers=16) as camera:
        kept = record(path, camera, 6)
        stats = accounts(camera.stats())
    played, again = play(path)
    assert len(played) == 6 and all(map(same, played, kept))
    driver = played[0][2]
    assert driver is not None and driver.sequence == kept[0][0]["sequence"]
    assert (driver.type == 9) is bool(driver.planes)
    bytes_used = driver.planes[0].bytes_used if driver.planes else driver.bytes_used
    assert bytes_used == len(played[0][1])
    assert accounts(again) == stats


def test_padding_of_a_wider_stride_comes_back(any_vivid, tmp_path):
    path = tmp_path / "a.mcap"
    with camkit.open(any_vivid.path, **SMALL, stride=1024, buffers=8) as camera:
        assert camera.stream.stride == 1024
        kept = record(path, camera, 3)
    assert len(kept[0][1]) == 1024 * 180
    played, _ = play(path)
    assert len(played) == 3 and all(map(same, played, kept))


@pytest.mark.parametrize("name", ["NM12", "YM12"])
def test_planes_in_memories_of_their_own_come_back(tmp_path, name):
    path = tmp_path / "a.mcap"
    with camkit.open(vivid_of(1).path, **SMALL | {"format": name}, buffers=8) as camera:
        assert camera.stream.memories > 1
        kept = record(path, camera, 4)
    played, _ = play(path)
    assert len(played) == 4 and all(map(same, played, kept))
    assert len(played[0][2].planes) == len(played[0][0]["planes"]) > 1


@pytest.mark.parametrize("io", ["expbuf", "mmap", "userptr", "udmabuf"])
def test_frames_of_every_way_into_memory_are_recorded(any_vivid, tmp_path, io):
    path = tmp_path / "a.mcap"
    with camkit.open(any_vivid.path, **SMALL, io=io, buffers=8) as camera:
        kept = record(path, camera, 4)
    played, _ = play(path)
    assert [pixels for _, pixels, _ in played] == [pixels for _, pixels, _ in kept]
    assert [driver for *_, driver in played] == [driver for *_, driver in kept]


def test_lost_and_damaged_frames_are_in_the_file(vivid, tmp_path):
    path = tmp_path / "a.mcap"
    vivid.set("Percentage of Dropped Buffers", 30)

    def damage(frame):
        if frame.sequence % 10 == 3:
            vivid.set("Inject V4L2_BUF_FLAG_ERROR")

    with camkit.open(vivid.path, **SMALL, buffers=16, corrupt="deliver") as camera:
        kept = record(path, camera, 60, damage)
        stats = accounts(camera.stats())
    damaged = [record for record, _, driver in kept if driver.flags & ERROR_FLAG]
    assert damaged and all(record["flags"] & CORRUPT for record in damaged)
    assert sum(record["gap"] for record, *_ in kept) > 0
    played, again = play(path)
    assert len(played) == 60 and all(map(same, played, kept))
    assert accounts(again) == stats
    # Played as a camera is that drops what is damaged, by the same rule.
    _, dropping = play(path, corrupt="drop")
    assert dropping.dropped.corrupt == len(damaged) and dropping.captured == stats[0]


def test_causes_of_loss_are_kept_apart(vivid, tmp_path):
    path = tmp_path / "a.mcap"
    vivid.set("Percentage of Dropped Buffers", 20)

    def damage(frame):
        if frame.sequence % 8 == 3:
            vivid.set("Inject V4L2_BUF_FLAG_ERROR")

    with camkit.open(vivid.path, **SMALL, buffers=16) as camera:
        record(path, camera, 50, damage)
        stats = camera.stats()
    assert stats.dropped.corrupt > 0 and stats.dropped.driver > 0
    _, again = play(path)
    assert accounts(again) == accounts(stats)


@pytest.mark.parametrize(
    ("control", "value", "frames"),
    [("Wrap Sequence Number", 1, 140), ("Wrap Timestamp", 1, 5), ("Wrap Timestamp", 2, 5)],
)
def test_numbers_and_times_that_wrap_come_back(vivid, tmp_path, control, value, frames):
    path = tmp_path / "a.mcap"
    vivid.set(control, value)
    with camkit.open(vivid.path, **SMALL | {"fps": 120}, buffers=16) as camera:
        kept = record(path, camera, frames)
    if frames > 128:
        assert kept[-1][0]["sequence"] >= 1 << 32
    played, _ = play(path)
    assert len(played) == frames and all(map(same, played, kept))


@pytest.mark.smoke
@pytest.mark.parametrize(
    ("control", "error"),
    [("Inject Fatal Streaming Error", camkit.CameraError), ("Disconnect", camkit.CameraDisconnected)],
)
def test_the_failure_that_ended_it_is_played_too(vivid, tmp_path, control, error):
    path = tmp_path / "a.mcap"
    with camkit.open(vivid.path, **SMALL) as camera, pytest.raises(error) as recorded:
        record(path, camera, None, once_at(5, lambda: vivid.set(control)))
    with camkit.open(path, realtime=False) as camera:
        frames = []
        with pytest.raises(error) as played:
            for frame in camera:
                frames.append(frame.sequence)
    assert frames[-1] >= 5
    assert type(played.value) is type(recorded.value) and played.value.errno == recorded.value.errno
    assert recorded.value.strerror in played.value.strerror and "(as recorded)" in played.value.strerror


def test_an_unplugged_webcam_leaves_a_whole_recording(plugged, tmp_path):
    path = tmp_path / "a.mcap"
    camera = camkit.open(plugged.path, format="MJPG", size=(1280, 720), fps=30, buffers=8)
    with camera, pytest.raises(camkit.CameraDisconnected):
        record(path, camera, None, once_at(6, lambda: plugged.order("unplug")))
    del camera
    played, _ = play(path, faults=False)
    assert played[-1][0]["sequence"] >= 6
    assert all(pixels[:2] == b"\xff\xd8" and pixels[-2:] == b"\xff\xd9" for _, pixels, _ in played)
    with pytest.raises(camkit.CameraDisconnected, match="as recorded"):
        play(path)


def test_the_command_records_a_driver(any_vivid, tmp_path):
    path = tmp_path / "a.mcap"
    command = [sys.executable, "-W", "error", "-m", "camkit"]
    mode = ["--source", any_vivid.path, "--format", "NV12", "--size", "640x360", "--fps", "30"]
    done = subprocess.run([*command, "record", path, *mode, "--frames", "10", "--json"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["frames"]["recorded"] == 10 and report["frames"]["dropped"]["pipeline"] == 0
    assert report["source"]["buffers"] == 16
    told = json.loads(subprocess.run([*command, "info", path, "--json"], capture_output=True, text=True).stdout)
    assert told["recording"]["info"]["driver"] == "vivid" and told["recording"]["stream"]["memory"] == "mmap"


def test_events_of_the_driver_are_recorded_and_told_again(vivid, tmp_path):
    path = tmp_path / "a.mcap"
    with camkit.open(vivid.path, **SMALL) as camera:
        camera.controls.watch("brightness")
        heard = []
        camera.events.listen(heard.append)
        kept = record_until(lambda kept: heard, path, camera, once_at(5, lambda: vivid.set("Brightness", 77)))
        (told,) = [event for event in camera.events.take() if event.kind == "control"]
    assert (told.fields["name"], told.fields["value"]) == ("brightness", 77)
    with camkit.open(path, realtime=False) as camera:
        assert sum(1 for _ in camera) == len(kept)
        assert told in camera.events.take()


def test_a_recorded_stream_that_changed_its_size_changes_it_again(vivid, tmp_path):
    path = tmp_path / "a.mcap"
    vivid.input(3)
    with camkit.open(vivid.path, format="YUYV") as camera:
        change = once_at(5, lambda: vivid.offer(camera, "640x480p72"))
        kept = record_until(lambda kept: kept and kept[-1][0]["width"] == 640, path, camera, change)
    vivid.set("DV Timings Signal Mode", 0)  # which belongs to the input
    camkit.open(vivid.path, format="YUYV", timings="1280x720p60").close()
    sizes = [(entry[0]["width"], entry[0]["height"]) for entry in kept]
    assert len(dict.fromkeys(sizes)) == 2
    with camkit.open(path, realtime=False) as camera:
        again = [(frame.size, frame.discontinuity) for frame in camera]
        assert [size for size, _ in again] == sizes
        assert [fresh for _, fresh in again].index(True) == sizes.index(sizes[-1])
        assert camera.size == sizes[-1]
        assert "renegotiated" in [event.kind for event in camera.events.take()]
