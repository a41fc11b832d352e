"""A camera that cannot be had: who holds it, whom the system lets in, and what ran out."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import gc
import grp
import io
import os
import re
import resource
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

import camkit
from camkit.camera_capture._v4l2.backend import V4L2Backend
from camkit.camera_capture._v4l2.device import Device
from camkit.camera_capture._v4l2.find import info_of, list_devices
from camkit.camera_capture._v4l2.reasons import start_reason
from camkit.camera_capture._v4l2.usb import usb_camera
from camkit.camera_capture.info import Request
from camkit.cli import main
from lab.uvc_camera.control_socket import send

NOBODY = 65534
REQBUFS = struct.Struct("=5I")
VIDIOC_REQBUFS = 3 << 30 | REQBUFS.size << 16 | ord("V") << 8 | 8
VIDEO_CAPTURE, MMAP = 1, 1

STREAM = """
import sys
import camkit
with camkit.open(sys.argv[1], size=(640, 360), fps=60) as camera:
    camera.read().close()
    print("streaming", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def streaming(vivid):
    """Give a function that streams in another process and returns that."""
    started = []

    def start():
        process = subprocess.Popen(
            [sys.executable, "-c", STREAM, vivid.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdout.readline() == "streaming\n"
        return process

    yield start
    for process in started:
        process.communicate(timeout=800)
        assert process.returncode == 0


@pytest.fixture
def node(vivid):
    """Give a node whose owner and mode are put back."""
    before = os.stat(vivid.path)
    yield vivid.path
    os.chown(vivid.path, before.st_uid, before.st_gid)
    os.chmod(vivid.path, before.st_mode & 0o7777)


def as_nobody(function):
    """Run a function as a user with no rights, and return the text that it returns."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
            answer = function()
        except BaseException as error:
            answer = f"{type(error).__name__} {getattr(error, 'errno', None)}: {getattr(error, 'strerror', error)}"
        os.write(writer, answer.encode())
        os._exit(0)
    os.close(writer)
    with open(reader, encoding="utf-8") as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    return answer


def refusal(path):
    """Return what opening says to a user with no rights."""
    return as_nobody(lambda: str(Device(path)))


# ---- in use ----


def test_the_process_that_streams_is_named(vivid, open_camera, streaming):
    idle = open_camera(vivid.path, size=(640, 360), fps=60)
    process = streaming()
    name = Path(f"/proc/{process.pid}/comm").read_text().strip()
    who = f"it is streaming in process {process.pid} ({name}); stop that program, or take another camera"
    with pytest.raises(camkit.CameraBusy) as caught:
        open_camera(vivid.path, format="NV12", size=(320, 180))
    assert caught.value.strerror == f"cannot set NV12 320x180: {who}"
    assert (caught.value.errno, caught.value.filename) == (errno.EBUSY, vivid.path)
    with pytest.raises(camkit.CameraBusy, match=re.escape(who)):
        idle.start()


def test_a_stream_of_this_process_is_told(vivid, open_camera, open_files):
    first = open_camera(vivid.path, size=(640, 360), fps=60)
    first.start()
    before = open_files()
    said = "it is streaming in this process; stop that stream, or take another camera"
    with pytest.raises(camkit.CameraBusy, match=said) as caught:
        open_camera(vivid.path, format="NV12", size=(320, 180))
    assert open_files() == before, f"left open while {caught.value} lives"


def test_who_has_it_open_is_named_when_nobody_has_buffers_in_memory(vivid, open_camera):
    def claim(count):
        fcntl.ioctl(vivid.fd, VIDIOC_REQBUFS, REQBUFS.pack(count, VIDEO_CAPTURE, MMAP, 0, 0))

    claim(2)
    try:
        with pytest.raises(camkit.CameraBusy, match="it is open in this process; stop that stream"):
            open_camera(vivid.path, format="NV12", size=(320, 180))
    finally:
        claim(0)


HOLD = """
import fcntl, os, struct, sys
path, memory = sys.argv[1], int(sys.argv[2])
fd = os.open(path, os.O_RDWR)
if memory:
    fcntl.ioctl(fd, 3 << 30 | 20 << 16 | ord("V") << 8 | 8, struct.pack("=5I", 2, 1, memory, 0, 0))
else:
    os.read(fd, 100)
print("holding", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("memory", [0, 2, 4], ids=["read()", "USERPTR", "DMABUF"])
def test_who_holds_it_without_buffers_in_memory_is_named(vivid, open_camera, memory):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, vivid.path, str(memory)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout.readline() == "holding\n"
        os.close(vivid.fd)
        name = Path(f"/proc/{process.pid}/comm").read_text().strip()
        said = f"it is open in process {process.pid} ({name}); stop that program, or take another camera"
        with pytest.raises(camkit.CameraBusy) as caught:
            open_camera(vivid.path, format="NV12", size=(320, 180))
        assert caught.value.strerror == f"cannot set NV12 320x180: {said}"
    finally:
        process.communicate(timeout=800)
        vivid.fd = os.open(vivid.path, os.O_RDWR | os.O_NONBLOCK)


def test_frames_of_an_ended_stream_are_not_taken_for_a_stream(vivid, open_camera):
    """Their memory is mapped still, but it is another program that streams."""
    camera = open_camera(vivid.path, size=(640, 360), fps=60)
    camera.start()
    held = camera.read()
    camera.stop()
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, vivid.path, "2"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout.readline() == "holding\n"
        with pytest.raises(camkit.CameraBusy, match=f"it is open in .*process {process.pid} "):
            camera.start()
    finally:
        process.communicate(timeout=800)
    assert held.array.size
    camera.start()


def test_processes_of_other_users_are_not_looked_into(vivid, node, streaming):
    os.chmod(node, 0o666)
    streaming()

    def busy():
        os.close(vivid.fd)
        Device(node).set_format(int.from_bytes(b"NV12", "little"), 320, 180)
        return "not busy"

    assert as_nobody(busy) == (
        "CameraBusy 16: cannot set NV12 320x180: it is in use by a program that this user may not look into: "
        f"see `sudo fuser -v {node}`; stop that program, or take another camera"
    )


# ---- not allowed ----


def test_the_group_to_join_is_named(node):
    os.chown(node, 0, grp.getgrnam("video").gr_gid)
    os.chmod(node, 0o660)
    why = "cannot open: permission denied: it belongs to root:video (crw-rw----)"
    how = "join the group with: sudo usermod -aG video $USER, then log in again"
    assert refusal(node) == f"CameraPermission 13: {why}; {how}"
    listed = as_nobody(lambda: next(info.problem for info in list_devices() if info.path == node))
    assert listed == f"{why}; {how}"


def test_who_joined_the_group_has_to_log_in_again(node):
    os.chown(node, 0, grp.getgrnam("video").gr_gid)
    os.chmod(node, 0o660)
    groups = Path("/etc/group")
    before = groups.read_text()
    groups.write_text(
        re.sub(r"(?m)^(video:.*:)(\w+)?$", lambda m: f"{m[1]}{m[2]},nobody" if m[2] else f"{m[1]}nobody", before)
    )
    try:
        assert refusal(node).endswith("this user has joined the group meanwhile: log in again")
    finally:
        groups.write_text(before)


@pytest.mark.parametrize(("group", "mode", "facts"), [("root", 0o660, "crw-rw----"), ("video", 0o600, "crw-------")])
def test_a_group_is_not_named_where_it_would_not_help(node, group, mode, facts):
    os.chown(node, 0, grp.getgrnam(group).gr_gid)
    os.chmod(node, mode)
    hint = f"let a group have it, as root: chgrp video {node} && chmod g+rw {node}"
    assert refusal(node).endswith(f"it belongs to root:{group} ({facts}); {hint}")


def test_a_closed_folder_is_told(node, tmp_path):
    link = tmp_path / "closed" / "camera"
    link.parent.mkdir(mode=0o700)
    link.symlink_to(node)
    assert refusal(link).endswith("permission denied: a folder on the way to it is closed to this user")


def test_the_command_has_a_code_for_it(node):
    os.chmod(node, 0o600)
    errors = io.StringIO()

    def run():
        with contextlib.redirect_stderr(errors):
            code = main(["run", "--source", node, "--frames", "1", "--display", "none"])
        return f"{code} {errors.getvalue()}"

    said = as_nobody(run)
    assert said.startswith(f"9 camkit: {node!r}: cannot open: permission denied: it belongs to root:")
    assert said.count("\n") == 1


# ---- too many files ----


@pytest.fixture
def few_files(open_files):
    """Give a function that leaves room for no more than so many files."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = open_files()

    def leave(room):
        # The limit is on the numbers of files: leave none free among the low ones.
        while not fillers or fillers[-1] < highest:
            fillers.append(os.dup(0))
        limit = fillers[-1] + 1 + room
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, before[1]))
        return limit

    fillers = []
    highest = max(map(int, os.listdir("/proc/self/fd")))
    yield leave
    resource.setrlimit(resource.RLIMIT_NOFILE, before)
    for descriptor in fillers:
        os.close(descriptor)
    assert open_files() == count


@pytest.mark.parametrize(("room", "what"), [(0, "cannot open"), (1, "cannot make an event descriptor")])
def test_the_limit_of_open_files_is_told(vivid, few_files, room, what):
    info = info_of(vivid.path)
    limit = few_files(room)
    said = re.escape(
        f"{what}: Too many open files: this process has all {limit} open that its limit (RLIMIT_NOFILE) allows; "
        f"close some, or raise it with: ulimit -n {2 * limit}"
    )
    for _ in range(3):
        with pytest.raises(camkit.CameraError, match=said) as caught:
            V4L2Backend(info, Request.make(size=(640, 360), fps=60))
        assert (caught.value.errno, caught.value.filename) == (errno.EMFILE, vivid.path)


def test_no_camera_is_taken_for_another_when_files_are_out(vivid, few_files):
    few_files(0)
    with pytest.raises(camkit.CameraError, match="cannot look for cameras: Too many open files"):
        camkit.open("auto")


def test_a_system_without_room_for_a_file_is_told(node):
    os.chmod(node, 0o666)
    limit = Path("/proc/sys/fs/file-max")
    before = limit.read_text()
    limit.write_text("1")  # which does not bind root
    try:
        assert refusal(node) == (
            "CameraError 23: cannot open: Too many open files in system: all are open that the whole system allows; "
            "end some program, or raise the limit: sysctl fs.file-max"
        )
    finally:
        limit.write_text(before)


# ---- the bandwidth of USB ----


@pytest.fixture
def second_webcam(webcam, tmp_path):
    """Plug in another webcam; give its node."""
    node, socket = tmp_path / "node", tmp_path / "socket"
    process = subprocess.Popen(
        [sys.executable, "-m", "lab.uvc_camera", "--serial", "0002", "--name", "second webcam"]
        + ["--control", str(socket), "--node-file", str(node)]
    )
    while not node.exists() or not node.read_text().strip():
        assert process.poll() is None
        time.sleep(0.05)
    yield node.read_text().strip()
    gc.collect()
    send(socket, "quit")
    process.wait(300)


def test_a_full_bus_is_told_with_who_has_it(webcam, second_webcam, open_camera):
    camera = open_camera(webcam.path, format="YUYV", size=(1280, 720), fps=30)
    idle = usb_camera(second_webcam)
    assert (idle.name, idle.speed, idle.reserved, idle.nodes[0]) == ("second webcam", 480.0, 0.0, second_webcam)

    def said():
        error = start_reason(webcam.path, camera.info.bus, camera.stream, 1280 * 720 * 2, errno.ENOSPC)
        return error.strerror.replace(f"bus {idle.bus}", "bus 1")

    cure = "take MJPG, a smaller size or rate, or another port"
    assert said() == (
        "cannot start YUYV 1280x720@30: the USB bus has no room for this stream: it needs about 442 of the 384 Mbit/s "
        f"on USB bus 1: {cure}"
    )
    other = open_camera(second_webcam, format="MJPG", size=(640, 480), fps=30)
    other.start()
    # Three packets of 1024 bytes in each of the 8000 microframes of a second.
    assert usb_camera(second_webcam).reserved == pytest.approx(3 * 1024 * 8 * 8000 / 1e6)
    nodes = ", ".join(idle.nodes)
    assert said() == (
        "cannot start YUYV 1280x720@30: these 2 cameras need about 639 of the 384 Mbit/s on USB bus 1, of which "
        f"'second webcam' ({nodes}) has reserved 197: {cure}"
    )
    other.stop()
    assert usb_camera(second_webcam).reserved == 0
    other.close()


def test_what_is_not_on_usb_has_no_share_of_it(vivid):
    assert usb_camera(vivid.path) is None and usb_camera("/dev/no-such-node") is None
