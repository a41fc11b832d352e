"""Eight cameras at once in one process."""

from __future__ import annotations

import threading

import numpy as np

import camkit
from camkit.camera_capture._v4l2.find import list_devices

FRAMES = 60


def open_all() -> list[camkit.Camera]:
    paths = [info.path for info in list_devices() if info.driver == "vivid"]
    assert len(paths) == 8
    return [camkit.open(path, format="YUYV", size=(640, 360), fps=30, buffers=8) for path in paths]


def test_eight_pipelines_lose_nothing_that_the_drivers_did_not() -> None:
    cameras = open_all()
    pipelines = [camkit.Pipeline(camera) for camera in cameras]
    for pipeline in pipelines:
        pipeline.start(frames=FRAMES)
    for pipeline in pipelines:
        pipeline.wait()
    for pipeline, camera in zip(pipelines, cameras, strict=True):
        frames = pipeline.stats().frames
        ours = {cause: count for cause, count in frames.dropped.as_dict().items() if cause != "driver"}
        assert not any(ours.values()), ours
        assert frames.captured == frames.delivered + frames.dropped.driver
        assert frames.delivered == FRAMES
        camera.close()


def test_eight_loops_read_their_own_camera() -> None:
    cameras = open_all()
    told: list[Exception | int] = [0] * 8

    def read(number: int) -> None:
        try:
            with cameras[number] as camera:
                for frame in camera:
                    assert not frame.corrupt and frame.sequence >= told[number]
                    told[number] += 1
                    assert np.ptp(frame.array[::16]) > 100
                    if told[number] == 60:
                        return
        except Exception as error:
            told[number] = error

    threads = [threading.Thread(target=read, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(200)
    assert told == [60] * 8
    for camera in cameras:
        stats = camera.stats()
        assert stats.captured == stats.taken + stats.dropped.total
        assert stats.dropped.pool == stats.dropped.corrupt == 0
