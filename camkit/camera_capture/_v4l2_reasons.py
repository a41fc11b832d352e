"""Say why a V4L2 device refused, and what to do about it."""

from __future__ import annotations

import errno
import grp
import os
import pwd
import resource
import shlex
import stat

from camkit.camera_capture._v4l2_holders import tell_holders
from camkit.camera_capture.info import StreamInfo
from camkit.errors import CameraBusy, CameraDisconnected, CameraError, CameraNotFound, CameraPermission

NOT_THERE = (errno.ENOENT, errno.ENODEV, errno.ENXIO)
NOT_ALLOWED = (errno.EACCES, errno.EPERM)


def reason(path: str, what: str, error: int) -> CameraError:
    """Return the exception for errno `error` when `what` was to be done with the device at `path`."""
    said = os.strerror(error)
    if error == errno.EBUSY:
        return CameraBusy(error, f"cannot {what}: {tell_holders(path)}", path)
    if error == errno.EMFILE:
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        hint = f"this process has all {limit} open that its limit (RLIMIT_NOFILE) allows; close some, or raise it with"
        return CameraError(error, f"cannot {what}: {said}: {hint}: ulimit -n {2 * limit}", path)
    if error == errno.ENFILE:
        hint = "all are open that the whole system allows; end some program, or raise the limit: sysctl fs.file-max"
        return CameraError(error, f"cannot {what}: {said}: {hint}", path)
    if what == "open" and error in NOT_THERE:
        return CameraNotFound(error, f"cannot open: {said}; `camkit list` tells what cameras there are", path)
    if what == "open" and error in NOT_ALLOWED:
        return CameraPermission(error, f"cannot open: permission denied: {_why_closed(path)}", path)
    if error == errno.ENODEV:
        return CameraDisconnected(error, f"cannot {what}: the camera is gone", path)
    return CameraError(error, f"cannot {what}: {said}", path)


def start_reason(path: str, bus: str, stream: StreamInfo, image_bytes: int, error: int) -> CameraError:
    """Return the exception for errno `error` when the driver was to start `stream`."""
    if error != errno.ENOSPC or not bus.startswith("usb-"):
        return reason(path, f"start {stream}", error)
    compressed = not stream.stride
    # How small the camera compresses is not known before.
    needs = "" if compressed or not stream.fps else f" (needs about {image_bytes * 8 * stream.fps / 1e6:.0f} Mbit/s)"
    hint = f"take {'' if compressed else 'MJPG, '}a smaller size or rate, or another port"
    return CameraError(error, f"cannot start {stream}: the USB bus has no room for this stream{needs}: {hint}", path)


def _why_closed(path: str) -> str:
    try:
        node = os.stat(path)
    except OSError:
        return "a folder on the way to it is closed to this user"
    group, members = _group(node.st_gid)
    facts = f"it belongs to {_user(node.st_uid)}:{group} ({stat.filemode(node.st_mode)})"
    shared = node.st_mode & 0o060 == 0o060
    if os.geteuid() == 0 or (shared and node.st_gid in (os.getegid(), *os.getgroups())):
        return f"{facts}, which would do; a container or sandbox withholds it"
    if not shared or node.st_gid == 0:  # nobody should join the group of root
        place = shlex.quote(path)
        return f"{facts}; let a group have it, as root: chgrp video {place} && chmod g+rw {place}"
    if _user(os.getuid()) in members:
        return f"{facts}; this user has joined the group meanwhile: log in again"
    return f"{facts}; join the group with: sudo usermod -aG {group} $USER, then log in again"


def _group(gid: int) -> tuple[str, list[str]]:
    try:
        row = grp.getgrgid(gid)
    except KeyError:
        return str(gid), []
    return row.gr_name, row.gr_mem


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
