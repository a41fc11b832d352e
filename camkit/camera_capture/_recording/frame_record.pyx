"""A frame as a plain record, and back: what a recording keeps of it beside the pixels."""

cimport cython
from cpython.buffer cimport PyBUF_READ
from cpython.memoryview cimport PyMemoryView_FromMemory
from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memset

from camkit.memory_manager._abi cimport (
    CAMKIT_MODEL_COMPRESSED,
    camkit_driver_buffer,
    camkit_format,
    camkit_format_row,
    camkit_frame,
    camkit_plane,
    camkit_plane_rows,
    camkit_row_bytes,
)
from camkit.memory_manager._frame cimport Frame

from camkit.errors import FormatNotSupported
from camkit.memory_manager._format import FORMATS

NUMBERS = {name: number for number, name in enumerate(FORMATS)}
MOST_PLANES = 4


@cython.critical_section
def to_record(Frame frame not None):
    """Tell everything of a frame but its pixels, and where those are.

    Returns
    -------
    dict
        JSON can hold it; numbers are those of `include/camkit/frame.h`, and of V4L2 in `driver`.
    list of memoryview
        The bytes of each plane, padding included; valid while the frame is held.

    Raises
    ------
    FormatNotSupported
        The frame is plain bytes without a picture.
    """
    cdef camkit_frame *f = frame.get()
    cdef const camkit_format *row = camkit_format_row(f.format)
    if row == NULL:
        raise FormatNotSupported(f"cannot record frame {f.sequence}: it is plain bytes without a pixel format")
    cdef camkit_plane *p
    cdef size_t offset = 0, size
    planes, memory = [], []
    for i in range(f.plane_count):
        p = &f.planes[i]
        # What follows a compressed picture in its buffer is left over from others.
        size = min(f.bytes_used, p.size) if row.model == CAMKIT_MODEL_COMPRESSED else p.size
        planes.append({"offset": offset, "size": size, "stride": p.stride, "rows": p.rows})
        memory.append(PyMemoryView_FromMemory(<char *>p.data, size, PyBUF_READ))
        offset += size
    return {
        "sequence": f.sequence, "gap": f.gap,
        "timestamp_ns": f.timestamp_ns, "clock": f.clock, "stamp": f.stamp,
        "dequeue_ns": f.dequeue_ns, "hardware_ns": f.hardware_ns,
        "generation": f.generation, "flags": f.flags, "memory": f.memory,
        "format": row.name.decode(), "width": f.width, "height": f.height, "bytes_used": f.bytes_used,
        "colour": {"primaries": f.colour.primaries, "transfer": f.colour.transfer, "matrix": f.colour.matrix,
                   "range": f.colour.range},
        "planes": planes, "driver": _driver_record(&f.driver),
    }, memory


def need_record(record):
    """Raise ValueError unless `record` is one of a frame, whose pixels may be of any number of bytes."""
    cdef camkit_frame trial
    memset(&trial, 0, sizeof(trial))
    from_record(&trial, record, NULL, <size_t>1 << 62)


cdef dict _driver_record(camkit_driver_buffer *d):
    if not d.type:
        return None
    return {
        "index": d.index, "type": d.type, "bytes_used": d.bytes_used, "flags": d.flags, "field": d.field,
        "sequence": d.sequence, "memory": d.memory, "length": d.length,
        "timecode": [d.timecode_type, d.timecode_flags, *d.timecode[:8]] if d.timecode_type else None,
        "planes": [[d.planes[i].bytes_used, d.planes[i].length, d.planes[i].data_offset]
                   for i in range(d.plane_count)],
    }


