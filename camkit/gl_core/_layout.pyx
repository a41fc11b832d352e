"""Layout: how the planes of frames of one format and size lie in textures."""

from libc.stdint cimport uint32_t

from camkit.gl_core.texture import plane_textures

cdef size_t BUFFER_ALIGNMENT = 256


cdef class Layout:
    """What all ways to the GPU know of the frames that they carry. Does not change; any thread may read it.

    Parameters
    ----------
    format : PixelFormat
    width, height : int
        In pixels.
    strides : sequence of int
        Bytes from row to row, one a plane.
    largest : int
        Texels a side that the GPU allows.

    Attributes
    ----------
    row_by_row : bool
        A stride is no multiple of a texel, so that OpenGL needs a call for every row.

    Raises
    ------
    FormatNotSupported
        The GPU cannot take the format or the size.
    """

    def __init__(self, format, width, height, strides, largest):
        cdef plane_layout *p
        cdef uint32_t i
        self.format = format
        self.width, self.height = width, height
        for i, plane in enumerate(plane_textures(format, width, height, largest)):
            p = &self.planes[i]
            p.internal, p.format, p.type = plane.internal, plane.client, plane.kind
            p.columns, p.rows, p.texel_bytes = plane.columns, plane.rows, plane.texel_bytes
            p.row_bytes = p.columns * p.texel_bytes
            p.offset = self.buffer_bytes
            p.stride = strides[i]
            self.image_bytes += p.row_bytes * p.rows
            self.buffer_bytes += (p.row_bytes * p.rows + BUFFER_ALIGNMENT - 1) // BUFFER_ALIGNMENT * BUFFER_ALIGNMENT
            self.row_by_row |= p.stride % p.texel_bytes != 0
            self.plane_count = i + 1

    @property
    def strides(self):
        """list of int: bytes from row to row, one a plane."""
        cdef uint32_t i
        return [self.planes[i].stride for i in range(self.plane_count)]

    def part(self, most):
        """Return the layout of as many upper rows as have `most` bytes, or this one if all do."""
        if self.image_bytes <= most:
            return self
        step = 8 * self.format.multiple[1]
        height = max(step, self.height * most // self.image_bytes // step * step)
        return Layout(self.format, self.width, height, self.strides, max(self.width, height) * 4)

    def __str__(self):
        return f"{self.format.name} {self.width}x{self.height}"
