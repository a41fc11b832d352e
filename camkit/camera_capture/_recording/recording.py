"""Recording: an MCAP file that camkit wrote, opened for reading."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
import struct
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mcap.exceptions import McapError

from camkit.camera_capture._recording.chunk import ChunkReader, RecordedFrame, parse, read_at
from camkit.camera_capture._recording.damage import ChunkDamaged, Damage
from camkit.camera_capture._recording.hold import hold
from camkit.camera_capture._recording.schemas import DATA_FIELDS, EVENT_SCHEMA, FRAME_SCHEMA, METADATA, VERSION
from camkit.errors import CameraError, CameraNotFound, CameraPermission

if TYPE_CHECKING:
    from mcap.records import Channel, Schema

MAGIC = b"\x89MCAP0\r\n"
RECORD = struct.Struct("<BQ")
FOOTER = struct.Struct("<BQQQI")
CHUNK_INDEX = struct.Struct("<QQQQ")  # what it begins with: first and last time, offset, length
MESSAGE_INDEX = struct.Struct("<HI")
HEADER, FOOTER_CODE, SCHEMA, CHANNEL, MESSAGE, CHUNK, MESSAGE_INDEX_CODE = range(1, 8)
CHUNK_INDEX_CODE, STATISTICS, METADATA_CODE, METADATA_INDEX, DATA_END = 8, 11, 12, 13, 15
KNOWN = range(HEADER, DATA_END + 1)
PRIVATE = range(0x80, 0x100)  # opcodes that anybody may use
MOST_SMALL = 1 << 20  # bytes of a record that is neither chunk nor index
MOST_SUMMARY = 1 << 32
MOST_TOPICS = 8  # that a message lists


class Recording:
    """A recording, opened for reading. Not thread-safe.

    Parameters
    ----------
    path : str

    Attributes
    ----------
    path : str
    size : int
        Bytes.
    facts : dict
        What the recorder wrote of itself; `info` and `stream` are those of the camera, or None.
    frames : int
        Frames in the file, as far as it is whole.
    indexed : bool
        The file has its index and its end: it was not broken off.
    damage : Damage or None
        What was seen when it was opened; more may be found while frames are read.
    largest : int
        The most bytes that the pixels of one frame can have.

    Raises
    ------
    CameraNotFound, CameraPermission, CameraError
        There is no such file, it is none of ours, or it cannot be read.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.facts: dict[str, Any] = {}
        self.frames = 0
        self.indexed = False
        self.damage: Damage | None = None
        self._schemas: dict[int, Schema] = {}
        self._channels: dict[int, Channel] = {}
        self._chunks: list[tuple[int, int, int, int]] = []  # offset, bytes, time of its last message, bytes unpacked
        self._metadata: dict[str, dict[str, str]] = {}
        self._at = 0, 0  # offset and bytes of the chunk that walk() is in
        self._counts: dict[int, int] = {}  # messages by channel
        self._fd = _open_file(path)
        try:
            hold(self._fd, alone=False)  # one that is being written can be looked at, too
            self.size = os.fstat(self._fd).st_size
            self._need_magic()
            self._reader = ChunkReader(self._fd, self.size, self._kinds, self._keep)
            if not self._read_summary():
                self._scan()
            if self._chunks and not self._numbers(FRAME_SCHEMA):
                self._look_into_first_chunk()
            self._need_recording()
            self._take_stock()
        except BaseException:
            self.close()
            raise

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Let the file go."""
        fd, self._fd = getattr(self, "_fd", -1), -1
        if fd >= 0:
            os.close(fd)

    def first(self) -> RecordedFrame | None:
        """Return the first frame that can be read, None if there is none."""
        return next((item for item in self.walk() if isinstance(item, RecordedFrame)), None)

    def walk(self, skip_s: float = 0.0) -> Iterator[RecordedFrame | dict[str, Any] | Damage]:
        """Go through frames, events and damage in the order of the file.

        Parameters
        ----------
        skip_s : float
            Seconds from the first frame on that are left out.
        """
        since = None
        last: int | None = None
        self._reader.forget()
        for offset, length, ends, _ in self._chunks:
            if skip_s and since is not None and ends < since:
                continue
            self._at = offset, length
            try:
                for item in self._reader.read(offset, length):
                    if isinstance(item, RecordedFrame):
                        since = item.log_ns + int(skip_s * 1e9) if since is None else since
                        if skip_s and item.log_ns < since:
                            continue
                        last = item.record["sequence"]
                    yield item
            except ChunkDamaged as error:
                yield Damage(str(error), offset, length, self.size, last)
        if self._reader.orphans:
            yield Damage(f"{self._reader.orphans} frames have no pixels", self.size, 0, self.size, last)
        if self.damage is not None:
            yield self.damage

    def damage_here(self, what: str, last_good: int | None) -> Damage:
        """Describe damage that was found in what `walk` gave last."""
        return Damage(what, *self._at, self.size, last_good)

    def describe(self) -> str:
        """Tell in words what is recorded and in what state the file is."""
        info, stream = self.facts.get("info") or {}, self.facts.get("stream") or {}
        what = f"recording of {info.get('name', 'an unnamed source')} ({info.get('path') or info.get('id', 'no id')}"
        what += f", {info.get('driver', 'no driver')})"
        clock = f", timestamps on its {stream['clock']} clock" if stream.get("clock") else ""
        end = "" if self.indexed else ", without an index: it was broken off"
        words = f"{what}, {self.frames} frames in {self.size} bytes{clock}{end}"
        return words + (f"; damaged: {self.damage}" if self.damage is not None else "")

    # ---- opening -----------------------------------------------------------------------------------------------

    def _kinds(self) -> dict[int, str]:
        """Return what the channels hold: the schema's name by channel, of those that we read."""
        ours = {FRAME_SCHEMA, EVENT_SCHEMA, *DATA_FIELDS}
        names = {number: schema.name for number, schema in self._schemas.items()}
        found = {number: names.get(channel.schema_id, "") for number, channel in self._channels.items()}
        return {number: name for number, name in found.items() if name in ours}

    def _numbers(self, schema: str) -> list[int]:
        return [number for number, name in self._kinds().items() if name == schema]

    def _need_magic(self) -> None:
        if not self.size:
            raise CameraNotFound(errno.EINVAL, "the file is empty: nothing was recorded", self.path)
        begin = self._read(0, len(MAGIC))
        if begin != MAGIC:
            if MAGIC.startswith(begin):
                raise CameraNotFound(errno.EINVAL, f"an MCAP file that ends after {self.size} bytes", self.path)
            raise CameraNotFound(errno.EINVAL, f"not an MCAP file: it begins with {begin!r}", self.path)

    def _read_summary(self) -> bool:
        """Read the index at the file's end; False if there is none, or it is not whole."""
        end = self._read(max(0, self.size - FOOTER.size - 8), FOOTER.size + 8)
        if len(end) != FOOTER.size + 8 or not end.endswith(MAGIC):
            return False
        code, length, start, _, crc = FOOTER.unpack(end[: FOOTER.size])
        bytes_ = self.size - len(end) - start
        if (code, length) != (FOOTER_CODE, 20) or not start > 0 or not 0 <= bytes_ <= MOST_SUMMARY:
            return False
        summary = self._read(start, bytes_)
        if crc and zlib.crc32(end[: FOOTER.size - 4], zlib.crc32(summary)) != crc:
            self._note("the index is damaged", start, bytes_)
            return False
        found = []
        at = 0
        while at < len(summary):
            code, length = RECORD.unpack_from(summary, at)
            body = memoryview(summary)[at + RECORD.size : at + RECORD.size + length]
            if code == CHUNK_INDEX_CODE:
                _, ends, offset, bytes_ = CHUNK_INDEX.unpack_from(body)
                found.append((offset, bytes_, ends, int.from_bytes(body[-8:], "little")))
            elif code == METADATA_INDEX:
                offset, bytes_ = struct.unpack_from("<QQ", body)
                self._keep(METADATA_CODE, self._read(offset, min(bytes_, MOST_SMALL))[RECORD.size :])
            else:
                self._keep(code, bytes(body))
            at += RECORD.size + length
        if not found and any(self._counts.values()):
            return False
        self._chunks = sorted(found)
        self.indexed = True
        return True

    def _scan(self) -> None:
        """Find what there is by looking through the file, as far as it is whole."""
        self._chunks, self._counts = [], {}
        at = len(MAGIC)
        last = 0, 0  # offset of the last chunk, and messages of it that were indexed
        while True:
            head = self._read(at, RECORD.size)
            if len(head) < RECORD.size:
                self._note("the file ends" if not head else "the file ends within a record", at, len(head))
                break
            code, length = RECORD.unpack(head)
            if code not in KNOWN and code not in PRIVATE:
                self._note(f"there is no MCAP record (code {code})", at, self.size - at)
                break
            if at + RECORD.size + length > self.size:
                what = {CHUNK: "a chunk", MESSAGE_INDEX_CODE: "the index of a chunk"}.get(code, "a record")
                self._note(f"{what} is cut off", at, self.size - at)
                break
            if code == CHUNK:
                begin = self._read(at + RECORD.size, 24)
                if len(begin) == 24:
                    _, ends, size = struct.unpack("<QQQ", begin)
                    self._chunks.append((at, RECORD.size + length, ends, size))
                    last = at, 0
            elif code == MESSAGE_INDEX_CODE:
                channel, size = MESSAGE_INDEX.unpack(self._read(at + RECORD.size, MESSAGE_INDEX.size).ljust(6, b"\0"))
                self._counts[channel] = self._counts.get(channel, 0) + size // 16
                last = last[0], last[1] + 1
            elif code in (SCHEMA, CHANNEL, METADATA_CODE) and length <= MOST_SMALL:
                self._keep(code, self._read(at + RECORD.size, length))
            elif code in (DATA_END, FOOTER_CODE):
                # All chunks are here, and only what points to them is not.
                if self.damage is None:
                    self._note("the index is missing or damaged", at, self.size - at)
                break
            at += RECORD.size + length
        if self._chunks and not last[1]:
            self._count_last_chunk(*self._chunks[-1][:2])

    def _count_last_chunk(self, offset: int, length: int) -> None:
        for number in self._numbers(FRAME_SCHEMA)[:1]:
            try:
                frames = sum(isinstance(item, RecordedFrame) for item in self._reader.read(offset, length))
            except ChunkDamaged:
                return  # walk() will say so
            self._counts[number] = self._counts.get(number, 0) + frames

    def _look_into_first_chunk(self) -> None:
        """Find channels that are written within the chunks, as other programs do."""
        with contextlib.suppress(ChunkDamaged):  # then nothing is known, which is told
            for _ in self._reader.read(*self._chunks[0][:2]):
                pass

    def _keep(self, code: int, body: bytes) -> None:
        """Take in a record of the file's own description; what cannot be read is as if it were not there."""
        try:
            record = parse(code, body)
        except (McapError, struct.error, ValueError, IndexError):
            return
        if code == SCHEMA:
            self._schemas[record.id] = record
        elif code == CHANNEL:
            self._channels[record.id] = record
        elif code == METADATA_CODE:
            self._metadata[record.name] = record.metadata
        elif code == STATISTICS:
            self._counts = dict(record.channel_message_counts)

    def _need_recording(self) -> None:
        if self._numbers(FRAME_SCHEMA) and METADATA in self._metadata:
            return
        topics = [
            f"{channel.topic} ({self._schemas[channel.schema_id].name if channel.schema_id in self._schemas else '?'})"
            for channel in self._channels.values()
        ]
        if not topics and self.damage is not None:
            raise CameraNotFound(errno.EINVAL, f"an MCAP file that ends too early: {self.damage}", self.path)
        listed = ", ".join(topics[:MOST_TOPICS]) + (", ..." if len(topics) > MOST_TOPICS else "")
        what = f"an MCAP file without a camkit recording; its topics: {listed or 'none'}"
        raise CameraNotFound(errno.EINVAL, f"{what}; `camkit record` makes recordings", self.path)

    def _take_stock(self) -> None:
        facts = self._metadata[METADATA]
        try:
            self.facts = dict(facts) | {name: _object(facts.get(name, "null")) for name in ("info", "stream")}
            version = int(facts.get("version", ""))
        except (ValueError, RecursionError):
            raise CameraError(errno.EINVAL, "the recording's own description is damaged", self.path) from None
        if version > VERSION:
            text = f"a recording of layout {version}; this camkit reads up to {VERSION}: take a newer camkit"
            raise CameraError(errno.EINVAL, text, self.path)
        self.frames = sum(self._counts.get(number, 0) for number in self._numbers(FRAME_SCHEMA))
        self.largest = self._largest()
        if self.damage is not None:
            self.damage.last_good = self._last_number()

    def _largest(self) -> int:
        """Return the bytes of the largest chunk, of those whose own beginning bears the index out."""
        for offset, length, _, _ in sorted(self._chunks, key=lambda chunk: chunk[3], reverse=True):
            with contextlib.suppress(ChunkDamaged):
                return self._reader.size_of(offset, length)
        return 0

    def _last_number(self) -> int | None:
        """Return the number of the last frame that can be read."""
        for offset, length, _, _ in reversed(self._chunks):
            try:
                numbers = [
                    item.record["sequence"]
                    for item in self._reader.read(offset, length)
                    if isinstance(item, RecordedFrame)
                ]
            except ChunkDamaged:
                continue
            if numbers:
                return int(numbers[-1])
        return None

    def _note(self, what: str, offset: int, lost: int) -> None:
        self.damage = Damage(what, offset, lost, self.size, None)

    def _read(self, offset: int, size: int) -> bytes:
        try:
            return read_at(self._fd, size, offset)
        except (OSError, OverflowError) as error:
            code = getattr(error, "errno", None) or errno.EINVAL
            text = getattr(error, "strerror", None) or str(error)
            raise CameraError(code, f"cannot read {size} bytes at byte {offset}: {text}", self.path) from None


