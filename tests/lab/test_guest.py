"""Guests of both engines. Where the lab cannot start one, they fail with the line that installs what is missing."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.lab.conftest import CHECKOUT, COLD_START_S, run_lab

pytestmark = pytest.mark.timeout(COLD_START_S)


def test_output_and_status_pass_through(uml: None) -> None:
    script = """
        import os, sys
        for i in range(200): os.write(1, bytes(range(256)) * 16)
        os.write(2, b"to stderr\\r\\n\\0")
        sys.exit(41)
    """
    done = run_lab("--no-vivid", "--", sys.executable, "-c", textwrap.dedent(script))
    assert done.returncode == 41, done.stderr.decode()
    assert done.stderr == b"to stderr\r\n\0"
    wanted = hashlib.md5(bytes(range(256)) * 16 * 200).hexdigest()
    assert hashlib.md5(done.stdout).hexdigest() == wanted


def test_cameras_environment_and_folder(uml: None) -> None:
    script = 'ls /dev/video*; echo "$CAMKIT_LAB $WORD $PATH"; pwd; id -u; test -t 1 || echo pipe'
    # What a command leaves running neither holds the guest nor its output.
    script += "; sleep 99 & setsid sleep 99 &"
    done = run_lab("--vivid", "n_devs=2;node_types=1,1", "--env", "WORD=a 'b'", "--", script)
    assert done.returncode == 0, done.stderr.decode()
    nodes = ["/dev/video0", "/dev/video1"]
    assert done.stdout.decode().splitlines() == [*nodes, f"uml a 'b' {os.environ['PATH']}", str(CHECKOUT), "0", "pipe"]


def test_writes_do_not_survive_but_for_a_share(uml: None, tmp_path: Path) -> None:
    kept, lost = tmp_path / "kept here", tmp_path / "lost"
    lost.write_text("before")
    script = (
        f"echo after | tee '{lost}' '{kept}/file' /etc/camkit-lab-test > /dev/null; cat '{lost}' /etc/camkit-lab-test"
    )
    done = run_lab("--no-vivid", "--share", str(kept), "--", script)
    assert (done.returncode, done.stdout) == (0, b"after\nafter\n"), done.stderr.decode()
    assert (kept / "file").read_text() == "after\n"
    assert lost.read_text() == "before"
    assert not Path("/etc/camkit-lab-test").exists()


def test_a_command_that_is_too_long_ends_with_124(uml: None) -> None:
    # The limit is the guest's too, which takes a second to start, and on a busy machine several.
    done = run_lab("--no-vivid", "--timeout", "15", "--", "echo begun; sleep 600")
    assert done.returncode == 124
    assert done.stdout == b"begun\n"
    assert b"ran longer than 15 s" in done.stderr


def test_a_signal_reaches_the_command(uml: None) -> None:
    script = """
        import sys, time
        try:
            print("begun", flush=True)
            time.sleep(600)
        except KeyboardInterrupt: print("interrupted", flush=True)
        sys.exit(7)
    """
    command = [sys.executable, "-m", "lab", "--no-vivid", "--", sys.executable, "-c", textwrap.dedent(script)]
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"begun\n"
        child.send_signal(signal.SIGINT)
        output, errors = child.communicate(timeout=200)
    assert (child.returncode, output) == (7, b"interrupted\n"), errors.decode()


def test_a_rig_that_fails_ends_with_125(uml: None) -> None:
    done = run_lab("--modules", "vim2n", "--", "true")
    assert done.returncode == 125
    assert b"cannot load module 'vim2n'" in done.stderr
    assert b"near it: vim2m" in done.stderr
    done = run_lab("--no-vivid", "--uvc=--formats H264", "--", "true")
    assert done.returncode == 125
    assert b"the webcam ended: " in done.stderr
    assert b"'H264' is no list of YUYV, MJPG" in done.stderr


# Reads frames through the kernel's own interface and compares all bytes with what the webcam has drawn.
GRABBER = """
import fcntl, mmap, os, struct, sys
from lab.uvc_camera import pictures
S_FMT, REQBUFS, QUERYBUF, QBUF, DQBUF, STREAMON = 0xC0D05605, 0xC0145608, 0xC0585609, 0xC058560F, 0xC0585611, 0x40045612
fourcc, width, height, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), 12
device = os.open(os.environ["CAMKIT_LAB_UVC"], os.O_RDWR)
fcntl.ioctl(device, S_FMT, struct.pack("=IIII4sI", 1, 0, width, height, fourcc.encode(), 1).ljust(208, bytes(1)))
fcntl.ioctl(device, REQBUFS, struct.pack("=IIIII", 4, 1, 1, 0, 0))
def buffer(index):
    return bytearray(struct.pack("=II52xI24x", index, 1, 1))
