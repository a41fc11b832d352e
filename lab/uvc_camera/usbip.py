"""The USB/IP wire protocol, as far as a webcam behind the kernel's vhci_hcd needs it. All numbers are big-endian."""

import errno
import socket
import struct
import threading
from pathlib import Path
from typing import NamedTuple

__all__ = ["Link", "Submit", "Unlink", "attach", "packet_table", "with_error"]

VHCI = Path("/sys/devices/platform/vhci_hcd.0")
CMD_SUBMIT, CMD_UNLINK, RET_SUBMIT, RET_UNLINK = 1, 2, 3, 4
HEADER = struct.Struct(">IIIII")  # command, number, device, direction, endpoint
SUBMIT = struct.Struct(">IiiiI8s")  # flags, length, start frame, packets, interval, setup
RESULT = struct.Struct(">iiiii8x")  # status, length, start frame, packets, errors
PACKET = struct.Struct(">IIIi")  # offset, length, actual length, status
MESSAGE_SIZE = HEADER.size + SUBMIT.size
NO_PACKETS = -1
PORT_FREE, HIGH_SPEED = "004", 3
DEVICE_ID = 1


class Submit(NamedTuple):
    """A transfer the host asks for.

    `packets` are the lengths of the isochronous packets, empty for other kinds. `data` is what the host sends.
    """

    number: int
    endpoint: int
    inward: bool
    length: int
    packets: list[int]
    setup: bytes
    data: bytes


class Unlink(NamedTuple):
    """The host gives up the transfer `victim`."""

    number: int
    victim: int


class Link:
    """One end of the socket to vhci_hcd. One thread receives; any thread may reply."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._sending = threading.Lock()

    def receive(self) -> Submit | Unlink:
        """Wait for a request; raise ConnectionError when the kernel has closed the link."""
        message = self._read(MESSAGE_SIZE)
        command, number, _, direction, endpoint = HEADER.unpack_from(message)
        if command == CMD_UNLINK:
            (victim,) = struct.unpack_from(">I", message, HEADER.size)
            return Unlink(number, victim)
        _, length, _, count, _, setup = SUBMIT.unpack_from(message, HEADER.size)
        data = self._read(length) if not direction and length > 0 else b""
        packets = []
        if count > 0 and endpoint:
            packets = [packet[1] for packet in PACKET.iter_unpack(self._read(PACKET.size * count))]
        return Submit(number, endpoint, bool(direction), length, packets, setup, data)

    def reply(self, number: int, status: int, length: int, data: bytes = b"", packets: int = NO_PACKETS) -> None:
        """Complete a transfer; `data` ends with the packet table of an isochronous one."""
        self._send(HEADER.pack(RET_SUBMIT, number, 0, 0, 0) + RESULT.pack(status, length, 0, packets, 0) + data)

    def reply_unlink(self, number: int, was_pending: bool) -> None:
        """Tell the host whether the transfer was still pending when it gave it up."""
        status = -errno.ECONNRESET if was_pending else 0
        self._send(HEADER.pack(RET_UNLINK, number, 0, 0, 0) + RESULT.pack(status, 0, 0, 0, 0))

    def shutdown(self) -> None:
        """Unplug: both ends see the end of the stream."""
        self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the socket, when no thread uses it any more."""
        self._socket.close()

    def _send(self, message: bytes) -> None:
        with self._sending:
            self._socket.sendall(message)

    def _read(self, size: int) -> bytes:
        data = bytearray(size)
        view = memoryview(data)
        while view:
            count = self._socket.recv_into(view)
            if count == 0:
                raise ConnectionError("the kernel closed the link")
            view = view[count:]
        return bytes(data)


def packet_table(lengths: list[int], size: int) -> bytes:
    """Return the table that follows isochronous data: packet i of `lengths[i]` bytes had room for `size`."""
    return b"".join(PACKET.pack(index * size, size, length, 0) for index, length in enumerate(lengths))


def with_error(table: bytes, status: int) -> bytes:
    """Return a packet table whose first packet has failed."""
    return table[: PACKET.size - 4] + struct.pack(">i", status) + table[PACKET.size :]


def attach() -> Link:
    """Plug a high-speed device into a free port of vhci_hcd and return the link to it."""
    port = _free_port()
    ours, kernels = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    # A whole transfer of 100 KB shall fit, so that the streaming thread seldom sleeps in the middle of one.
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    with kernels:
        (VHCI / "attach").write_text(f"{port} {kernels.fileno()} {DEVICE_ID} {HIGH_SPEED}")
    return Link(ours)


def _free_port() -> int:
    try:
        table = (VHCI / "status").read_text()
    except OSError as error:
        raise OSError(f"cannot plug the webcam in: {VHCI}: {error.strerror}; load the module vhci-hcd") from error
    for line in table.splitlines()[1:]:
        hub, port, state = line.split()[:3]
        if hub == "hs" and state == PORT_FREE:
            return int(port)
    raise OSError("cannot plug the webcam in: vhci_hcd has no free port; unplug another webcam")
