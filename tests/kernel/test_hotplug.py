"""Hearing of cameras that come and go."""

from __future__ import annotations

import os
import resource
import socket
import threading
import time
from pathlib import Path

import pytest

import camkit
from camkit.camera_capture._v4l2.hotplug import Monitor

UEVENTS = 15  # the netlink protocol
PATIENCE_S = 60.0


def until(watch, action):
    """Wait for an event of that kind; a node that is made may be seen before it can be opened."""
    while True:
        event = watch.wait(PATIENCE_S)
        assert event is not None, f"nothing was {action}"
        if event.action == action:
            return event.info


def test_cameras_come_and_go(plugged):
    with camkit.watch() as watch:
        assert watch.wait(0) is None
        plugged.order("unplug")
        gone = until(watch, "removed")
        assert (gone.path, gone.driver) == (plugged.path, "uvcvideo")
        plugged.order("plug")
        back = until(watch, "added")
        while back.problem:
            back = until(watch, "changed")
        assert back == gone
        assert watch.wait(0.2) is None, "the webcam's node for metadata is no camera"


def test_rights_that_change(binding):
    with camkit.watch() as watch:
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.setresuid(65534, 65534, 65534)
                os.write(writer, b"r")
                with camkit.watch() as mine:
                    os.write(writer, b"w")
                    event = mine.wait(PATIENCE_S)
                    os.write(writer, f"{event.action} {event.info.path} {event.info.problem}".encode())
            finally:
                os._exit(0)
        assert os.read(reader, 1) == b"r" and os.read(reader, 1) == b"w"
        os.chmod(binding.path, 0o666)
        assert os.read(reader, 1000).decode() == f"changed {binding.path} "
        os.waitpid(child, 0)
        os.chmod(binding.path, 0o600)
        assert watch.wait(0.2) is None, "for root it makes no difference"


def test_close_ends_a_loop(open_files):
    before = open_files()
    watch = camkit.watch()
    seen = []
    loop = threading.Thread(target=lambda: seen.extend(watch))
    loop.start()
    time.sleep(0.1)
    watch.close()
    watch.close()
    loop.join(PATIENCE_S)
    assert not loop.is_alive() and seen == [] and watch.wait() is None
    assert open_files() == before


def test_only_the_kernel_is_believed():
    """Any program may write to our socket; a false message must not wake whoever waits for a camera."""
    monitor = Monitor()
    sockets = [line.split() for line in Path("/proc/net/netlink").read_text().splitlines()[1:]]
    port = max(int(words[2]) for words in sockets if int(words[1]) == UEVENTS)
    assert port == os.getpid()
    with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, UEVENTS) as liar:
        liar.sendto(b"bind@/devices/x\0SUBSYSTEM=video4linux\0", (port, 0))
    assert not monitor.wait(0.3)
    monitor.close()


def test_other_devices_wake_nobody(tmp_path):
    monitor = Monitor()
    os.mknod("/dev/camkit-no-camera", 0o600)
    os.unlink("/dev/camkit-no-camera")
    assert not monitor.wait(0.2)
    os.mknod("/dev/video-no-camera", 0o600)
    assert monitor.wait(PATIENCE_S)
    os.unlink("/dev/video-no-camera")
    monitor.close()
    monitor.close()


def test_one_ear_is_enough_and_none_is_an_error():
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(map(int, os.listdir("/proc/self/fd")))
    fillers = []
    while not fillers or fillers[-1] < highest:
        fillers.append(os.dup(0))
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (fillers[-1] + 2, before[1]))
        monitor = Monitor()
        assert monitor.problem.startswith("changes of /dev cannot be seen: ")
        with pytest.raises(camkit.CameraError, match="cannot wait for cameras: Too many open files"):
            Monitor()
        monitor.close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
        for descriptor in fillers:
            os.close(descriptor)
