"""ChunkReader: frames and events out of the chunks of an MCAP file, each byte checked before it is believed."""

from __future__ import annotations

import io
import json
import os
import struct
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

from mcap import records as mcap_records
from mcap.data_stream import ReadDataStream

from camkit.camera_capture._recording.damage import ChunkDamaged
from camkit.camera_capture._recording.frame_record import need_record
from camkit.camera_capture._recording.schemas import DATA_FIELDS, EVENT_SCHEMA, FRAME_SCHEMA, find_pixels
from camkit.camera_capture._recording.unpack import check_size, unpack

RECORD = struct.Struct("<BQ")
CHUNK = struct.Struct("<QQQII")  # times, bytes, CRC, length of the compression's name
MESSAGE = struct.Struct("<HIQQ")
MESSAGE_CODE, CHUNK_CODE = 5, 6
HEAD = 8192  # bytes at a chunk's beginning that hold all but the pixels
MOST_PARTS = 1 << 20  # records in a chunk: a few bytes unpack to as many empty ones as would take minutes
MOST_WAITING = 256  # halves of frames whose other half may still come
CAUSES = ("driver", "corrupt", "pool", "pipeline")


class RecordedFrame(NamedTuple):
    """A frame of a recording.

    `load(memory)` reads its `size` bytes of pixels into a writable memoryview of at least as many, and raises
    ChunkDamaged when they are not those that were written.
    """

    record: dict[str, Any]
    log_ns: int
    size: int
    load: Callable[[memoryview], None]


class Part(NamedTuple):
    """A record within a chunk."""

    code: int
    offset: int  # of its content, within the chunk's data
    size: int


def parse(code: int, body: bytes) -> Any:
    """Read a small record with the mcap library."""
    kinds = {
        3: mcap_records.Schema,
        4: mcap_records.Channel,
        11: mcap_records.Statistics,
        12: mcap_records.Metadata,
    }
    return kinds[code].read(ReadDataStream(io.BytesIO(body))) if code in kinds else None  # type: ignore[attr-defined]


