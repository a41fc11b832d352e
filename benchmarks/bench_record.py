"""Recording to disk beside a plain write of the same bytes to the same disk, in turns; and playing it again.

`mb_per_s` in `extra_info` is the rate of each; `ratio_to_plain_write` that of the recorder to the plain write of the
same round, without and with waiting for the disk. The recorder computes a CRC of every byte besides, and the camera
draws its frames in a thread beside it.
"""

import os
import statistics
import time

import pytest

import camkit

SIZE, FRAMES, BUFFERS = (1920, 1080), 120, 8
GROUP = f"record: {FRAMES} frames of YUYV {SIZE[0]}x{SIZE[1]}"
ROUNDS = 5


@pytest.fixture
def folder(tmp_path):
    """Give a folder on the disk that CAMKIT_BENCH_DISK names, else where pytest has its own."""
    disk = os.environ.get("CAMKIT_BENCH_DISK")
    return tmp_path if disk is None else type(tmp_path)(disk)


def plain_write(path, frames, sync):
    """Write the bytes of all frames as one would by hand, from as many buffers; return bytes a second."""
    began = time.perf_counter()
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for i in range(FRAMES):
        os.write(fd, frames[i % BUFFERS])
    if sync:
        os.fdatasync(fd)
    os.close(fd)
    return FRAMES * len(frames[0]) / (time.perf_counter() - began)


def record(path, sync):
    """Record frames of a camera that has the next one ready whenever it is asked; return bytes a second."""
    # It waits for a buffer where a real camera would lose a frame: what is measured is the recorder.
    camera = camkit.SyntheticCamera(SIZE, format="YUYV", realtime=False, buffers=BUFFERS, on_exhausted="block")
    recorder = camkit.Recorder(path, overwrite=True)
    with camera:
        pipeline = camkit.Pipeline(camera, recorder, depth=BUFFERS)
        began = time.perf_counter()
        stats = pipeline.run(frames=FRAMES)
        if sync:
            fd = os.open(path, os.O_RDONLY)
            os.fdatasync(fd)
            os.close(fd)
        seconds = time.perf_counter() - began
    assert recorder.report()["frames"] == FRAMES == stats.frames.captured
    return FRAMES * SIZE[0] * SIZE[1] * 2 / seconds


@pytest.mark.benchmark(group=GROUP)
@pytest.mark.parametrize("sync", [False, True], ids=["page cache", "disk"])
def bench_record(benchmark, folder, sync):
    pool = camkit.FramePool(BUFFERS, format="YUYV", size=SIZE)
    frames = [memoryview(pool.acquire()).cast("B") for _ in range(BUFFERS)]
    plain, recorded = [], []

    def work():
        for rates, path, act in ((plain, "plain.bin", plain_write), (recorded, "record.mcap", record)):
            target = folder / path
            rates.append(act(target, frames, sync) if act is plain_write else act(target, sync))
            target.unlink()

    benchmark.pedantic(work, rounds=ROUNDS, warmup_rounds=1)
    ratios = [a / b for a, b in zip(recorded, plain, strict=True)]
    benchmark.extra_info["mb_per_s"] = {
        "recorder": statistics.median(recorded) / 1e6, "plain write": statistics.median(plain) / 1e6
    }  # fmt: skip
    benchmark.extra_info["ratio_to_plain_write"] = statistics.median(ratios)


@pytest.mark.benchmark(group=GROUP)
def bench_replay(benchmark, folder):
    path = folder / "record.mcap"
    record(path, sync=True)
    plain, played = [], []
    memory = bytearray(SIZE[0] * SIZE[1] * 2)

    def work():
        began = time.perf_counter()
        with open(path, "rb", buffering=0) as file:
            while file.readinto(memory):
                pass
        plain.append(path.stat().st_size / (time.perf_counter() - began))
        began = time.perf_counter()
        with camkit.open(path, realtime=False) as camera:
            stats = camkit.Pipeline(camera).run()
        played.append(path.stat().st_size / (time.perf_counter() - began))
        assert stats.frames.delivered == FRAMES

    benchmark.pedantic(work, rounds=ROUNDS, warmup_rounds=1)
    path.unlink()
    benchmark.extra_info["mb_per_s"] = {
        "replay": statistics.median(played) / 1e6, "plain read": statistics.median(plain) / 1e6
    }  # fmt: skip
    benchmark.extra_info["ratio_to_plain_read"] = statistics.median(a / b for a, b in zip(played, plain, strict=True))
