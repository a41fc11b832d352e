"""A stage of our own that runs without the GIL, as fast as the pipeline's own ones."""

from libc.stdint cimport uint8_t, uint64_t

from camkit.memory_manager cimport CAMKIT_BAD_FRAME, CAMKIT_OK, camkit_frame, camkit_plane
from camkit.performance_core cimport Stage


cdef class Exposure(Stage):
    """Count the brightness of GREY frames: how many pixels are black, white, or between."""

    cdef readonly uint64_t black, white, pixels

    def __init__(self):
        # What it takes is declared: another camera is refused before its first frame.
        super().__init__(inputs="GREY")

    cdef int work(self, camkit_frame *frame, camkit_frame *out) except -1 nogil:
        cdef camkit_plane *plane = &frame.planes[0]
        cdef uint64_t black = 0, white = 0
        cdef uint8_t *row
        cdef size_t x, y, width = frame.width, height = frame.height
        # Rows may be padded: `stride` bytes lie between their beginnings.
        for y in range(height):
            row = plane.data + y * plane.stride
            for x in range(width):
                black += row[x] <= 16
                white += row[x] >= 235
        self.black += black
        self.white += white
        self.pixels += width * height
        return CAMKIT_OK if black < width * height else CAMKIT_BAD_FRAME  # nothing but black: the lid is on


cdef class Lift(Stage):
    """Make dark GREY frames brighter, in place."""

    cdef int by

    def __init__(self, by):
        # A frame that others see, or of the driver's memory, is copied before we get it.
        super().__init__(inputs="GREY", writes=True)
        self.by = by

    cdef int work(self, camkit_frame *frame, camkit_frame *out) except -1 nogil:
        cdef camkit_plane *plane = &frame.planes[0]
        cdef uint8_t *row
        cdef size_t x, y
        for y in range(frame.height):
            row = plane.data + y * plane.stride
            for x in range(frame.width):
                row[x] = <uint8_t>min(row[x] + self.by, 255)
        return CAMKIT_OK


cdef class Half(Stage):
    """Make frames of half the size, in slots of the stage's own."""

    def __init__(self):
        super().__init__(inputs="GREY", output=half_of)

    cdef int work(self, camkit_frame *frame, camkit_frame *out) except -1 nogil:
        cdef camkit_plane *source = &frame.planes[0]
        cdef camkit_plane *to = &out.planes[0]
        cdef size_t x, y
        for y in range(out.height):
            for x in range(out.width):
                to.data[y * to.stride + x] = source.data[2 * y * source.stride + 2 * x]
        return CAMKIT_OK


def half_of(frames):
    """Tell what comes out when these frames come in."""
    from camkit import FrameSpec
    return FrameSpec("GREY", (frames.size[0] // 2, frames.size[1] // 2))
