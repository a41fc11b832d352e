"""Inspect: the value of one pixel in the format that the source delivers, before any conversion."""

from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memset

from camkit.memory_manager._abi cimport camkit_format, camkit_format_row, camkit_frame, camkit_frame_release
from camkit.memory_manager._frame cimport Frame

cdef enum:
    # Of camkit_colour_model, whose names the ABI does not hand on.
    YUV
    RGB
    GREY
    BAYER


def codes(Frame frame not None, int x, int y):
    """Return the codes of one pixel.

    Parameters
    ----------
    frame : Frame
    x, y : int
        From the upper left corner.

    Returns
    -------
    dict of str to int
        Y, U and V of the pixel, where subsampled those of the sample that covers it; R, G, B and A; or the one colour
        of a Bayer site. Codes as the source wrote them: of limited or full range, of 8 to 16 bits.

    Raises
    ------
    IndexError
        There is no such pixel.
    """
    cdef pixel_codes found
    cdef camkit_frame *f = frame.share()
    cdef bint there
    try:
        there = x >= 0 and y >= 0 and codes_at(f, x, y, &found)
    finally:
        camkit_frame_release(f)
    if not there:
        raise IndexError(f"{frame.format} {frame.width}x{frame.height} has no pixel at {x}, {y}")
    return {chr(found.names[i]): found.values[i] for i in range(found.count)}


cdef uint32_t sample(const camkit_frame *f, const camkit_format *row, int plane, uint32_t x, uint32_t y,
                     uint32_t channel) noexcept nogil:
    cdef uint32_t at = (x // row.planes[plane].hsub * row.planes[plane].channels + channel) * row.itemsize
    cdef const uint8_t *p = f.planes[plane].data
    p += <size_t>f.planes[plane].stride * (y // row.planes[plane].vsub) + at
    return p[0] | <uint32_t>p[1] << 8 if row.itemsize == 2 else p[0]


cdef void put(pixel_codes *out, char name, uint32_t value) noexcept nogil:
    out.names[out.count] = name
    out.values[out.count] = value
    out.count += 1


cdef bint codes_at(const camkit_frame *f, uint32_t x, uint32_t y, pixel_codes *out) noexcept nogil:
    cdef const camkit_format *row = camkit_format_row(f.format)
    cdef const uint8_t *pair
    cdef uint32_t i, first
    memset(out, 0, sizeof(out[0]))
    if row == NULL or row.shader[0] == 0 or x >= f.width or y >= f.height or f.planes[0].data == NULL:
        return 0
    if row.model == YUV and row.plane_count == 1:
        # Two pixels in four bytes: YUYV and the like spell where each lies.
        pair = f.planes[0].data + <size_t>f.planes[0].stride * y + x // 2 * 4
        first = 0 if row.order[0] == c"Y" else 1
        put(out, c"Y", pair[first + 2 * (x & 1)])
        put(out, c"U", pair[1 - first])
        put(out, c"V", pair[3 - first])
    elif row.model == YUV:
        put(out, c"Y", sample(f, row, 0, x, y, 0))
        for i in range(2):
            first = i if row.order[0] == c"U" else 1 - i
            put(out, c"U" if i == 0 else c"V",
                sample(f, row, 1, x, y, first) if row.plane_count == 2 else sample(f, row, 1 + first, x, y, 0))
    elif row.model == RGB:
        for i in range(row.planes[0].channels):
            if row.order[i] != c"X":
                put(out, row.order[i], sample(f, row, 0, x, y, i))
    elif row.model == BAYER:
        put(out, row.order[(y & 1) * 2 + (x & 1)], sample(f, row, 0, x, y, 0))
    else:
        put(out, c"Y", sample(f, row, 0, x, y, 0))
    return 1