cdef int from_record(camkit_frame *f, dict record, uint8_t *memory, size_t size) except -1:
    try:
        _picture(f, record, memory, size)
        c = record["colour"]
        f.colour.primaries, f.colour.transfer = c["primaries"], c["transfer"]
        f.colour.matrix, f.colour.range = c["matrix"], c["range"]
        f.timestamp_ns, f.dequeue_ns = record["timestamp_ns"], record["dequeue_ns"]
        f.hardware_ns = record["hardware_ns"]
        # Indices into tables of names.
        if not (0 <= record["clock"] <= 2 and 0 <= record["stamp"] <= 2):
            raise ValueError(f"clock {record['clock']!r} or stamp {record['stamp']!r} is not known")
        f.clock, f.stamp = record["clock"], record["stamp"]
        f.sequence, f.gap, f.generation = record["sequence"], record["gap"], record["generation"]
        f.flags = record["flags"]
        _driver(&f.driver, record["driver"])
    except (KeyError, TypeError, OverflowError, IndexError, AttributeError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from None
    return 0


cdef int _picture(camkit_frame *f, dict record, uint8_t *memory, size_t size) except -1:
    name, planes = record["format"], record["planes"]
    if name not in NUMBERS:
        raise ValueError(f"format {name!r} is not known")
    cdef uint32_t number = NUMBERS[name]
    cdef const camkit_format *row = camkit_format_row(number)
    f.format, f.width, f.height = number, record["width"], record["height"]
    f.bytes_used = record["bytes_used"]
    if not (0 < f.width <= 65536 and 0 < f.height <= 65536) or f.width % row.width_multiple:
        raise ValueError(f"{name} cannot be {f.width}x{f.height}")
    if len(planes) != row.plane_count:
        raise ValueError(f"{name} has {row.plane_count} planes, not {len(planes)}")
    f.plane_count = row.plane_count
    cdef camkit_plane *p
    cdef size_t offset, need
    cdef int i
    for i in range(row.plane_count):
        p = &f.planes[i]
        told = planes[i]
        offset, p.size, p.stride, p.rows = told["offset"], told["size"], told["stride"], told["rows"]
        if offset > size or p.size > size - offset:
            raise ValueError(f"plane {i} ends after byte {offset + p.size} of {size}")
        if row.model == CAMKIT_MODEL_COMPRESSED:
            if f.bytes_used > p.size or p.stride or p.rows:
                raise ValueError(f"{f.bytes_used} bytes of {name} are not {p.size} bytes")
        else:
            # What copies and draws frames trusts these numbers.
            need = camkit_row_bytes(row, i, f.width)
            if p.rows != camkit_plane_rows(row, i, f.height) or p.stride < need or p.stride % row.itemsize:
                raise ValueError(f"plane {i} of {name} {f.width}x{f.height} cannot have {p.rows} rows of {p.stride} "
                                 "bytes")
            if <size_t>p.stride * (p.rows - 1) + need > p.size:
                raise ValueError(f"plane {i} of {name} {f.width}x{f.height} does not fit into {p.size} bytes")
        p.data = memory + offset if memory != NULL else NULL
        p.offset = <uint32_t>offset
        p.dmabuf_fd = -1
    return 0


cdef int _driver(camkit_driver_buffer *d, dict record) except -1:
    memset(d, 0, sizeof(camkit_driver_buffer))
    if record is None:
        return 0
    if not record["type"]:
        raise ValueError("a driver's buffer has a type above 0")
    d.index, d.type, d.bytes_used, d.flags = record["index"], record["type"], record["bytes_used"], record["flags"]
    d.field, d.sequence, d.memory, d.length = record["field"], record["sequence"], record["memory"], record["length"]
    cdef int i
    if record["timecode"] is not None:
        d.timecode_type, d.timecode_flags = record["timecode"][0], record["timecode"][1]
        for i in range(8):
            d.timecode[i] = record["timecode"][2 + i]
    planes = record["planes"]
    if len(planes) > MOST_PLANES:
        raise ValueError(f"a driver's buffer has at most {MOST_PLANES} planes, not {len(planes)}")
    d.plane_count = len(planes)
    for i in range(<int>d.plane_count):
        d.planes[i].bytes_used, d.planes[i].length, d.planes[i].data_offset = planes[i]
    return 0
