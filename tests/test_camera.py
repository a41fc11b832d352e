"""Camera and open: finding one, and reading it."""

import contextlib
import dataclasses
import errno
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from camkit.camera_capture import (
    Camera,
    CameraInfo,
    SyntheticCamera,
    info,
    list_cameras,
    list_formats,
    open,
    registry,
)
from camkit.errors import CameraError, CameraNotFound, CameraTimeout, FormatNotSupported
from camkit.memory_manager import FORMATS, Frame
from tests.cameras import balanced, fast, silent

# ---- finding one ----


def test_the_synthetic_camera_is_always_listed_last() -> None:
    cameras = list_cameras()
    assert cameras[-1].kind == cameras[-1].id == "synthetic"
    assert all(isinstance(camera, CameraInfo) for camera in cameras)


def test_formats_are_listed() -> None:
    formats = list_formats("synthetic")
    assert [f.name for f in formats] == [name for name, row in FORMATS.items() if not row.compressed]
    size = formats[0].sizes[0]
    assert (size.minimum, (size.width, size.height), size.step) == ((64, 32), (8192, 8192), (2, 1))


def test_auto_takes_the_first_that_works(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = [
        CameraInfo("v4l2", "Locked", "/dev/video7", 7, "", "", "locked", problem="Permission denied"),
        CameraInfo("v4l2", "Desk", "/dev/video8", 8, "uvcvideo", "usb-1", "usb-1/Desk"),
    ]
    row = registry.ROWS[0]._replace(platform="", devices="fake_devices")
    monkeypatch.setitem(sys.modules, "fake_devices", type("Devices", (), {"list_devices": lambda: seen})())
    monkeypatch.setattr(sys.modules["fake_devices"], "list_devices", lambda: seen, raising=False)
    monkeypatch.setattr(registry, "ROWS", (row, registry.ROWS[1]))
    assert registry.find("auto") == (row, seen[1])
    assert registry.find("usb-1/Desk") == (row, seen[1])
    del seen[1]
    assert registry.find("auto")[1].kind == "synthetic"
    with pytest.raises(CameraNotFound, match="no camera has this id; there are locked, synthetic: 'desk'"):
        registry.find("desk")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the paths are those of V4L2")
@pytest.mark.parametrize("source", ["/dev/video4095", "./nothing/here", Path("/dev/video4095"), 4095])
def test_a_camera_that_is_not_there(source: object) -> None:
    with pytest.raises(CameraNotFound) as caught:
        open(source)
    assert caught.value.errno == 2 and str(caught.value.filename).startswith(("/dev/video4095", "./nothing"))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the paths are those of V4L2")
@pytest.mark.parametrize("source", ["/dev/null", Path(__file__), "/"])
def test_a_thing_that_is_not_a_camera(source: object) -> None:
    with pytest.raises(CameraNotFound, match="not a camera"):
        open(source)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the reasons are those of V4L2")
@pytest.mark.parametrize(
    ("changes", "bus", "message"),
    [
        ({}, "usb-1", "cannot start YUYV 1280x720@30: the USB bus has no room for this stream (needs about "
         "442 Mbit/s): take MJPG, a smaller size or rate, or another port"),
        ({"fps": None}, "usb-1", "cannot start YUYV 1280x720: the USB bus has no room for this stream: "
         "take MJPG, a smaller size or rate, or another port"),
        ({"format": "MJPG", "stride": 0}, "usb-1", "cannot start MJPG 1280x720@30: the USB bus has no room for this "
         "stream: take a smaller size or rate, or another port"),
        ({}, "platform:isp", "cannot start YUYV 1280x720@30: No space left on device"),
    ],
)  # fmt: skip
def test_a_full_usb_bus_is_told_as_bandwidth(changes: dict[str, Any], bus: str, message: str) -> None:
    from camkit.camera_capture._v4l2.reasons import start_reason

    stream = info.StreamInfo("YUYV", "YUYV", 1280, 720, 2560, 30.0, "mmap", 4)
    error = start_reason("/dev/video0", bus, dataclasses.replace(stream, **changes), 1280 * 720 * 2, errno.ENOSPC)
    assert type(error) is CameraError
    assert (error.errno, error.strerror, error.filename) == (errno.ENOSPC, message, "/dev/video0")


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        (None, TypeError, "source is None"),
        (True, TypeError, "source is True"),
        (1.5, TypeError, "source is 1.5"),
        (b"/dev/video0", TypeError, "source is b'/dev/video0'"),
        (-1, ValueError, "source is -1, not an index from 0"),
        ("", ValueError, "source is ''"),
        ("a\0b", ValueError, "source is 'a"),
        ("webcam of nobody", CameraNotFound, "no camera has this id"),
    ],
)
def test_a_source_that_names_nothing(source: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        open(source)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"format": "YUYX"}, FormatNotSupported, "pixel format 'YUYX' is not known; camkit has YUYV"),
        ({"format": 1.5}, TypeError, "named by a str, not float"),
        ({"size": 640}, TypeError, r"size is 640, not \(width, height\)"),
        ({"size": "640x480"}, TypeError, "size is the text '640x480'"),
        ({"size": (640, 0)}, ValueError, "height is 0, not from 1"),
        ({"size": (640.0, 480)}, TypeError, "width is a float"),
        ({"fps": 0}, ValueError, "fps is 0, not a number above 0"),
        ({"fps": "30"}, TypeError, "fps is '30', not a number"),
        ({"fps": float("nan")}, ValueError, "fps is nan"),
        ({"fps": 10**400}, ValueError, "^fps is an int of 1329 bits, not a number above 0"),
        ({"buffers": -(10**5000)}, ValueError, "^buffers is an int of 16610 bits, not from 2 to 32"),
        ({"size": (10**5000,)}, TypeError, r"^size is a tuple of such an int, not \(width, height\)"),
        ({"drop": 10**5000}, TypeError, "^drop is an int of 16610 bits, neither frame numbers"),
        ({"match": "x" * 1000}, ValueError, "^match is 'x{96}..., not one of exact, nearest"),
        ({"buffers": 1}, ValueError, "buffers is 1, not from 2 to 32"),
        ({"buffers": 33}, ValueError, "buffers is 33"),
        ({"buffers": True}, TypeError, "buffers is a bool"),
        ({"on_exhausted": "wait"}, ValueError, "on_exhausted is 'wait', not one of copy, drop, block, raise"),
        ({"match": None}, ValueError, "match is None, not one of exact, nearest"),
        ({"corrupt": (3,)}, ValueError, r"corrupt is \(3,\), not one of drop, deliver"),
        ({"timeout": 0}, ValueError, "timeout is 0, not a number above 0"),
        ({"timeout": float("inf")}, ValueError, "timeout is inf"),
        ({"bufers": 4}, TypeError, "a synthetic camera has no option 'bufers'"),
    ],
)
def test_a_wrong_argument_is_named(arguments: dict[str, object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        open("synthetic", **arguments)


@pytest.mark.parametrize("name", ["drop", "damage", "delay", "frames", "realtime", "seed", "first_sequence"])
def test_an_option_of_none_is_not_given(name: str) -> None:
    with open("synthetic", **{name: None}) as camera:
        camera.read()


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        (("NV12", (1920, 1080), 60.0), "NV12 1920x1080@60"),
        ((None, (1920, 1080), 30000 / 1001), "1920x1080@29.97"),
        (("NV12", None, 30.0), "NV12 @30"),
        ((None, None, 0.5), "@0.5"),
        (("NV12", None, None), "NV12"),
    ],
)
def test_a_mode_is_written_as_people_do(parts: tuple, text: str) -> None:
    assert info.mode(*parts) == text


