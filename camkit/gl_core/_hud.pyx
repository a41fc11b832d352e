"""Hud: letters and boxes over a picture, all of them by one call of OpenGL."""

from libc.stdint cimport int16_t, uint32_t

from camkit.gl_core._enums cimport (
    GL_ARRAY_BUFFER,
    GL_BLEND,
    GL_ONE,
    GL_ONE_MINUS_SRC_ALPHA,
    GL_SHORT,
    GL_SRC_ALPHA,
    GL_STREAM_DRAW,
    GL_TRIANGLE_STRIP,
    GL_UNSIGNED_BYTE,
    GL_UNSIGNED_INT,
    GL_ZERO,
)

from camkit.gl_core.font import packed
from camkit.gl_core.shader import build_program

cdef uint32_t[2] FULL = [0x3FFFFFFF, 0x3FFFFFFF]


cdef class Hud:
    """Cells that are gathered and drawn together. Belongs to the thread where the context is current.

    Nothing is allocated between `open` and `close`: what there is no room for is left out and counted.

    Attributes
    ----------
    lost : int
        Cells that were left out of the last drawing.
    """

    def __cinit__(self):
        cdef int i
        for i in range(128):
            self.letters[i] = packed(chr(i))

    cdef int open(self, Functions functions) except -1:
        self.functions = functions
        self.gl = &functions.f
        self.program = build_program(functions, "hud", "", vertex="hud.vert")
        self.size_location = self.gl.GetUniformLocation(self.program, b"size")
        self.gl.GenVertexArrays(1, &self.vertex_array)
        self.gl.GenBuffers(1, &self.buffer)
        self.gl.BindVertexArray(self.vertex_array)
        self.gl.BindBuffer(GL_ARRAY_BUFFER, self.buffer)
        self.gl.VertexAttribIPointer(0, 4, GL_SHORT, sizeof(hud_cell), <void *>0)
        self.gl.VertexAttribIPointer(1, 2, GL_UNSIGNED_INT, sizeof(hud_cell), <void *>8)
        self.gl.VertexAttribPointer(2, 4, GL_UNSIGNED_BYTE, True, sizeof(hud_cell), <void *>16)
        cdef GLuint i
        for i in range(3):
            self.gl.EnableVertexAttribArray(i)
            self.gl.VertexAttribDivisor(i, 1)
        functions.check("set the overlay up")
        return 0

    cdef int close(self) except -1:
        if self.gl != NULL:
            self.gl.DeleteProgram(self.program)
            self.gl.DeleteVertexArrays(1, &self.vertex_array)
            self.gl.DeleteBuffers(1, &self.buffer)
        self.program = self.vertex_array = self.buffer = 0
        self.gl = NULL
        return 0

    cdef void begin(self) noexcept nogil:
        self.count = self.lost = 0

    cdef void box(self, int x, int y, int width, int height, uint32_t colour) noexcept nogil:
        self._add(x, y, width, height, FULL, colour)

    cdef void text(self, int x, int y, int scale, const char *line, int length, uint32_t colour) noexcept nogil:
        cdef int i
        for i in range(length):
            if line[i] != 32:
                self._add(x + i * LETTER_WIDTH * scale, y, LETTER_WIDTH * scale, LETTER_HEIGHT * scale,
                          self.letters[<unsigned char>line[i] & 127], colour)

    cdef void draw(self, int width, int height) noexcept nogil:
        if self.count == 0:
            return
        self.gl.UseProgram(self.program)
        self.gl.Uniform2f(self.size_location, width, height)
        self.gl.BindVertexArray(self.vertex_array)
        self.gl.BindBuffer(GL_ARRAY_BUFFER, self.buffer)
        # New storage each time, so that the driver need not wait for the last drawing.
        self.gl.BufferData(GL_ARRAY_BUFFER, self.count * sizeof(hud_cell), self.cells, GL_STREAM_DRAW)
        self.gl.Enable(GL_BLEND)
        self.gl.BlendFunc(GL_SRC_ALPHA, GL_ONE_MINUS_SRC_ALPHA)
        self.gl.DrawArraysInstanced(GL_TRIANGLE_STRIP, 0, 4, self.count)
        self.gl.BlendFunc(GL_ONE, GL_ZERO)
        self.gl.Disable(GL_BLEND)

    cdef void _add(self, int x, int y, int width, int height, const uint32_t *dots, uint32_t colour) noexcept nogil:
        cdef hud_cell *cell = &self.cells[self.count]
        if self.count == HUD_CELLS:
            self.lost += 1
            return
        cell.x, cell.y, cell.width, cell.height = <int16_t>x, <int16_t>y, <int16_t>width, <int16_t>height
        cell.upper, cell.lower, cell.colour = dots[0], dots[1], colour
        self.count += 1
