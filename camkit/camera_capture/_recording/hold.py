"""Hold a recording: who writes one has it alone, and those who play it keep writers away."""

from __future__ import annotations

import errno
import sys

if sys.platform != "win32":
    import fcntl


def hold(fd: int, *, alone: bool) -> bool:
    """Hold the file until `fd` is closed; False if others hold it so that we cannot.

    Where the system or the file system knows no such locks, the answer is True, for nobody can tell.
    """
    if sys.platform != "win32":
        try:
            fcntl.flock(fd, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        except OSError as error:
            return error.errno not in (errno.EAGAIN, errno.EACCES)
    return True
