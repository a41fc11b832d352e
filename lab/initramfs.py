"""Write the file system that a kernel unpacks into memory when it starts."""

import gzip
from pathlib import Path
from typing import NamedTuple

__all__ = ["Entry", "archive", "write_initramfs"]


class Entry(NamedTuple):
    """A file or folder: its mode with the type bits, and its bytes."""

    mode: int
    data: bytes = b""


def write_initramfs(path: Path, entries: dict[str, Entry]) -> None:
    """Write `entries`, folders before what is in them, as a compressed archive."""
    with gzip.open(path, "wb", 1) as file:
        file.write(archive(entries))


def archive(entries: dict[str, Entry]) -> bytes:
    """Return a cpio archive in the kernel's `newc` form: headers of hexadecimal digits, all parts on 4 bytes."""
    parts = []
    for inode, (name, entry) in enumerate({**entries, "TRAILER!!!": Entry(0)}.items(), 1):
        label = name.encode() + b"\0"
        # inode, mode, uid, gid, links, time, size, device (2), device of the node (2), length of the name, checksum
        fields = (inode, entry.mode, 0, 0, 1, 0, len(entry.data), 0, 0, 0, 0, len(label), 0)
        header = b"070701" + b"".join(b"%08X" % value for value in fields)
        parts += [_on_four(header + label), _on_four(entry.data)]
    return b"".join(parts)


def _on_four(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