def _object(text: str) -> dict[str, Any] | None:
    """Read a description in JSON; a rate that is none is as if it were not known."""
    value = json.loads(text)
    if value is None:
        return None
    if not isinstance(value, dict):
        raise ValueError("no JSON object")
    fps = value.get("fps")
    if isinstance(fps, bool) or not isinstance(fps, (int, float)) or not 0 < fps <= 1e9:
        value.pop("fps", None)
    return value


def _open_file(path: str) -> int:
    try:
        # Of a pipe without a writer we would wait for ever.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
        fd = os.open(path, flags)
    except FileNotFoundError as error:
        raise CameraNotFound(error.errno, "no such recording", path) from None
    except PermissionError as error:
        text = f"this user may not read the recording; `ls -l {path}` shows who may"
        raise CameraPermission(error.errno, text, path) from None
    except OSError as error:
        raise CameraNotFound(error.errno, f"cannot open the recording: {error.strerror}", path) from None
    mode = os.fstat(fd).st_mode
    if stat.S_ISREG(mode):
        return fd
    os.close(fd)
    what = "a folder" if stat.S_ISDIR(mode) else "not a plain file"
    raise CameraNotFound(errno.EISDIR if stat.S_ISDIR(mode) else errno.EINVAL, f"{what}, not a recording", path)
