"""Cameras of the lab: nodes by driver, vivid's controls, the webcam's orders. Tests here run inside the lab only."""

from __future__ import annotations

import contextlib
import fcntl
import gc
import json
import os
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from camkit.camera_capture._v4l2.backend import V4L2Backend
from camkit.camera_capture._v4l2.find import info_of, list_devices
from camkit.camera_capture.camera import Camera
from camkit.camera_capture.info import CameraInfo, Request
from camkit.errors import CameraTimeout, NoSignal
from camkit.memory_manager import Frame
from lab.uvc_camera.control_socket import send

QUERY = struct.Struct("=II32siiii3I")
CONTROL = struct.Struct("=Ii")
VIDIOC_QUERYCTRL = 3 << 30 | QUERY.size << 16 | ord("V") << 8 | 36
VIDIOC_S_CTRL = 3 << 30 | CONTROL.size << 16 | ord("V") << 8 | 28
NEXT_CONTROL = 0x80000000
VIDIOC_S_INPUT = 3 << 30 | 4 << 16 | ord("V") << 8 | 39
TIMINGS_BYTES = 132  # struct v4l2_dv_timings: its type, width, height and 1 if interlaced come first
VIDIOC_ENUM_DV_TIMINGS = 3 << 30 | (16 + TIMINGS_BYTES) << 16 | ord("V") << 8 | 98
VIDIOC_S_DV_TIMINGS = 3 << 30 | TIMINGS_BYTES << 16 | ord("V") << 8 | 87
FORMAT_BYTES = 208  # struct v4l2_format
VIDIOC_S_FMT = 3 << 30 | FORMAT_BYTES << 16 | ord("V") << 8 | 5
VIDEO_OUTPUT, FIELD_NONE = 2, 1


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "smoke: also run on Debian's own kernel, where everything takes ten times longer"
    )


class Vivid:
    """A vivid device whose controls are put back when the test is over."""

    def __init__(self, info: CameraInfo) -> None:
        assert info.path is not None
        self.info, self.path = info, info.path
        self.fd = os.open(info.path, os.O_RDWR | os.O_NONBLOCK)
        self.controls: dict[str, tuple[int, int]] = {}  # name: (id, default)
        self.changed: set[str] = set()
        control = 0
        while True:
            answer = bytearray(QUERY.pack(control | NEXT_CONTROL, 0, b"", 0, 0, 0, 0, 0, 0, 0))
            try:
                fcntl.ioctl(self.fd, VIDIOC_QUERYCTRL, answer)
            except OSError:
                break
            control, _, name, _, _, _, default, *_ = QUERY.unpack(answer)
            self.controls[name.split(b"\0")[0].decode()] = control, default
        self.set("OSD Text Mode", 2)  # no text over the picture

    def set(self, name: str, value: int = 0) -> None:
        """Set a control, or press a button."""
        fcntl.ioctl(self.fd, VIDIOC_S_CTRL, CONTROL.pack(self.controls[name][0], value))
        self.changed.add(name)

    def input(self, number: int) -> None:
        """Switch to another input."""
        fcntl.ioctl(self.fd, VIDIOC_S_INPUT, struct.pack("=i", number))
        self.changed.add("input")

    def offer(self, camera, name: str) -> None:
        """Let a signal of these timings come in at the HDMI input; `camera` is one on this device."""
        menu = camera.controls.info("dv_timings").menu
        self.set("DV Timings", next(number for number, text in menu.items() if text == name))
        self.set("DV Timings Signal Mode", 4)  # those selected

    def interlace(self) -> None:
        """Give the HDMI input an interlaced signal."""
        for index in range(1000):
            answer = bytearray(16 + TIMINGS_BYTES)
            struct.pack_into("=I", answer, 0, index)
            fcntl.ioctl(self.fd, VIDIOC_ENUM_DV_TIMINGS, answer)
            if struct.unpack_from("=4I", answer, 16)[3]:
                fcntl.ioctl(self.fd, VIDIOC_S_DV_TIMINGS, answer[16:])
                return

    def reopen(self) -> None:
        """Let a device return that was gone, if nobody else has it open."""
        os.close(self.fd)
        self.fd = os.open(self.path, os.O_RDWR | os.O_NONBLOCK)

    def close(self) -> None:
        """Put the controls back, and the device too: after `Disconnect` it returns when the last one closes it."""
        if "Disconnect" in self.changed:
            self.reopen()
        if "input" in self.changed:
            self.changed.remove("input")
            self.input(0)
            self.changed.remove("input")
        for name in self.changed:
            if name != "Disconnect" and not name.startswith("Inject"):
                fcntl.ioctl(self.fd, VIDIOC_S_CTRL, CONTROL.pack(*self.controls[name]))
        os.close(self.fd)


def vivids() -> list[CameraInfo]:
    return [info for info in list_devices() if info.driver == "vivid"]


def vivid_of(number: int) -> CameraInfo:
    """Return the vivid device of a number; its place in a list would tell another one while one is away."""

    def there() -> list[CameraInfo]:
        return [info for info in vivids() if info.bus.endswith(f"-{number:03}")]

    wait_until(there, f"vivid device {number} is there")
    return there()[0]


@pytest.fixture
def vivid() -> Iterator[Vivid]:
    """Give the first vivid device: the single-planar API."""
    device = Vivid(vivid_of(0))
    yield device
    device.close()