def test_differences_are_those_of_what_was_asked() -> None:
    request = info.Request.make(format="NV12", size=(640, 480), fps=29.97)
    assert request.differences("NV12", (640, 480), 30000 / 1001) == {}
    assert request.differences("YUYV", (640, 360), 30.0) == {
        "format": ("NV12", "YUYV"),
        "size": ((640, 480), (640, 360)),
        "fps": (29.97, 30.0),
    }
    assert request.differences("NV12", (640, 480), None) == {"fps": (29.97, None)}
    assert info.Request.make().differences("YUYV", (640, 360), 30.0) == {}


# ---- reading it ----


def test_a_loop_reads_frames_until_the_stream_ends() -> None:
    with fast(frames=5) as camera:
        assert isinstance(camera, Camera) and not camera.closed
        assert (camera.format, camera.size, camera.fps) == ("YUYV", (64, 32), 30)
        assert "open" in repr(camera)
        frames = list(camera)
        assert all(isinstance(frame, Frame) for frame in frames) and len(frames) == 5
        assert "streaming" in repr(camera)
        with pytest.raises(EOFError, match="no more frames from camera 'synthetic'"):
            camera.read()
    assert camera.closed and "closed" in repr(camera)


def test_reading_starts_the_first_stream_only() -> None:
    camera = fast()
    assert camera.read().sequence == 0 and next(camera).sequence == 1
    camera.stop()
    with pytest.raises(EOFError):
        camera.read()
    assert next(camera, None) is None
    camera.start()
    assert camera.read().sequence == 0
    camera.start()
    assert camera.read().sequence == 1
    camera.close()


