"""Who may open a device node, and who has it open."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import Callable

from camkit.camera_capture._v4l2.holders import Holder, find_holders


def rights(path: str) -> dict[str, object]:
    """Return what the system says of who may open the node at `path`."""
    node = os.stat(path)
    return {
        "path": path,
        "mode": stat.filemode(node.st_mode),
        "owner": _name(lambda: pwd.getpwuid(node.st_uid).pw_name, node.st_uid),
        "group": _name(lambda: grp.getgrgid(node.st_gid).gr_name, node.st_gid),
        "root": os.geteuid() == 0,
    }


def other_holders(path: str) -> tuple[list[Holder], bool]:
    """Return other processes that have the node open, and whether some may not be looked into."""
    holders, hidden = find_holders(path)
    return [holder for holder in holders if holder.pid != os.getpid()], hidden


def _name(look: Callable[[], str], number: int) -> str:
    try:
        return look()
    except KeyError:
        return str(number)