@pytest.fixture(params=["single-planar", "multi-planar"])
def any_vivid(request: pytest.FixtureRequest) -> Iterator[Vivid]:
    """Give the vivid device of each API."""
    device = Vivid(vivid_of(int(request.param == "multi-planar")))
    yield device
    device.close()


@pytest.fixture
def both_vivids() -> Iterator[list[Vivid]]:
    """Give the vivid devices of both APIs at once."""
    devices = [Vivid(vivid_of(number)) for number in (0, 1)]
    yield devices
    for device in devices:
        device.close()


Opener = Callable[..., V4L2Backend]


@pytest.fixture
def open_camera() -> Iterator[Opener]:
    """Give a function that opens a node and closes it after the test: open_camera(path, format=..., fps=...)."""
    opened: list[V4L2Backend] = []

    def opener(path: str, **wishes: object) -> V4L2Backend:
        wishes.setdefault("timeout", 60.0)  # a busy machine may take longer than usual
        opened.append(V4L2Backend(info_of(path), Request.make(**wishes)))  # type: ignore[arg-type]
        return opened[-1]

    yield opener
    for camera in opened:
        camera.close()


class Loopback:
    """A camera whose frames this process writes."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.fd = os.open(path, os.O_RDWR)

    def feed(self, fourcc: str, width: int, height: int) -> None:
        """Tell what the frames will be."""
        wish = bytearray(FORMAT_BYTES)
        struct.pack_into("=I4x2I4sI", wish, 0, VIDEO_OUTPUT, width, height, fourcc.encode(), FIELD_NONE)
        fcntl.ioctl(self.fd, VIDIOC_S_FMT, wish)

    def write(self, frame: bytes) -> None:
        """Make a frame, which may be shorter than the format needs."""
        assert os.write(self.fd, frame) == len(frame)


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    """Give the loopback device."""
    device = Loopback(next(info.path for info in list_devices() if info.driver == "v4l2 loopback"))
    yield device
    os.close(device.fd)


class Webcam:
    """The lab's USB webcam."""

    def __init__(self) -> None:
        self.path = os.environ["CAMKIT_LAB_UVC"]

    def order(self, text: str) -> str:
        """Send an order, such as `unplug` or `fault drop 3`."""
        answer = send(Path("/run/camkit-lab-webcam.sock"), text)
        assert not answer.startswith("error"), answer
        return answer


@pytest.fixture
def webcam() -> Webcam:
    """Give the webcam on the real uvcvideo driver."""
    return Webcam()


@pytest.fixture
def open_files() -> Callable[[], tuple[int, int]]:
    """Give a function that counts this process's open files and mappings of video devices."""

    def count() -> tuple[int, int]:
        gc.collect()  # what an earlier test has left in a cycle is none of this one's
        maps = Path("/proc/self/maps").read_text().splitlines()
        return len(os.listdir("/proc/self/fd")), sum("/dev/video" in line for line in maps)

    return count


def wait_for_frame(camera: V4L2Backend | Camera) -> Frame:
    """Wait for a frame of a camera whose own limit is shorter than a busy host may hold the guest up."""
    while True:
        with contextlib.suppress(CameraTimeout, NoSignal):
            if (frame := camera.read()) is not None:
                return frame


def wait_until(condition: Callable[[], object], what: str) -> None:
    """Wait for what another thread, or the kernel, does sooner or later."""
    for _ in range(5000):
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError(f"waited in vain: {what}")


@pytest.fixture
def plugged(webcam: Webcam) -> Iterator[Webcam]:
    """Give the webcam for tests that unplug it: after them it is as before, at its old node."""
    yield webcam
    gc.collect()  # a frame in a cycle would keep the old number of the device in use
    webcam.order("unplug")
    webcam.order("serial 0001")
    webcam.order("formats YUYV,MJPG")
    wait_until(lambda: not Path(webcam.path).exists(), "the webcam's node goes")
    webcam.order("plug")
    wait_until(lambda: json.loads(webcam.order("stat"))["node"], "the webcam's node comes back")
    node = json.loads(webcam.order("stat"))["node"]
    wait_until(lambda: node in [info.path for info in list_devices()], "the webcam's node opens")
    os.environ["CAMKIT_LAB_UVC"] = node  # so that no other test suffers
    assert node == webcam.path, "something of the old device is still open"


class Binding:
    """A vivid device that is taken from its driver and given back, as if it were unplugged."""

    DRIVER = Path("/sys/bus/platform/drivers/vivid")

    def __init__(self, path: str) -> None:
        self.path = path
        self.device = (Path("/sys/class/video4linux") / Path(path).name / "device").resolve().name

    def unbind(self) -> None:
        """Take it away."""
        (self.DRIVER / "unbind").write_text(self.device)

    def bind(self) -> None:
        """Give it back."""
        (self.DRIVER / "bind").write_text(self.device)


@pytest.fixture
def binding() -> Iterator[Binding]:
    """Give the first vivid device, which nobody has open; after the test it has its old numbers."""
    device = Binding(vivid_of(0).path or "")
    yield device
    gc.collect()
    if (device.DRIVER / device.device).exists():
        device.unbind()
    device.bind()
    wait_until(lambda: device.path in [info.path for info in vivids()], "vivid's nodes come back")