def test_a_closed_camera_says_so() -> None:
    camera = fast()
    camera.close()
    camera.close()
    camera.stop()
    for use in (camera.read, camera.start, camera.__enter__, lambda: iter(camera)):
        with pytest.raises(ValueError, match="camera 'synthetic' is closed"):
            use()
    assert next(camera, None) is None
    assert camera.stats().captured == 0 and camera.explain()


def test_closing_within_the_loop_ends_it() -> None:
    camera = fast()
    numbers = []
    for frame in camera:
        numbers.append(frame.sequence)
        if frame.sequence == 3:
            camera.close()
    assert numbers == [0, 1, 2, 3]


@pytest.mark.parametrize("end", ["close", "stop"])
def test_another_thread_ends_the_loop_while_it_waits(end: str) -> None:
    camera = silent(timeout=None)
    ended = threading.Event()
    numbers: list[int] = []

    def reader() -> None:
        for frame in camera:
            numbers.append(frame.sequence)
        ended.set()

    thread = threading.Thread(target=reader)
    thread.start()
    while not numbers:
        time.sleep(0.001)
    getattr(camera, end)()
    assert ended.wait(100), "the next frame would have come in an hour"
    thread.join()
    assert numbers == [0]
    assert camera.closed == (end == "close")
    camera.close()


def test_closing_from_another_thread_makes_read_a_value_error() -> None:
    camera = silent(timeout=None)
    camera.read()
    threading.Timer(0.05, camera.close).start()
    with pytest.raises(ValueError, match="is closed"):
        camera.read()


@pytest.mark.parametrize("realtime", [True, False])
def test_starting_stopping_and_closing_at_random_from_threads(realtime: bool) -> None:
    # Every call must return and every frame read must be whole; what the reader sees depends on who was first.
    for _ in range(20):
        camera = SyntheticCamera((64, 32), fps=1000, realtime=realtime, timeout=None)
        camera.start()
        failures: list[BaseException] = []

        def use(actions: list, failures: list[BaseException] = failures) -> None:
            for action in actions:
                try:
                    action()
                except (ValueError, EOFError):
                    pass
                except BaseException as error:
                    failures.append(error)

        jobs = [[camera.read] * 50, [camera.stop, camera.start] * 10, [camera.start, camera.stop] * 10]
        threads = [threading.Thread(target=use, args=(actions,)) for actions in jobs]
        for thread in threads:
            thread.start()
        time.sleep(0.002)
        use([camera.close, camera.close])
        for thread in threads:
            thread.join()
        assert not failures and camera.closed and balanced(camera)


def test_two_readers_at_once_are_refused() -> None:
    def reader() -> None:
        waiting = True
        while waiting:
            with contextlib.suppress(RuntimeError):  # of the two it may be the one that comes second
                next(camera, None)
                waiting = False

    with silent(timeout=None) as camera:
        camera.read()
        thread = threading.Thread(target=reader)
        thread.start()
        with pytest.raises(RuntimeError, match="another thread is reading"):
            while True:
                with pytest.raises(CameraTimeout):
                    camera.read(timeout=0)
        camera.stop()
        thread.join()


def test_a_timeout_is_an_error_of_its_own() -> None:
    with silent(timeout=600) as camera:
        camera.read()
        for seconds in (0, 0.02):
            with pytest.raises(CameraTimeout, match=f"no frame within {seconds} s") as caught:
                camera.read(timeout=seconds)
            assert isinstance(caught.value, (TimeoutError, CameraError)) and caught.value.filename == "synthetic"
        for seconds, error in ((-1, ValueError), (float("nan"), ValueError), ("1", TypeError), (True, TypeError)):
            with pytest.raises(error, match="timeout is"):
                camera.read(timeout=seconds)


def test_a_stall_is_seen_over_several_reads() -> None:
    with silent(timeout=2) as camera:
        camera.read()
        messages = []
        begun = time.monotonic()
        while not messages or "within" in messages[-1]:
            with pytest.raises(CameraTimeout) as caught:
                camera.read(timeout=0.01)
            messages.append(caught.value.strerror)
        assert messages[0] == "no frame within 0.01 s"
        assert messages[-1].startswith("no frame for 2 s: 1 captured so far")
        assert time.monotonic() - begun >= 2
        assert balanced(camera)


def test_a_stall_ends_and_frames_come_again() -> None:
    with SyntheticCamera((64, 32), fps=10, timeout=0.02, buffers=32) as camera:
        numbers: list[int] = []
        stalled_after: list[int] = []
        while not stalled_after or len(numbers) <= stalled_after[0]:  # a frame has come after the first stall
            try:
                numbers.append(camera.read().sequence)
            except CameraTimeout:
                stalled_after.append(len(numbers))
        assert numbers == sorted(set(numbers)) and balanced(camera)
