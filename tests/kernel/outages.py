"""Helpers of the tests of cameras that are unplugged: wishes, readers, and the account."""

from __future__ import annotations

import threading

import camkit
from camkit.camera_capture._v4l2.find import list_devices

YUYV = {"format": "YUYV", "size": (640, 480), "fps": 30}
SMALL = {"format": "YUYV", "size": (320, 180), "fps": 60}


def accounted(camera) -> bool:
    stats = camera.stats()
    return stats.captured == stats.taken + stats.dropped.total


def read_until_away(camera, outages=1) -> None:
    """Read until the camera's absence was noticed; what was filled before still comes."""
    while camera.stats().outages < outages:
        try:
            camera.read(timeout=0.3).close()
        except camkit.CameraTimeout:
            continue


class Reader(threading.Thread):
    """Read one frame in another thread."""

    def __init__(self, camera, **options) -> None:
        super().__init__()
        self.camera, self.options = camera, options
        self.frame = self.error = None
        self.start()

    def run(self) -> None:
        try:
            self.frame = self.camera.read(**self.options)
        except BaseException as error:
            self.error = error


def camera_is_listed(path) -> bool:
    return path in [info.path for info in list_devices() if not info.problem]
