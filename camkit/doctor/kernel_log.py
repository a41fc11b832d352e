"""What the kernel logged about a camera, where this user may read that."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable

MOST_LINES = 60
LINE = 8192


def kernel_log(words: Iterable[str]) -> tuple[list[str], str]:
    """Return the latest lines that have one of the words in them, and why there are none."""
    wanted = [word.lower() for word in words]
    found: list[str] = []
    try:
        log = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        return [], f"the kernel's log cannot be read: {error.strerror}; run as root, or add the output of 'sudo dmesg'"
    try:
        while True:
            try:
                record = os.read(log, LINE)
            except OSError as error:
                if error.errno == errno.EPIPE:  # lines were overwritten while we read
                    continue
                break  # EAGAIN: the end
            head, _, text = record.decode("utf-8", "replace").partition(";")
            line = text.partition("\n")[0]
            if any(word in line.lower() for word in wanted):
                microseconds = int(head.split(",")[2])
                found.append(f"[{microseconds / 1e6:12.6f}] {line}")
    except (ValueError, IndexError) as error:
        return found[-MOST_LINES:], f"the kernel's log is not as expected: {error}"
    finally:
        os.close(log)
    return found[-MOST_LINES:], ""
