# A part of the screen, in pixels from its upper left corner.
cdef struct area:
    int x, y, width, height


# One axis of a picture on the screen: picture pixels first..end lie on the screen pixels from..to, as a whole.
cdef struct span:
    int first, end, begin, stop


# Where a picture, or the part of it that is seen, lies: what a blit takes.
cdef struct placement:
    area place  # where it may be seen
    span across, down
    bint sharp  # pixels are shown as squares


cdef class View:
    cdef readonly double zoom  # 1: the whole picture, as large as it fits
    cdef readonly double x, y  # what lies in the middle of the area, from 0 to 1 of the picture
    cdef int width, height  # of the picture
    cdef double scale  # screen pixels a picture pixel has
    cdef placement at

    # Lay a picture into at.place; to be called before each drawing, and before what follows.
    cdef void lay(self, int width, int height) noexcept nogil
    # Enlarge by `factor` so that what lies under a point of the screen stays there.
    cdef void zoom_at(self, double factor, double x, double y) noexcept nogil
    cdef void pan(self, double dx, double dy) noexcept nogil
    cdef void reset(self) noexcept nogil
    # The picture's pixel under a point of the screen; 0: the point lies beside the picture.
    cdef bint pixel_at(self, double x, double y, int *column, int *row) noexcept nogil
    cdef void _settle(self) noexcept nogil