maps = []
for index in range(4):
    b = buffer(index); fcntl.ioctl(device, QUERYBUF, b)
    offset, length = struct.unpack_from("=I4xI", b, 64)
    maps.append(mmap.mmap(device, length, offset=offset)); fcntl.ioctl(device, QBUF, b)
fcntl.ioctl(device, STREAMON, struct.pack("=I", 1))
frames = []
for _ in range(count):
    b = buffer(0); fcntl.ioctl(device, DQBUF, b)
    index, _, used, flags = struct.unpack_from("=IIII", b)
    frames.append((struct.unpack_from("=I", b, 56)[0], maps[index][:used])); fcntl.ioctl(device, QBUF, b)
    assert not flags & 0x40, "error flag"
numbers = []
for sequence, data in frames:
    if fourcc == "YUYV":
        number = sum((data[16 * bit] > 128) << bit for bit in range(32))
        assert data == pictures.yuyv_frame(width, height, number), number
    else:
        number = int.from_bytes(data[12:16], "big")
        assert data == pictures.mjpg_frame(width, height, number), number
    numbers.append(number - sequence)
assert len(set(numbers)) == 1, f"a gap that the driver did not count: {numbers}"
print(fourcc, "exact")
"""


@pytest.mark.parametrize(
    ("options", "streams"),
    [("", ["YUYV 640 480", "MJPG 1280 720"]), ("--bulk --fps 60", ["MJPG 640 480"])],
    ids=["isochronous", "bulk"],
)
def test_webcam_frames_arrive_as_drawn(uml: None, tmp_path: Path, options: str, streams: Sequence[str]) -> None:
    (tmp_path / "grab.py").write_text(GRABBER)
    grabs = " && ".join(f"{sys.executable} {tmp_path}/grab.py {stream}" for stream in streams)
    done = run_lab("--no-vivid", f"--uvc={options}", "--env", f"PYTHONPATH={CHECKOUT}", "--", grabs)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.decode().splitlines() == [f"{stream.split()[0]} exact" for stream in streams]


def test_webcam_obeys_orders(uml: None) -> None:
    script = """
        import json, os, subprocess, sys, time
        from pathlib import Path
        from lab.uvc_camera.__main__ import SOCKET, main
        from lab.uvc_camera.control_socket import send
        node = Path(os.environ["CAMKIT_LAB_UVC"])
        name = Path("/sys/class/video4linux", node.name, "name").read_text().strip()
        before = json.loads(send(SOCKET, "stat"))
        answers = [main(["--send", "fault drop 2"]), main(["--send", "explode"])]
        answers.append(send(SOCKET, "unplug"))
        while node.exists(): time.sleep(0.01)
        gone = json.loads(send(SOCKET, "stat"))
        answers.append(send(SOCKET, "plug"))
        while not node.exists(): time.sleep(0.01)
        print(json.dumps([str(node), name, before, answers, gone]))
    """
    done = run_lab("--no-vivid", "--uvc", "--", sys.executable, "-c", textwrap.dedent(script))
    assert done.returncode == 0, done.stderr.decode()
    lines = done.stdout.decode().splitlines()
    assert lines[0] == "ok"
    assert lines[1].startswith("error: there is no order 'explode'")
    node, name, before, answers, gone = json.loads(lines[2])
    assert (node, name) == ("/dev/video0", "camkit lab webcam")
    assert (before["plugged"], before["node"], before["on"]) == (True, "/dev/video0", False)
    assert answers == [0, 1, "ok", "ok"]
    assert (gone["plugged"], gone["node"]) == (False, None)


@pytest.mark.qemu
def test_the_stock_kernel_does_the_same(qemu: None, tmp_path: Path) -> None:
    kept, lost = tmp_path / "kept", tmp_path / "lost"
    script = (
        f"ls /dev/video*; echo $CAMKIT_LAB $CAMKIT_LAB_UVC; nproc; echo x | tee {kept}/f > {lost}; echo e >&2; exit 9"
    )
    arguments = ["--engine", "qemu", "--vivid", "n_devs=1 node_types=1", "--uvc", "--share", str(kept)]
    done = run_lab(*arguments, "--", script)
    assert done.returncode == 9, done.stderr.decode()
    nodes = [f"/dev/video{index}" for index in range(3)]
    assert done.stdout.decode().splitlines() == [*nodes, "qemu /dev/video1", "2"]
    assert done.stderr == b"e\n"
    assert (kept / "f").read_text() == "x\n"
    assert not lost.exists()
