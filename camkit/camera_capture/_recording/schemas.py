"""What a recording's messages look like: topics, schemas, and the protobuf around the pixels.

The pictures have the schemas that viewers know, foxglove.RawImage and foxglove.CompressedImage in protobuf, for there
the pixels are plain bytes at the message's end. What is camkit's own is JSON, which every tool shows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from camkit.errors import LibraryMissing

VERSION = 1  # of the layout; a reader refuses a higher one

IMAGE_TOPIC, FRAME_TOPIC, EVENT_TOPIC = "/camera/image", "/camera/frame", "/camera/event"
FRAME_SCHEMA, EVENT_SCHEMA = "camkit.Frame", "camkit.Event"
METADATA = "camkit.recording"  # name of the record that says what was recorded

# camkit's names as foxglove.RawImage has them. Viewers refuse the other formats, by name.
ENCODINGS = {
    "YUYV": "yuyv",
    "UYVY": "uyvy",
    "NV12": "nv12",
    "GREY": "mono8",
    "Y16": "mono16",
    "RGB24": "rgb8",
    "BGR24": "bgr8",
    "RGBA32": "rgba8",
    "SBGGR8": "bayer_bggr8",
    "SGBRG8": "bayer_gbrg8",
    "SGRBG8": "bayer_grbg8",
    "SRGGB8": "bayer_rggb8",
    "MJPG": "jpeg",
}

VARINT, BYTES, FIXED32 = 0, 2, 5  # wire types
# Types of a FieldDescriptorProto.
FIELD_TYPES = {"string": 9, "message": 11, "bytes": 12, "fixed32": 7, "int64": 3, "int32": 5}
OPTIONAL = 1
DATA_FIELDS = {"foxglove.RawImage": 6, "foxglove.CompressedImage": 2}  # number of the field with the pixels


class SchemaText(NamedTuple):
    """What the MCAP record of a schema holds."""

    name: str
    encoding: str
    data: bytes


def varint(value: int) -> bytes:
    """Encode a whole number from 0 on as protobuf does: seven bits a byte, the lowest first."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number: int, value: bytes | str | int) -> bytes:
    """Encode one field: text and bytes with their length, a number as a varint."""
    if isinstance(value, int):
        return varint(number << 3 | VARINT) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | BYTES) + varint(len(data)) + data


def fixed32(number: int, value: int) -> bytes:
    """Encode one field of four bytes."""
    return varint(number << 3 | FIXED32) + value.to_bytes(4, "little")


def timestamp(number: int, time_ns: int) -> bytes:
    """Encode a google.protobuf.Timestamp."""
    seconds, nanos = divmod(time_ns, 1_000_000_000)
    return field(number, field(1, seconds) + field(2, nanos))


def image_head(record: dict[str, Any], time_ns: int, frame_id: str, size: int) -> tuple[str, bytes]:
    """Encode an image message up to its pixels, which follow.

    Parameters
    ----------
    record : dict
        As of `to_record`.
    time_ns : int
        Unix time of the picture.
    frame_id : str
        Name of the camera's optical centre.
    size : int
        Bytes of pixels.

    Returns
    -------
    str, bytes
        Name of the schema, and the bytes.
    """
    name = ENCODINGS.get(record["format"], record["format"].lower())
    if record["planes"][0]["stride"] == 0:
        schema = "foxglove.CompressedImage"
        head = timestamp(1, time_ns) + field(4, frame_id) + field(3, name)
    else:
        schema = "foxglove.RawImage"
        head = timestamp(1, time_ns) + field(7, frame_id) + fixed32(2, record["width"]) + fixed32(3, record["height"])
        head += field(4, name) + fixed32(5, record["planes"][0]["stride"])
    return schema, head + varint(DATA_FIELDS[schema] << 3 | BYTES) + varint(size)