class ChunkReader:
    """Read chunks; not thread-safe.

    Parameters
    ----------
    fd : int
        The file.
    size : int
        Its bytes.
    kinds : callable
        Returns {channel: name of its schema} of those that are wanted.
    keep : callable
        Is given code and content of what a chunk holds beside messages: schemas and channels, where another program
        than our recorder wrote it.
    """

    def __init__(
        self, fd: int, size: int, kinds: Callable[[], dict[int, str]], keep: Callable[[int, bytes], None]
    ) -> None:
        self._fd, self._size, self._kinds, self._keep = fd, size, kinds, keep
        self.forget()

    def forget(self) -> None:
        """Begin anew: no half of a frame waits for the other."""
        self._records: dict[tuple[int, int], dict[str, Any]] = {}
        self._pixels: dict[tuple[int, int], tuple[int, Callable[[memoryview], None]]] = {}

    @property
    def orphans(self) -> int:
        """int: frames whose pixels did not come."""
        return len(self._records)

    def read(self, offset: int, length: int) -> Iterator[RecordedFrame | dict[str, Any]]:
        """Yield the frames and events of a chunk.

        Raises
        ------
        ChunkDamaged
        """
        head, at, size, crc, compression = self._head(offset, length)
        times = CHUNK.unpack_from(head, RECORD.size)[:2]
        kinds = self._kinds()
        if not compression:
            lone = self._lone_frame(head[at:], kinds, offset + at, size, crc)
            # Of a time that is not the chunk's it is not said that it is damaged before all of it was read.
            if lone is not None and times[0] <= lone.log_ns <= times[1]:
                yield lone
                return
        data = self._data(offset + at, length - at, size, crc, compression)
        for part in parts_of(data, len(data)):
            if part.code != MESSAGE_CODE:
                self._keep(part.code, bytes(data[part.offset : part.offset + part.size]))
                kinds = self._kinds()
                continue
            channel, number, log_ns, body = message(data, part)
            kind = kinds.get(channel)
            if kind == EVENT_SCHEMA:
                yield json_object(body, "an event")
            elif kind == FRAME_SCHEMA:
                self._records[log_ns, number] = frame_record(body)
            elif kind in DATA_FIELDS:
                self._pixels[log_ns, number] = pixels_in_memory(kind, body)
            else:
                continue
            yield from self._pair(log_ns, number)
        if len(self._records) > MOST_WAITING or len(self._pixels) > MOST_WAITING:
            raise ChunkDamaged(
                f"{len(self._records)} frames without pixels, {len(self._pixels)} pictures without frame"
            )

    def _pair(self, log_ns: int, number: int) -> Iterator[RecordedFrame]:
        key = log_ns, number
        if key in self._records and key in self._pixels:
            record, (size, load) = self._records.pop(key), self._pixels.pop(key)
            yield whole(record, log_ns, size, load)

    def size_of(self, offset: int, length: int) -> int:
        """Return the bytes of a chunk's data, by what its beginning says.

        Raises
        ------
        ChunkDamaged
        """
        return self._head(offset, length)[2]

    def _head(self, offset: int, length: int) -> tuple[bytes, int, int, int, str]:
        """Read a chunk's beginning: (bytes, where its data begin in them, bytes of data unpacked, CRC, compression)."""
        if offset + length > self._size:
            raise ChunkDamaged("a chunk is behind the end of the file")
        head = read_at(self._fd, min(length, HEAD), offset)
        try:
            code, told = RECORD.unpack_from(head)
            _, _, size, crc, name_size = CHUNK.unpack_from(head, RECORD.size)
            at = RECORD.size + CHUNK.size + name_size
            [packed] = struct.unpack_from("<Q", head, at)
            name = head[RECORD.size + CHUNK.size : at].decode()
        except (struct.error, UnicodeDecodeError):
            raise ChunkDamaged("a chunk without a beginning") from None
        at += 8
        if code != CHUNK_CODE or told != length - RECORD.size or at + packed != length:
            raise ChunkDamaged("a chunk is not where the index says, or not of that size")
        check_size(name, head[at:], packed, size)
        return head, at, size, crc, name

    def _lone_frame(self, head: bytes, kinds: dict[int, str], begin: int, size: int, crc: int) -> RecordedFrame | None:
        """Find the frame of a chunk that our recorder wrote, whose pixels need not be read yet; None: another chunk."""
        parts = []
        try:
            for part in parts_of(head, size):
                parts.append(part)
                if len(parts) == 2:
                    break
        except ChunkDamaged:
            return None  # reading all of it will tell
        if len(parts) != 2 or any(
            part.code != MESSAGE_CODE or part.offset + MESSAGE.size > len(head) for part in parts
        ):
            return None
        first, second = parts
        (frame_channel, _, log_ns, _), image_channel = MESSAGE.unpack_from(head, first.offset), _channel(head, second)
        image = kinds.get(image_channel, "")
        if kinds.get(frame_channel) != FRAME_SCHEMA or image not in DATA_FIELDS:
            return None
        if second.offset + second.size != size or first.offset + first.size > len(head):
            return None
        body = second.offset + MESSAGE.size
        try:
            at, count = find_pixels(image, memoryview(head)[body:], second.size - MESSAGE.size)
        except ValueError:
            return None
        at += body
        if at + count != size:
            return None
        record = frame_record(memoryview(head)[first.offset + MESSAGE.size : first.offset + first.size])
        return whole(record, log_ns, count, partial(self._load, begin + at, count, zlib.crc32(head[:at]), crc))

    def _load(self, offset: int, size: int, before: int, crc: int, memory: memoryview) -> None:
        target = memory[:size]
        read_all(self._fd, target, offset)
        if crc and zlib.crc32(target, before) != crc:
            raise ChunkDamaged("the checksum of a frame is wrong")

    def _data(self, offset: int, packed: int, size: int, crc: int, compression: str) -> memoryview:
        """Read all of a chunk's data, and unpack them."""
        raw = bytearray(packed)
        read_all(self._fd, memoryview(raw), offset)
        data = unpack(compression, raw, size)
        if crc and zlib.crc32(data) != crc:
            raise ChunkDamaged("the checksum of a chunk is wrong")
        return memoryview(data)


