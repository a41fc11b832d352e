"""Whether the bytes that an upload would read are all there."""

from libc.stdint cimport uint32_t, uint64_t

from camkit.memory_manager._abi cimport (
    camkit_format,
    camkit_format_row,
    camkit_frame,
    camkit_plane,
    camkit_plane_rows,
    camkit_row_bytes,
)

cdef uint32_t LARGEST_STRIDE = 0x7FFFFFFF  # OpenGL counts in signed 32 bits


cdef fault_id check_frame(const camkit_frame *f, frame_fault *fault) noexcept nogil:
    cdef const camkit_format *row = camkit_format_row(f.format)
    cdef const camkit_plane *p
    cdef uint64_t needs, total = 0
    cdef uint32_t i
    fault.sequence = f.sequence
    fault.width = f.width
    fault.height = f.height
    fault.code = FAULT_NONE
    if f.width == 0 or f.height == 0:
        fault.code = FAULT_EMPTY
        return FAULT_EMPTY
    if row == NULL or row.planes[0].hsub == 0:
        return FAULT_NONE  # no rows to check; whoever draws it refuses the format
    if f.width % row.width_multiple or f.height % row.height_multiple or f.width > 65536 or f.height > 65536:
        fault.code = FAULT_SIZE
        return FAULT_SIZE
    if f.plane_count != row.plane_count:
        fault.code = FAULT_PLANES
        fault.has = f.plane_count
        fault.needs = row.plane_count
        return FAULT_PLANES
    for i in range(f.plane_count):
        p = &f.planes[i]
        fault.plane = i
        fault.has = p.stride
        fault.needs = camkit_row_bytes(row, i, f.width)
        if p.stride < fault.needs or p.stride > LARGEST_STRIDE:
            fault.code = FAULT_STRIDE
            return FAULT_STRIDE
        # The last row may end before its padding does.
        needs = <uint64_t>p.stride * (camkit_plane_rows(row, i, f.height) - 1) + fault.needs
        total += needs
        fault.has = p.size if p.data != NULL else 0
        fault.needs = needs
        if fault.has < needs:
            fault.code = FAULT_PLANE_BYTES
            return FAULT_PLANE_BYTES
    fault.has = f.bytes_used
    fault.needs = total
    if f.bytes_used < total:
        fault.code = FAULT_BYTES_USED
    return fault.code


cdef str fault_text(frame_fault *fault):
    head = f"cannot draw frame {fault.sequence} ({fault.width}x{fault.height})"
    if fault.code == FAULT_EMPTY:
        return f"{head}: it has no pixels"
    if fault.code == FAULT_SIZE:
        return f"{head}: its format has no such size"
    if fault.code == FAULT_PLANES:
        return f"{head}: it has {fault.has} plane(s), its format has {fault.needs}"
    if fault.code == FAULT_STRIDE:
        return f"{head}: the rows of plane {fault.plane} are {fault.needs} bytes long, its stride is {fault.has}"
    where = f"plane {fault.plane}" if fault.code == FAULT_PLANE_BYTES else "the source"
    return f"{head}: it is truncated, {where} has {fault.has} of {fault.needs} bytes"
