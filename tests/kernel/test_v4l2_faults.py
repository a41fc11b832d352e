"""Cameras that go away, fall silent or refuse."""

from __future__ import annotations

import errno
import gc
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import camkit
from camkit.errors import CameraDisconnected, CameraError, CameraTimeout
from tests.kernel.conftest import wait_for_frame, wait_until

SMALL = {"format": "YUYV", "size": (320, 180), "fps": 120}
WEBCAM = {"format": "YUYV", "size": (640, 480), "fps": 30}
REQUESTS = {
    "Inject VIDIOC_REQBUFS Error": r"cannot start: get 4 buffers of 115200 bytes: Invalid argument",
    "Inject VIDIOC_QBUF Error": r"cannot start: queue buffer 0: Invalid argument",
    "Inject VIDIOC_STREAMON Error": r"cannot start YUYV 320x180@120: Invalid argument",
}


def accounted(camera) -> bool:
    stats = camera.stats()
    return stats.captured == stats.taken + stats.dropped.total


class Reader(threading.Thread):
    """Read one frame in another thread."""

    def __init__(self, camera) -> None:
        super().__init__()
        self.camera = camera
        self.frame = self.error = None
        self.start()

    def run(self) -> None:
        try:
            self.frame = self.camera.read()
        except BaseException as error:
            self.error = error

    def switches(self) -> int:
        """Count how often it went to sleep so far."""
        text = Path(f"/proc/self/task/{self.native_id}/status").read_text()
        return int(text.split("voluntary_ctxt_switches:")[1].split()[0])


@pytest.mark.smoke
def test_a_camera_that_goes_away(vivid, open_camera):
    camera = open_camera(vivid.path, **SMALL)
    camera.start()
    frame = camera.read()
    vivid.set("Disconnect")
    with pytest.raises(CameraDisconnected, match="is gone") as caught:
        for _ in range(100):
            camera.read()
    assert (caught.value.errno, caught.value.filename) == (errno.ENODEV, vivid.path)
    with pytest.raises(CameraDisconnected):
        camera.read()
    assert frame.array.shape == (180, 320, 2)
    del frame  # it holds the device
    camera.stop()
    with pytest.raises(CameraDisconnected):
        camera.start()
    camera.close()
    with pytest.raises(ValueError, match="closed"):
        camera.start()


def test_a_silent_camera_is_told_from_a_slow_one(vivid, open_camera):
    vivid.set("Percentage of Dropped Buffers", 100)
    camera = open_camera(vivid.path, **SMALL, timeout=0.5)
    camera.start()
    with pytest.raises(CameraTimeout, match="no frame for 0.5 s") as caught:
        camera.read()
    assert (caught.value.errno, caught.value.filename) == (errno.ETIMEDOUT, vivid.path)
    vivid.set("Percentage of Dropped Buffers", 0)
    assert wait_for_frame(camera) is not None


def test_a_stream_that_the_driver_gave_up(vivid, open_camera):
    camera = open_camera(vivid.path, **SMALL)
    camera.start()
    camera.read()
    vivid.set("Inject Fatal Streaming Error")
    with pytest.raises(CameraError, match="given the stream up") as caught:
        for _ in range(100):
            camera.read()
    assert caught.value.errno == errno.EIO and not isinstance(caught.value, CameraDisconnected)
    camera.stop()
    camera.start()
    assert camera.read().generation == 2


def test_a_buffer_that_the_driver_does_not_take_back(vivid, open_camera):
    camera = open_camera(vivid.path, **SMALL, buffers=4)
    camera.start()
    frame = camera.read()
    vivid.set("Inject VIDIOC_QBUF Error")
    del frame
    with pytest.raises(CameraError, match=r"cannot give 1 buffer\(s\) back to the driver \(1 went on a second try\)"):
        camera.read()
    # Told once, and the stream is whole again: two frames may be held without a copy.
    held = [camera.read(), camera.read()]
    assert not any(frame.copied for frame in held)
    assert "refused 1 buffers" in camera.explain()


# ---- refusals ----


@pytest.mark.parametrize("fault", REQUESTS)
def test_a_start_that_the_driver_refuses(any_vivid, open_camera, open_files, fault):
    camera = open_camera(any_vivid.path, **SMALL)
    before = open_files()
    any_vivid.set(fault)
    with pytest.raises(CameraError, match=REQUESTS[fault]) as caught:
        camera.start()
    assert (caught.value.errno, caught.value.filename) == (errno.EINVAL, any_vivid.path)
    assert not camera.streaming and open_files() == before, f"left behind while {caught.value} lives"
    camera.start()
    frame = camera.read()
    assert frame.sequence == frame.driver.sequence and accounted(camera)


def test_a_webcam_that_refuses_to_negotiate(webcam, open_camera, open_files):
    before = open_files()
    webcam.order("fault probe")
    said = "cannot (try|set) YUYV 640x480: .*: the camera does not answer over USB as it should: plug it in anew, or"
    with pytest.raises(CameraError, match=said):
        open_camera(webcam.path, **WEBCAM)
    assert open_files() == before
    assert open_camera(webcam.path, **WEBCAM).stream.format == "YUYV"