def find_pixels(schema: str, message: bytes | memoryview, length: int) -> tuple[int, int]:
    """Find the pixels of an image message.

    Parameters
    ----------
    schema : str
        foxglove.RawImage or foxglove.CompressedImage.
    message : bytes
        The message, or as much of its beginning as there is.
    length : int
        Bytes of the whole message.

    Returns
    -------
    offset, size : int
        Where they lie in the message.

    Raises
    ------
    ValueError
        It is no such message, or the pixels begin behind what was given.
    """
    at = 0
    while at < len(message):
        key, at = _read_varint(message, at)
        kind = key & 7
        if kind == VARINT:
            _, at = _read_varint(message, at)
        elif kind == FIXED32:
            at += 4
        elif kind == BYTES:
            size, at = _read_varint(message, at)
            if at + size > length:
                raise ValueError(f"a field of {size} bytes in a message of {length}")
            if key >> 3 == DATA_FIELDS[schema]:
                return at, size
            at += size
        else:
            raise ValueError(f"wire type {kind} in a {schema}")
    raise ValueError(f"no pixels in a {schema}")


def _read_varint(message: bytes | memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(message) and shift < 64:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise ValueError("a number without an end")


def _message(name: str, *fields: tuple[str, int, str] | tuple[str, int, str, str]) -> bytes:
    """Encode a DescriptorProto: fields are (name, number, type) and the full name of a message type."""
    out = field(1, name)
    for title, number, kind, *type_name in fields:
        text = field(1, title) + field(3, number) + field(4, OPTIONAL) + field(5, FIELD_TYPES[kind])
        out += field(2, text + b"".join(field(6, one) for one in type_name))
    return out


def _file(path: str, package: str, messages: Iterable[bytes], dependencies: Iterable[str] = ()) -> bytes:
    """Encode a FileDescriptorProto, as a field of a FileDescriptorSet."""
    out = field(1, path) + field(2, package)
    out += b"".join(field(3, one) for one in dependencies) + b"".join(field(4, one) for one in messages)
    return field(1, out + field(12, "proto3"))


TIME_PROTO = "google/protobuf/timestamp.proto"
TIME_FILE = _file(
    TIME_PROTO, "google.protobuf", [_message("Timestamp", ("seconds", 1, "int64"), ("nanos", 2, "int32"))]
)
TIME_FIELD = ("timestamp", 1, "message", ".google.protobuf.Timestamp")


def _image_schema(name: str, *fields: tuple[str, int, str]) -> SchemaText:
    proto = _file(f"foxglove/{name}.proto", "foxglove", [_message(name, TIME_FIELD, *fields)], [TIME_PROTO])
    return SchemaText(f"foxglove.{name}", "protobuf", TIME_FILE + proto)


def _json_schema(name: str, title: str, required: Iterable[str]) -> SchemaText:
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": name,
        "description": title,
        "type": "object",
        "properties": {key: {} for key in required},
        "required": list(required),
    }
    return SchemaText(name, "jsonschema", json.dumps(schema).encode())


SCHEMAS = {
    schema.name: schema
    for schema in (
        _image_schema(
            "RawImage",
            ("width", 2, "fixed32"),
            ("height", 3, "fixed32"),
            ("encoding", 4, "string"),
            ("step", 5, "fixed32"),
            ("data", 6, "bytes"),
            ("frame_id", 7, "string"),
        ),
        _image_schema("CompressedImage", ("data", 2, "bytes"), ("format", 3, "string"), ("frame_id", 4, "string")),
        _json_schema(
            FRAME_SCHEMA,
            "all of a frame but its pixels, which are the image message of the same time and number",
            ("sequence", "gap", "lost", "timestamp_ns", "dequeue_ns", "flags", "format", "planes", "driver"),
        ),
        _json_schema(EVENT_SCHEMA, "what happened to the camera or to the recording", ("time_ns", "kind")),
    )
}


def need_mcap(purpose: str) -> None:
    """Raise LibraryMissing, with what to do, unless the mcap library can be imported."""
    try:
        import mcap.records  # noqa: F401
    except ImportError as error:
        raise LibraryMissing(
            f"cannot {purpose}: {error}; `pip install camkit[record]` brings the mcap library"
        ) from None
