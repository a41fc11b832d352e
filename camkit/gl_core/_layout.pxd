from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcpy

from camkit.gl_core._types cimport GLenum, GLsizei


# A plane as a texture: in exactly the camera's bytes.
cdef struct plane_layout:
    GLenum internal, format, type
    GLsizei columns, rows
    size_t texel_bytes, row_bytes
    size_t offset  # of the plane in a buffer that holds all of them without padding
    uint32_t stride  # of the frames that are expected; those that come may have another


cdef class Layout:
    cdef readonly object format
    cdef readonly uint32_t width, height, plane_count
    cdef plane_layout planes[4]
    cdef readonly size_t image_bytes, buffer_bytes  # all rows without padding; with the planes aligned in a buffer
    cdef readonly bint row_by_row


cdef inline void copy_rows(uint8_t *to, size_t to_stride, const uint8_t *data, size_t stride, size_t row_bytes,
                           size_t rows) noexcept nogil:
    cdef size_t row
    if stride == row_bytes and to_stride == row_bytes:
        memcpy(to, data, row_bytes * rows)
        return
    for row in range(rows):
        memcpy(to + row * to_stride, data + row * stride, row_bytes)