def parts_of(data: bytes | memoryview, size: int) -> Iterator[Part]:
    """Yield the records of a chunk's data, of which `data` may be the beginning only."""
    at = count = 0
    while at < size:
        if at + RECORD.size > len(data):
            raise ChunkDamaged("a record in a chunk is cut off")
        code, length = RECORD.unpack_from(data, at)
        count += 1
        if not code or count > MOST_PARTS:
            raise ChunkDamaged(
                f"there is no MCAP record (code {code}) in a chunk"
                if not code
                else f"a chunk has more than {MOST_PARTS} records"
            )
        at += RECORD.size
        if at + length > size:
            raise ChunkDamaged("a record in a chunk is longer than the chunk")
        yield Part(code, at, length)
        at += length


def message(data: memoryview, part: Part) -> tuple[int, int, int, memoryview]:
    """Return channel, number, log time and content of a message."""
    if part.size < MESSAGE.size:
        raise ChunkDamaged("a message is too short")
    channel, number, log_ns, _ = MESSAGE.unpack_from(data, part.offset)
    return channel, number, log_ns, data[part.offset + MESSAGE.size : part.offset + part.size]


def json_object(body: memoryview, what: str) -> dict[str, Any]:
    """Read a JSON object."""
    try:
        value = json.loads(bytes(body))
    except (ValueError, RecursionError):
        raise ChunkDamaged(f"{what} is not JSON") from None
    if not isinstance(value, dict):
        raise ChunkDamaged(f"{what} is no JSON object")
    return value


def frame_record(body: memoryview) -> dict[str, Any]:
    """Read the record of a frame, and see to it that it is one."""
    record = json_object(body, "the record of a frame")
    try:
        need_record(record)
        lost = record["lost"]
        if any(not isinstance(lost[cause], int) or not 0 <= lost[cause] < 1 << 62 for cause in CAUSES):
            raise ValueError(f"{lost} frames were lost")
    except (ValueError, KeyError, TypeError) as error:
        raise ChunkDamaged(f"the record of a frame is wrong ({error})") from None
    return record


def whole(record: dict[str, Any], log_ns: int, size: int, load: Callable[[memoryview], None]) -> RecordedFrame:
    """Put the halves of a frame together."""
    need = max(plane["offset"] + plane["size"] for plane in record["planes"])
    if need > size:
        raise ChunkDamaged(f"frame {record['sequence']} has {size} bytes of pixels and needs {need}")
    return RecordedFrame(record, log_ns, size, load)


def pixels_in_memory(schema: str, body: memoryview) -> tuple[int, Callable[[memoryview], None]]:
    """Find the pixels of an image message that was read already."""
    try:
        at, size = find_pixels(schema, body, len(body))
    except ValueError as error:
        raise ChunkDamaged(f"a picture cannot be read ({error})") from None

    def load(memory: memoryview) -> None:
        memory[:size] = body[at : at + size]

    return size, load


def read_at(fd: int, size: int, offset: int) -> bytes:
    """Read up to `size` bytes of the file, fewer at its end."""
    if hasattr(os, "pread"):
        return os.pread(fd, size, offset)
    os.lseek(fd, offset, os.SEEK_SET)
    return os.read(fd, size)


def read_all(fd: int, memory: memoryview, offset: int) -> None:
    """Fill the memory from the file."""
    done = 0
    while done < len(memory):
        try:
            if hasattr(os, "preadv"):
                got = os.preadv(fd, [memory[done:]], offset + done)
            else:
                data = read_at(fd, len(memory) - done, offset + done)
                got = len(data)
                memory[done : done + got] = data
        except OSError as error:
            raise ChunkDamaged(f"the disk answers: {error.strerror}") from None
        if not got:
            raise ChunkDamaged("the file has become shorter")
        done += got


def _channel(head: bytes, part: Part) -> int:
    return int.from_bytes(head[part.offset : part.offset + 2], "little")