def test_a_webcam_that_refuses_what_it_agreed_to(webcam, open_camera):
    camera = open_camera(webcam.path, **WEBCAM)
    said = (
        "cannot start YUYV 640x480@30: the camera did not agree to this stream, or needs more than its connection at "
        "480 Mbit/s can reserve: plug it in anew, or take MJPG, a smaller size or rate, or a faster port"
    )
    webcam.order("fault commit")
    with pytest.raises(CameraError) as caught:
        camera.start()
    assert (caught.value.errno, caught.value.strerror) == (errno.EIO, said)
    camera.start()
    assert camera.read() is not None


# ---- waits ----


def test_a_storm_of_signals_costs_no_frame(vivid, open_camera):
    camera = open_camera(vivid.path, **{**SMALL, "fps": 30})
    signals = []
    old = signal.signal(signal.SIGALRM, lambda number, frame: signals.append(number))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.003, 0.003)
        camera.start()
        numbers = []
        while len(numbers) < 30 or len(signals) <= len(numbers):
            numbers.append(camera.read().sequence)
        assert camera.control_node().controls()[1] == []
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
    assert numbers == sorted(set(numbers)) and accounted(camera)
    assert camera.stats().dropped.corrupt == camera.stats().dropped.pool == 0


def test_who_waits_for_a_buffer_sleeps_until_it_comes(vivid, open_camera):
    camera = open_camera(vivid.path, **SMALL, on_exhausted="block")
    camera.start()
    held = [camera.read(), camera.read()]
    last = held[-1].sequence
    reader = Reader(camera)
    time.sleep(1.2)
    switches = reader.switches()
    held.clear()
    reader.join(30)
    assert reader.error is None
    # Ten times a second it looks for Python's signals, and 120 times a second frames come that it may not take.
    latest = max(camera.read().sequence for _ in range(4))  # the first ones were filled before
    assert switches < (latest - last) / 2
    assert camera.stats().dropped.pool == 0 and accounted(camera)


# ---- unplugged ----


@pytest.mark.parametrize("policy", ["copy", "drop", "block", "raise"])
def test_unplugged_with_every_frame_held(binding, open_files, policy):
    before, threads = open_files(), threading.active_count()
    with camkit.open(binding.path, **SMALL, on_exhausted=policy) as camera:
        held = [camera.read(), camera.read()]
        if policy == "block":
            reader = Reader(camera)
            time.sleep(0.2)
            binding.unbind()
            reader.join(30)
            assert isinstance(reader.error, CameraDisconnected)
            del reader
        else:
            binding.unbind()
            with pytest.raises(CameraDisconnected):
                for _ in range(100):
                    try:
                        held.append(camera.read())
                    except camkit.PoolExhausted:
                        continue
        assert held[0].array.shape == (180, 320, 2) and accounted(camera)
    assert [int(frame.array[90, 160, 0]) for frame in held], "good also after the camera was closed"
    del held
    gc.collect()
    assert (open_files(), threading.active_count()) == (before, threads)


def test_a_webcam_unplugged_under_a_blocked_read(plugged, open_files):
    before = open_files()
    with camkit.open(plugged.path, **WEBCAM) as camera:
        camera.read().close()
        plugged.order("freeze")
        with pytest.raises(CameraTimeout):
            while True:
                camera.read(timeout=0.3).close()
        reader = Reader(camera)
        time.sleep(0.2)
        plugged.order("unplug")
        reader.join(30)
        assert isinstance(reader.error, CameraDisconnected) and accounted(camera)
        del reader
        gc.collect()
    assert open_files() == before


# ---- controls ----


def test_one_control_that_cannot_be_told_does_not_hide_the_others(plugged):
    # The driver keeps what it has asked for once.
    plugged.order("unplug")
    wait_until(lambda: not Path(plugged.path).exists(), "the webcam's node goes")
    plugged.order("plug")
    wait_until(lambda: plugged.path in [info.path for info in camkit.list_cameras() if not info.problem], "the webcam")
    plugged.order("fault brightness -1")
    try:
        with camkit.open(plugged.path, **WEBCAM) as camera:
            rows = camera.controls.describe()
            names = {row["name"] for row in rows}
            assert {"contrast", "saturation", "auto_exposure", "exposure_time_absolute"} <= names
            assert "brightness" not in names
            assert [bool(row["problem"]) for row in rows if not row["name"]] == [True]
            camera.controls.contrast = 40
            assert camera.controls.contrast == 40
    finally:
        plugged.order("fault brightness 0")
    with camkit.open(plugged.path, **WEBCAM) as camera:
        assert camera.controls.brightness == 0 and not any(row["problem"] for row in camera.controls.describe())


def test_a_forked_process_is_told_of_a_silent_camera_too(vivid):
    """Its reader sleeps in the driver as its parent's did, and must be woken by its own name."""
    code = f"""if True:
        import os, camkit, signal
        def read(number):
            with camkit.open({vivid.path!r}, format="YUYV", size=(320, 180), fps=60, timeout=2) as camera:
                for i in range(number):
                    camera.read().close()
                    if i == 3:
                        print("reading", flush=True)
        read(3)
        child = os.fork()
        if not child:
            signal.alarm(120)
            try:
                read(1 << 20)
            except camkit.CameraTimeout:
                os._exit(7)
            os._exit(1)
        raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None and parent.stdout.readline() == "reading\n"
        vivid.set("Percentage of Dropped Buffers", 100)
        assert parent.wait() == 7
