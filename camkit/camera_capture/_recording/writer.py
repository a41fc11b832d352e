"""RecordingWriter: an MCAP file, one chunk a frame, written from the frame's own memory."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import struct
import zlib
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

from mcap.data_stream import RecordBuilder
from mcap.opcode import Opcode
from mcap.records import (
    Channel,
    ChunkIndex,
    DataEnd,
    Footer,
    Header,
    MessageIndex,
    Metadata,
    MetadataIndex,
    Schema,
    Statistics,
    SummaryOffset,
)
from mcap.writer import LIBRARY_IDENTIFIER, MCAP0_MAGIC

from camkit.camera_capture._recording.hold import hold
from camkit.camera_capture._recording.schemas import (
    EVENT_SCHEMA,
    EVENT_TOPIC,
    FRAME_SCHEMA,
    FRAME_TOPIC,
    IMAGE_TOPIC,
    METADATA,
    SCHEMAS,
    image_head,
)
from camkit.errors import RecordError, RecordingExists

COMPRESSIONS = ("none", "lz4", "zstd")
MOST_TIME = (1 << 64) - 1
RECORD = struct.Struct("<BQ")  # what every record begins with: opcode, length of the rest
MESSAGE = struct.Struct("<HIQQ")  # channel, number, log time, publish time
CHUNK = struct.Struct("<QQQI")  # first and last time, bytes, CRC; then the compression's name and the bytes again


class Times(NamedTuple):
    """When a frame was, in Unix nanoseconds."""

    log_ns: int  # we had it
    publish_ns: int  # its own time


def _write_first(fd: int, parts: Sequence[memoryview]) -> int:
    return os.write(fd, parts[0])


_writev = getattr(os, "writev", _write_first)  # Windows has none


class RecordingWriter:
    """Write a recording; not thread-safe.

    Every frame is a chunk of its own and one system call, straight from where its pixels lie. What was written stays
    readable when the process is killed, or when the disk is full.

    Parameters
    ----------
    path : str
        File to make.
    overwrite : bool
        Whether a file of that name may be replaced.
    compression : {"none", "lz4", "zstd"}
        Of the chunks.

    Attributes
    ----------
    frames, events : int
        Written so far.
    size : int
        Bytes of the file so far, all of them whole records.

    Raises
    ------
    RecordError, RecordingExists
        The file cannot be made.
    """

    def __init__(self, path: str, *, overwrite: bool = False, compression: str = "none") -> None:
        self.path, self.compression = path, compression
        self.frames = self.events = self.size = 0
        self._indexes: RecordBuilder = RecordBuilder()
        self._metadata_indexes: RecordBuilder = RecordBuilder()
        self._channels: dict[str, int] = {}  # by schema
        self._repeated: tuple[RecordBuilder, RecordBuilder] = RecordBuilder(), RecordBuilder()  # schemas, channels
        self._statistics = Statistics(
            attachment_count=0,
            channel_count=0,
            channel_message_counts=defaultdict(int),
            chunk_count=0,
            message_count=0,
            message_end_time=0,
            message_start_time=MOST_TIME,
            metadata_count=0,
            schema_count=0,
        )
        flags = os.O_WRONLY | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
        try:
            self._fd = os.open(path, flags | (0 if overwrite else os.O_EXCL), 0o666)
        except FileExistsError as error:
            advice = f"{error.strerror}; overwrite=True replaces it"
            raise RecordingExists(error.errno, f"cannot record to {path!r}: {advice}", path) from None
        except OSError as error:
            raise RecordError(error.errno, f"cannot record to {path!r}: {error.strerror}", path) from None
        try:
            self._claim()
        except BaseException:
            self.close()
            raise

    def _claim(self) -> None:
        """Empty the file, unless somebody else records to it or plays it: neither would get a whole one."""
        if not stat.S_ISREG(os.fstat(self._fd).st_mode):
            return
        if not hold(self._fd, alone=True):
            text = f"cannot record to {self.path!r}: it is being recorded or played; take another name"
            raise RecordError(errno.EBUSY, text, self.path)
        try:
            os.ftruncate(self._fd, 0)
        except OSError as error:
            raise RecordError(error.errno, f"cannot record to {self.path!r}: {error.strerror}", self.path) from None

    def begin(self, library: str, facts: dict[str, str]) -> None:
        """Write what comes first: who wrote the file, and what is recorded."""
        builder = RecordBuilder()
        builder.write(MCAP0_MAGIC)
        Header("", f"{library} {LIBRARY_IDENTIFIER}").write(builder)
        self._write([builder.end()])
        self.metadata(METADATA, facts)
        for schema, topic in ((FRAME_SCHEMA, FRAME_TOPIC), (EVENT_SCHEMA, EVENT_TOPIC)):
            self._channel(schema, topic)

    def metadata(self, name: str, facts: dict[str, str]) -> None:
        """Write a metadata record."""
        builder = RecordBuilder()
        Metadata(name, facts).write(builder)
        data = builder.end()
        MetadataIndex(self.size, len(data), name).write(self._metadata_indexes)
        self._statistics.metadata_count += 1
        self._write([data])

    def frame(self, record: bytes, described: dict[str, Any], planes: Sequence[memoryview], times: Times) -> None:
        """Write a frame.

        Parameters
        ----------
        record : bytes
            `described` as JSON.
        described : dict
            As of `to_record`.
        planes : sequence of memoryview
            Its pixels.
        times : Times
            When.
        """
        log_ns, publish_ns = times
        size = sum(len(plane) for plane in planes)
        schema, head = image_head(described, publish_ns, "camera", size)
        channels = self._channel(FRAME_SCHEMA, FRAME_TOPIC), self._channel(schema, IMAGE_TOPIC)
        number = self.frames & 0xFFFFFFFF
        first = _message_head(channels[0], number, log_ns, publish_ns, len(record)) + record
        second = _message_head(channels[1], number, log_ns, publish_ns, len(head) + size) + head
        self._chunk([first + second, *planes], ((channels[0], 0), (channels[1], len(first))), log_ns)
        self.frames += 1

    def event(self, event: bytes, time_ns: int) -> None:
        """Write an event, a JSON object; the time is Unix nanoseconds."""
        channel = self._channel(EVENT_SCHEMA, EVENT_TOPIC)
        head = _message_head(channel, self.events & 0xFFFFFFFF, time_ns, time_ns, len(event))
        self._chunk([head + event], ((channel, 0),), time_ns)
        self.events += 1

    def finish(self) -> None:
        """Write the index and the end of the file, and close it. Without it a file is read by looking through it."""
        builder = RecordBuilder()
        DataEnd(0).write(builder)
        end = builder.end()
        start = self.size + len(end)
        statistics = RecordBuilder()
        if not self._statistics.message_count:
            self._statistics.message_start_time = 0
        self._statistics.write(statistics)
        groups = {
            Opcode.SCHEMA: self._repeated[0],
            Opcode.CHANNEL: self._repeated[1],
            Opcode.STATISTICS: statistics,
            Opcode.CHUNK_INDEX: self._indexes,
            Opcode.METADATA_INDEX: self._metadata_indexes,
        }
        summary = bytearray()
        offsets = RecordBuilder()
        for opcode, group in groups.items():
            data = group.end()
            if data:
                SummaryOffset(opcode, start + len(summary), len(data)).write(offsets)
            summary += data
        offsets_start = start + len(summary)
        summary += offsets.end()
        # The CRC covers the footer too, up to itself.
        crc = zlib.crc32(RECORD.pack(Opcode.FOOTER, 20) + struct.pack("<QQ", start, offsets_start), zlib.crc32(summary))
        Footer(start, offsets_start, crc).write(builder)
        builder.write(MCAP0_MAGIC)
        try:
            self._write([end, summary, builder.end()])
            if not os.fstat(self._fd).st_nlink:
                text = f"the recording {self.path!r} is lost: the file was deleted while it was written"
                raise RecordError(errno.ENOENT, text, self.path)
        finally:
            self.close()

    def close(self) -> None:
        """Let the file go as it is."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            try:
                os.close(fd)
            except OSError as error:
                text = f"cannot write {self.path!r} to its end: {error.strerror}"
                raise RecordError(error.errno, text, self.path) from None

    def _channel(self, schema: str, topic: str) -> int:
        """Return the channel of a schema, which is written when it is first wanted."""
        known = self._channels.get(schema)
        if known is not None:
            return known

        text, number = SCHEMAS[schema], len(self._channels) + 1
        encoding = "protobuf" if text.encoding == "protobuf" else "json"
        records = (
            Schema(id=number, name=text.name, encoding=text.encoding, data=text.data),
            Channel(id=number, topic=topic, message_encoding=encoding, metadata={}, schema_id=number),
        )
        builder = RecordBuilder()
        for record, repeated in zip(records, self._repeated, strict=True):
            record.write(builder)
            record.write(repeated)
        self._write([builder.end()])
        self._channels[schema] = number
        self._statistics.schema_count += 1
        self._statistics.channel_count += 1
        return number

    def _chunk(self, parts: list[bytes | memoryview], messages: Sequence[tuple[int, int]], time_ns: int) -> None:
        """Write a chunk and its index: `messages` are (channel, offset within the parts)."""
        size = crc = 0
        for part in parts:
            size += len(part)
            crc = zlib.crc32(part, crc)
        name = b"" if self.compression == "none" else self.compression.encode()
        packed = parts if not name else [_compress(self.compression, b"".join(parts))]
        packed_size = sum(len(part) for part in packed)
        head = CHUNK.pack(time_ns, time_ns, size, crc) + len(name).to_bytes(4, "little") + name
        head += packed_size.to_bytes(8, "little")
        length = len(head) + packed_size
        head = RECORD.pack(Opcode.CHUNK, length) + head
        builder, places = RecordBuilder(), {}
        for channel, offset in messages:
            places[channel] = self.size + len(head) + packed_size + builder.count
            MessageIndex(channel, [(time_ns, offset)]).write(builder)
        index = builder.end()
        start = self.size
        self._write([head, *packed, index])
        ChunkIndex(
            chunk_start_offset=start,
            chunk_length=len(head) + packed_size,
            message_start_time=time_ns,
            message_end_time=time_ns,
            message_index_offsets=places,
            message_index_length=len(index),
            compression=name.decode(),
            compressed_size=packed_size,
            uncompressed_size=size,
        ).write(self._indexes)
        statistics = self._statistics
        statistics.chunk_count += 1
        statistics.message_count += len(messages)
        statistics.message_start_time = min(statistics.message_start_time, time_ns)
        statistics.message_end_time = max(statistics.message_end_time, time_ns)
        for channel, _ in messages:
            statistics.channel_message_counts[channel] += 1

    def _write(self, parts: Sequence[bytes | bytearray | memoryview]) -> None:
        """Append all of the parts, or nothing."""
        waiting = [memoryview(part).cast("B") for part in parts if len(part)]
        written = 0
        try:
            while waiting:
                done = _writev(self._fd, waiting)
                written += done
                while waiting and done >= len(waiting[0]):
                    done -= len(waiting.pop(0))
                if done:
                    waiting[0] = waiting[0][done:]
        except OSError as error:
            # Half a record would be damage; the room that it gives back may be enough for the index.
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, self.size)
                os.lseek(self._fd, self.size, os.SEEK_SET)
            text = f"cannot write to {self.path!r} after {self.frames} frames and {self.size} bytes: {error.strerror}"
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                text += "; what was written before is whole: make room, or record less"
            raise RecordError(error.errno, text, self.path) from None
        self.size += written


def _message_head(channel: int, number: int, log_ns: int, publish_ns: int, size: int) -> bytes:
    return RECORD.pack(Opcode.MESSAGE, MESSAGE.size + size) + MESSAGE.pack(channel, number, log_ns, publish_ns)


def _compress(name: str, data: bytes) -> bytes:
    if name == "lz4":
        import lz4.frame

        return bytes(lz4.frame.compress(data))
    import zstandard

    return zstandard.compress(data)
