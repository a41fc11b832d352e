"""View: which part of a picture is seen where on the screen, and how large."""

from libc.math cimport ceil, floor

cdef double MOST_SCALE = 64  # screen pixels for a picture pixel
cdef double SHARP_SCALE = 4  # from here on a filter would only blur what is to be looked at


cdef class View:
    """Zoom and pan of one picture. Belongs to the thread that draws; others may read what is public.

    Attributes
    ----------
    zoom : float
        1 shows the whole picture as large as it fits.
    x, y : float
        What lies in the middle, from 0 to 1 of the picture.
    """

    def __cinit__(self):
        self.width = self.height = 1
        self.at.place.width = self.at.place.height = 1
        self.reset()

    cdef void reset(self) noexcept nogil:
        self.zoom = 1
        self.x = self.y = 0.5
        self._settle()

    cdef void lay(self, int width, int height) noexcept nogil:
        self.width, self.height = max(1, width), max(1, height)
        self._settle()

    cdef void zoom_at(self, double factor, double x, double y) noexcept nogil:
        # From the middle of the area, where both scales agree.
        cdef double right = x - self.at.place.x - self.at.place.width / 2.0
        cdef double below = y - self.at.place.y - self.at.place.height / 2.0
        cdef double before = self.scale
        self.zoom *= factor
        self._settle()
        self.x += right * (1 / before - 1 / self.scale) / self.width
        self.y += below * (1 / before - 1 / self.scale) / self.height
        self._settle()

    cdef void pan(self, double dx, double dy) noexcept nogil:
        self.x -= dx / self.scale / self.width
        self.y -= dy / self.scale / self.height
        self._settle()

    cdef bint pixel_at(self, double x, double y, int *column, int *row) noexcept nogil:
        return (0 <= x - self.at.place.x < self.at.place.width and 0 <= y - self.at.place.y < self.at.place.height
                and pixel_of(&self.at.across, x, column) and pixel_of(&self.at.down, y, row))

    cdef void _settle(self) noexcept nogil:
        cdef double fit = min(self.at.place.width / <double>self.width, self.at.place.height / <double>self.height)
        # A small picture may be made smaller, down to its own size.
        self.zoom = max(min(1.0, 1 / fit), min(self.zoom, max(1.0, MOST_SCALE / fit)))
        self.scale = fit * self.zoom
        self.at.sharp = self.scale >= SHARP_SCALE or self.scale == 1
        self.x = settle_axis(&self.at.across, self.x, self.scale, self.width, self.at.place.x, self.at.place.width)
        self.y = settle_axis(&self.at.down, self.y, self.scale, self.height, self.at.place.y, self.at.place.height)

    # ---- for tests, which have no other way to see the arithmetic ----

    def _lay(self, width, height, x, y, wide, high):
        cdef area place
        place.x, place.y, place.width, place.height = x, y, wide, high
        self.at.place = place
        self.lay(width, height)

    def _do(self, what, *numbers):
        cdef double[3] n = (*numbers, 0, 0, 0)[:3]
        if what == "zoom_at":
            self.zoom_at(n[0], n[1], n[2])
        elif what == "pan":
            self.pan(n[0], n[1])
        else:
            self.reset()

    def _pixel(self, x, y):
        cdef int column = 0
        cdef int row = 0
        return (column, row) if self.pixel_at(x, y, &column, &row) else None

    def _spans(self):
        return self.at.across, self.at.down


# Returns the middle that the axis has in the end: one that shows no more emptiness than it must.
cdef double settle_axis(span *s, double middle, double scale, int length, int place, int room) noexcept nogil:
    cdef double seen = room / scale
    cdef double first
    if seen >= length:
        s.first, s.end = 0, length
        s.stop = max(1, <int>(length * scale + 0.5))  # for now its length
        s.begin = place + (room - s.stop) // 2
        s.stop += s.begin
        return 0.5
    first = max(0.0, min(middle * length - seen / 2, length - seen))
    # Whole pixels, which stick out of the area: a blit takes no parts of one.
    s.first = <int>floor(first)
    s.end = min(length, <int>ceil(first + seen))
    s.begin = place + <int>floor((s.first - first) * scale + 0.5)
    s.stop = place + <int>floor((s.end - first) * scale + 0.5)
    return (first + seen / 2) / length


cdef bint pixel_of(const span *s, double at, int *pixel) noexcept nogil:
    if not s.begin <= at < s.stop:
        return 0
    # The pixel whose colour a blit takes: that of the middle of the screen's pixel.
    at = floor(at) + 0.5 - s.begin
    pixel[0] = s.first + min(s.end - s.first - 1, <int>(at * (s.end - s.first) / (s.stop - s.begin)))
    return 1
