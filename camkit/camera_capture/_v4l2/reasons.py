"""Say why a V4L2 device refused, and what to do about it."""

from __future__ import annotations

import errno
import grp
import os
import pwd
import resource
import shlex
import stat

from camkit.camera_capture._v4l2.holders import tell_holders
from camkit.camera_capture._v4l2.identity import folder_of
from camkit.camera_capture._v4l2.usb import ROOM, cameras_on, usb_camera
from camkit.camera_capture.info import StreamInfo
from camkit.errors import CameraBusy, CameraDisconnected, CameraError, CameraNotFound, CameraPermission

NOT_THERE = (errno.ENOENT, errno.ENODEV, errno.ENXIO)
# What USB says of a device that goes away, for which it may have other reasons too.
UNPLUGGING = (errno.EIO, errno.EPIPE, errno.EPROTO, errno.ESHUTDOWN, errno.ENOENT, errno.EILSEQ)
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
    if error in (*UNPLUGGING, errno.ETIMEDOUT) and usb_camera(path) is not None:
        hint = "the camera does not answer over USB as it should: plug it in anew, or take another cable or port"
        return CameraError(error, f"cannot {what}: {said}: {hint}", path)
    if error == errno.ENODEV or (error in UNPLUGGING and folder_of(path) is None):
        return CameraDisconnected(error, f"cannot {what}: the camera is gone", path)
    return CameraError(error, f"cannot {what}: {said}", path)


def start_reason(path: str, bus: str, stream: StreamInfo, image_bytes: int, error: int) -> CameraError:
    """Return the exception for errno `error` when the driver was to start `stream`."""
    if error not in (errno.ENOSPC, errno.EIO) or not bus.startswith("usb-"):
        return reason(path, f"start {stream}", error)
    what = f"cannot start {stream}"
    less = f"{'' if not stream.stride else 'MJPG, '}a smaller size or rate"
    camera = usb_camera(path)
    if error == errno.EIO:
        at = f" at {camera.speed:g} Mbit/s" if camera is not None else ""
        # The driver says the same of both.
        why = f"the camera did not agree to this stream, or needs more than its connection{at} can reserve"
        return CameraError(error, f"{what}: {why}: plug it in anew, or take {less}, or a faster port", path)
    # How small the camera compresses is not known before.
    needs = image_bytes * 8 * stream.fps / 1e6 if stream.stride and stream.fps else 0.0
    why = "the USB bus has no room for this stream"
    if camera is None or camera.speed not in ROOM:
        why += f" (needs about {needs:.0f} Mbit/s)" if needs else ""
    else:
        others = [c for c in cameras_on(camera.bus, camera.speed) if c.reserved and c.place != camera.place]
        room = f"of the {ROOM[camera.speed]:g} Mbit/s on USB bus {camera.bus}"
        has = ", ".join(f"{c.name!r} ({', '.join(c.nodes)}) has reserved {c.reserved:.0f}" for c in others)
        if others and needs:
            total = needs + sum(c.reserved for c in others)
            why = f"these {len(others) + 1} cameras need about {total:.0f} {room}, of which {has}"
        elif others or needs:
            why += f": {has} {room}" if others else f": it needs about {needs:.0f} {room}"
    return CameraError(error, f"{what}: {why}: take {less}, or another port", path)


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
