"""Overlay: the numbers, the graph, the inspector and the help that are drawn over a window's pictures."""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdio cimport snprintf

from camkit.gl_core._flights cimport LOGGED, latency_log
from camkit.gl_core._gl cimport Functions
from camkit.gl_core._hud cimport LETTER_HEIGHT, LETTER_WIDTH, Hud
from camkit.gl_core._inspect cimport codes_at, pixel_codes
from camkit.gl_core._painter cimport painting
from camkit.gl_core._panel cimport caption
from camkit.gl_core._view cimport area, span
from camkit.memory_manager._abi cimport camkit_format_row

# 0xAABBGGRR
cdef uint32_t PAPER = 0xA0000000
cdef uint32_t INK = 0xFFFFFFFF
cdef uint32_t ALERT = 0xFF30C0FF
cdef uint32_t BAR = 0xFF60E060

cdef int MARGIN = 4  # dots, as all that follows; a dot has scale x scale pixels
cdef int GRAPH_HEIGHT = 30
cdef int GRAPH_ROOM = 120  # a panel less high has no graph
cdef int LARGE_PANEL = 720  # in one as wide as this letters are twice as large
cdef double MARKED_SCALE = 8  # screen pixels of a pixel that is worth a frame around it


cdef class Overlay(Painter):
    """Draw a board's numbers into the window, by one call of OpenGL, without the GIL and without allocating.

    Parameters
    ----------
    board : Board
    help : str
        The lines that `h` shows.
    """

    def __init__(self, Board board not None, str help not None):
        self.board = board
        self.hud = Hud()
        self.help = help.encode("ascii", "replace")
        self.help_text, self.help_length = self.help, len(self.help)

    cdef int open(self, Functions functions) except -1:
        return self.hud.open(functions)

    cdef int close(self) except -1:
        return self.hud.close()

    cdef int paint(self, painting *p) except -1 nogil:
        cdef int scale = self.scale()
        cdef int i
        self.hud.begin()
        for i in range(self.board.count):
            if self.board.shown(i):
                paint_panel(self, <Panel>self.board.pointers[i], i, scale)
        if self.board.help:
            self.paint_help(scale)
        self.hud.draw(p.width, p.height)
        return 0

    cdef int scale(self) noexcept nogil:
        cdef int percent = self.board.percent.load()
        cdef int i, least = self.board.width
        for i in range(self.board.count):
            if self.board.shown(i):
                least = min(least, width_of(<Panel>self.board.pointers[i]))
        return max(1, (percent * (2 if least * 100 >= LARGE_PANEL * percent else 1) + 50) // 100)

    cdef int lines(self, int x, int y, int scale, int width, const char *text, int length) noexcept nogil:
        cdef int begin = 0
        cdef int end, fits = max(0, width // (LETTER_WIDTH * scale))
        cdef uint32_t colour
        while begin < length:
            end = begin
            while end < length and text[end] != c"\n":
                end += 1
            colour = INK
            if text[begin] == 1:
                begin += 1
                colour = ALERT
            if end > begin:
                self.hud.box(x - scale, y, min(end - begin, fits) * LETTER_WIDTH * scale + scale, LETTER_HEIGHT * scale,
                             PAPER)
                self.hud.text(x, y, scale, text + begin, min(end - begin, fits), colour)
            y += LETTER_HEIGHT * scale
            begin = end + 1
        return y

    cdef void paint_help(self, int scale) noexcept nogil:
        cdef int i, rows = 1, longest = 0, begin = 0
        for i in range(self.help_length + 1):
            if i == self.help_length or self.help_text[i] == c"\n":
                longest = max(longest, i - begin)
                begin = i + 1
                rows += i < self.help_length
        cdef int wide = longest * LETTER_WIDTH * scale
        cdef int high = rows * LETTER_HEIGHT * scale
        cdef int x = max(MARGIN, (self.board.width - wide) // 2)
        cdef int y = max(MARGIN, (self.board.height - high) // 2)
        self.hud.box(x - MARGIN * scale, y - MARGIN * scale, wide + 2 * MARGIN * scale, high + 2 * MARGIN * scale,
                     0xFF000000)  # any less would be darker behind the letters, which have paper of their own
        self.lines(x, y, scale, self.board.width - x, self.help_text, self.help_length)


# A panel in a variable would be counted, for which the GIL is needed; an argument is somebody else's.
cdef int width_of(Panel p) noexcept nogil:
    return p.view.at.place.width


cdef void paint_panel(Overlay o, Panel p, int number, int scale) noexcept nogil:
    cdef area place = p.view.at.place
    cdef int x = place.x + MARGIN * scale
    cdef int y = place.y + MARGIN * scale
    cdef int width = place.width - 2 * MARGIN * scale
    cdef char text[160]
    cdef int n
    cdef const caption *told = p.told()
    if told != NULL and (o.board.overlay or told.length > 0 and told.text[0] == 1):
        y = o.lines(x, y, scale, width, told.text, told.length)
    if o.board.overlay and p.seen:
        n = snprintf(text, sizeof(text), "%s %ux%u #%llu", camkit_format_row(p.format).name, p.width, p.height,
                     <unsigned long long>p.sequence)
        y = o.lines(x, y, scale, width, text, n)
        y = paint_latency(o, p, x, y, scale, place.height)
    if p.frozen:
        n = snprintf(text, sizeof(text), "\1FROZEN, %llu frames since", <unsigned long long>p.passed)
        o.lines(x, y, scale, width, text, n)
    if o.board.inspector and o.board.inside and o.board.panel_at(o.board.x, o.board.y) == number:
        paint_inspector(o, p, scale)


cdef int paint_latency(Overlay o, Panel p, int x, int y, int scale, int height) noexcept nogil:
    cdef latency_log *log = &p.log
    cdef uint64_t i, first = log.count - min(log.count, <uint64_t>LOGGED)
    cdef int64_t most = 1
    cdef int64_t top = 1_000_000
    cdef int64_t value
    cdef int tall, room = GRAPH_HEIGHT * scale
    cdef char text[80]
    cdef int n
    if not log.count:
        return y
    for i in range(first, log.count):
        most = max(most, log.values[i % LOGGED])
    while top < most:  # 1, 2, 5, 10, 20, 50, ... ms
        value = top
        while value >= 10:
            value //= 10
        top = top * 5 // 2 if value == 2 else top * 2
    value = log.values[(log.count - 1) % LOGGED]
    n = snprintf(text, sizeof(text), "latency %.1f ms, graph to %lld ms", value / 1e6, <long long>(top // 1_000_000))
    y = o.lines(x, y, scale, p.view.at.place.width - 2 * MARGIN * scale, text, n)
    if height < GRAPH_ROOM * scale or p.view.at.place.width < (LOGGED + 2 * MARGIN) * scale:
        return y
    o.hud.box(x - scale, y, (LOGGED + 1) * scale, room, PAPER)
    for i in range(first, log.count):
        tall = max(1, <int>(max(<int64_t>0, log.values[i % LOGGED]) * room // top))
        # The newest is the one on the right.
        o.hud.box(x + <int>(LOGGED - (log.count - i)) * scale, y + room - tall, scale, tall, BAR)
    return y + room


cdef void paint_inspector(Overlay o, Panel p, int scale) noexcept nogil:
    cdef area place = p.view.at.place
    cdef pixel_codes found
    cdef int column = 0
    cdef int row = 0
    cdef int i, n
    cdef char text[120]
    if not p.view.pixel_at(o.board.x, o.board.y, &column, &row):
        return
    n = snprintf(text, sizeof(text), "%d,%d ", column, row)
    if p.frame() != NULL and codes_at(p.frame(), column, row, &found):
        for i in range(found.count):
            n += snprintf(text + n, sizeof(text) - n, " %c %u", found.names[i], found.values[i])
    else:
        n += snprintf(text + n, sizeof(text) - n, " its memory was given back")
    o.lines(place.x + MARGIN * scale, place.y + place.height - (LETTER_HEIGHT + MARGIN) * scale, scale,
            place.width - 2 * MARGIN * scale, text, n)
    if p.view.scale >= MARKED_SCALE:
        mark(o, &p.view.at.across, &p.view.at.down, column, row)


cdef void mark(Overlay o, const span *across, const span *down, int column, int row) noexcept nogil:
    # A frame just inside the pixel, dark beside light, so that it is seen on any colour.
    cdef int left = edge(across, column)
    cdef int top = edge(down, row)
    cdef int wide = edge(across, column + 1) - left
    cdef int high = edge(down, row + 1) - top
    cdef int i
    for i in range(2):
        o.hud.box(left + i, top + i, wide - 2 * i, 1, 0xFF000000 if i else INK)
        o.hud.box(left + i, top + high - 1 - i, wide - 2 * i, 1, 0xFF000000 if i else INK)
        o.hud.box(left + i, top + i, 1, high - 2 * i, 0xFF000000 if i else INK)
        o.hud.box(left + wide - 1 - i, top + i, 1, high - 2 * i, 0xFF000000 if i else INK)


cdef int edge(const span *s, int pixel) noexcept nogil:
    # The first screen pixel whose middle lies in the picture's pixel.
    cdef double at = (pixel - s.first) * (s.stop - s.begin) / <double>(s.end - s.first)
    return s.begin + <int>(at + 0.5)
