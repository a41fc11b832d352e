"""Renderer: a frame's bytes into an R'G'B' picture in the GPU's memory."""

from libc.stdint cimport uint32_t, uintptr_t
from libc.string cimport memcmp, memcpy, memset

from camkit.gl_core._enums cimport (
    GL_COLOR_BUFFER_BIT,
    GL_DRAW_FRAMEBUFFER,
    GL_FRAMEBUFFER,
    GL_LINEAR,
    GL_NEAREST,
    GL_READ_FRAMEBUFFER,
    GL_RGBA,
    GL_SCISSOR_TEST,
    GL_TRIANGLES,
    GL_UNSIGNED_BYTE,
)
from camkit.gl_core._gl cimport GLfloat, GLint
from camkit.gl_core._target cimport drop_target, make_target
from camkit.gl_core._view cimport area, placement
from camkit.memory_manager._abi cimport camkit_frame
from camkit.memory_manager._format cimport PixelFormat, PixelFormat_of

import numpy

from camkit.errors import FormatNotSupported
from camkit.gl_core.colour import conversion
from camkit.gl_core.shader import build_program
from camkit.memory_manager._format import FORMATS


cdef class Renderer:
    """Draw frames of any format and size into one picture, row 0 its top row.

    Everything is made anew when a frame of another format or size comes. Every method belongs to the thread where the
    context is current. Owns its OpenGL objects; `delete` gives them up.

    Parameters
    ----------
    functions : Functions
        Of the context.
    transfer : str
        As for `Ladder`.
    size : (int, int), optional
        Of the picture. Default: each frame's own.
    """

    def __init__(self, Functions functions not None, str transfer, size=None):
        self.functions = functions
        self.gl = &functions.f
        self.wish = transfer
        self.fixed_size = size
        self.changes = []
        # The core profile draws nothing without one, even if there is no vertex to fetch.
        self.gl.GenVertexArrays(1, &self.vertex_array)
        self.gl.BindVertexArray(self.vertex_array)
        try:
            functions.check("set OpenGL up")
            if size is not None:
                make_target(functions, &self.scaled, size[0], size[1], f"draw a picture of {size[0]}x{size[1]}")
        except BaseException:
            self.delete()
            raise

    def delete(self):
        """Delete all OpenGL objects. Twice is harmless."""
        self._drop_picture()
        drop_target(self.functions, &self.scaled)
        if self.vertex_array:
            self.gl.DeleteVertexArrays(1, &self.vertex_array)
            self.vertex_array = 0

    def read(self):
        """Read the picture.

        Returns
        -------
        numpy.ndarray
            (H, W, 3) uint8, top row first; None when there is none, for the last frame could not be drawn.
        """
        cdef target *t = &self.scaled if self.fixed_size is not None else &self.picture
        if not self.picture.framebuffer:
            return None
        pixels = numpy.empty((t.height, t.width, 4), numpy.uint8)
        cdef uintptr_t address = pixels.ctypes.data
        with nogil:
            self.gl.BindFramebuffer(GL_READ_FRAMEBUFFER, t.framebuffer)
            self.gl.ReadPixels(0, 0, t.width, t.height, GL_RGBA, GL_UNSIGNED_BYTE, <void *>address)
        self.functions.check("copy a picture out of the GPU's memory")
        return numpy.ascontiguousarray(pixels[:, :, :3])

    @property
    def transfer(self):
        """dict: `path` of the pixels, `refused` with the reason for every other; None before the first frame."""
        if self.ladder is None:
            return None
        return {"path": self.ladder.transfer, "refused": dict(self.ladder.refused)}

    def explain(self):
        """Tell in words what is drawn, and how its pixels get there."""
        if self.ladder is None:
            return "nothing was drawn yet"
        return f"{self.ladder.explain()}\ncolour: {self.conversion}"

    def warm_up(self):
        """Draw once what the textures hold now: many drivers compile a shader only when it is first used."""
        cdef camkit_colour unspecified
        memset(&unspecified, 0, sizeof(unspecified))
        self._set_colour(unspecified)
        with nogil:
            self._draw_picture()
            self.gl.Finish()
        self.functions.check("draw a first picture")

    cdef Py_ssize_t draw(self, camkit_frame *f) except -1 nogil:
        cdef uint32_t i
        if f.format != self.format or f.width != self.width or f.height != self.height or not self.program:
            with gil:
                self.configure(f.format, f.width, f.height, [f.planes[i].stride for i in range(f.plane_count)])
        if memcmp(&f.colour, &self.colour, sizeof(f.colour)):
            with gil:
                self._set_colour(f.colour)
        self.ladder.upload(f)
        self._follow_folds()
        self._draw_picture()
        return self.ladder.copied

    cdef bint holds(self) noexcept nogil:
        return self.ladder.holds

    cdef void _draw_picture(self) noexcept nogil:
        cdef uint32_t i
        # A painter may have left its own.
        self.gl.UseProgram(self.program)
        self.gl.BindVertexArray(self.vertex_array)
        self.gl.BindFramebuffer(GL_FRAMEBUFFER, self.picture.framebuffer)
        self.gl.Viewport(0, 0, self.picture.width, self.picture.height)
        self.ladder.bind()
        self.gl.DrawArrays(GL_TRIANGLES, 0, 3)
        self.shown.picture = self.picture.texture
        # What lies in the frame's own memory is somebody else's picture as soon as the frame goes back, and folded rows
        # are none that others know.
        self.shown.texture_count = 0
        if not self.folded and (self.live or not self.ladder.holds):
            self.shown.texture_count = self.ladder.layout.plane_count
        for i in range(self.ladder.layout.plane_count):
            self.shown.textures[i] = self.ladder.texture(i)
        self._show_in(self.picture.framebuffer, self.picture.width, self.picture.height, False)
        if self.scaled.framebuffer:
            self.fit(self.scaled.framebuffer, self.scaled.width, self.scaled.height, False)

    cdef void fit(self, GLuint framebuffer, int width, int height, bint upward) noexcept nogil:
        cdef painting *p = &self.shown
        self._show_in(framebuffer, width, height, upward)
        self.gl.BindFramebuffer(GL_DRAW_FRAMEBUFFER, framebuffer)
        self.gl.BindFramebuffer(GL_READ_FRAMEBUFFER, self.picture.framebuffer)
        if p.picture_width != width or p.picture_height != height:
            self.gl.ClearColor(0, 0, 0, 1)
            self.gl.Clear(GL_COLOR_BUFFER_BIT)
        self.gl.BlitFramebuffer(0, 0, self.picture.width, self.picture.height, p.x,
                                p.y + p.picture_height if upward else p.y, p.x + p.picture_width,
                                p.y if upward else p.y + p.picture_height, GL_COLOR_BUFFER_BIT, GL_LINEAR)

    cdef void show(self, int width, int height, const placement *at) noexcept nogil:
        cdef painting *p = &self.shown
        cdef const area *place = &at.place
        cdef int y = height - place.y - place.height  # a window counts its rows from below
        self._show_in(0, width, height, True)
        p.x, p.picture_width = at.across.begin, at.across.stop - at.across.begin
        p.y, p.picture_height = height - at.down.stop, at.down.stop - at.down.begin
        self.gl.BindFramebuffer(GL_DRAW_FRAMEBUFFER, 0)
        self.gl.BindFramebuffer(GL_READ_FRAMEBUFFER, self.picture.framebuffer)
        self.gl.Scissor(place.x, y, place.width, place.height)
        self.gl.Enable(GL_SCISSOR_TEST)
        if p.x > place.x or p.picture_width < place.width or p.y > y or p.picture_height < place.height:
            self.gl.ClearColor(0, 0, 0, 1)
            self.gl.Clear(GL_COLOR_BUFFER_BIT)
        self.gl.BlitFramebuffer(at.across.first, at.down.first, at.across.end, at.down.end, p.x,
                                p.y + p.picture_height, p.x + p.picture_width, p.y, GL_COLOR_BUFFER_BIT,
                                GL_NEAREST if at.sharp else GL_LINEAR)
        self.gl.Disable(GL_SCISSOR_TEST)

    cdef void _show_in(self, GLuint framebuffer, int width, int height, bint upward) noexcept nogil:
        cdef double scale = min(width / <double>self.picture.width, height / <double>self.picture.height)
        cdef painting *p = &self.shown
        p.framebuffer, p.width, p.height, p.upward = framebuffer, width, height, upward
        p.picture_width = max(1, <int>(self.picture.width * scale + 0.5))
        p.picture_height = max(1, <int>(self.picture.height * scale + 0.5))
        p.x = (width - p.picture_width) // 2
        p.y = (height - p.picture_height) // 2

    cdef int configure(self, uint32_t format, uint32_t width, uint32_t height, strides) except -1:
        if format >= <uint32_t>len(FORMATS):
            raise FormatNotSupported(f"cannot draw frames of plain bytes ({width}x{height}): give them a pixel format")
        cdef PixelFormat row = PixelFormat_of(format)
        if self.ladder is not None:
            self.changes.append(f"the picture changed from {self.ladder.layout} to {row.name} {width}x{height}")
            self.changes = self.changes[max(0, len(self.changes) - 8):]
        self._drop_picture()
        self.functions.check("delete the old picture")
        try:
            self.ladder = Ladder(self.functions, row, width, height, strides, self.wish)
            self.format, self.width, self.height = format, width, height
            self._make_program(False)
            make_target(self.functions, &self.picture, width, height, f"draw a picture of {width}x{height}")
            memset(&self.colour, 0xFF, sizeof(self.colour))  # no frame has it: the first one sets its own
            self.functions.check(f"set the drawing of {row.name} up")
        except BaseException:
            self._drop_picture()
            raise
        return 0

    cdef int _make_program(self, bint folded) except -1:
        cdef PixelFormat row = PixelFormat_of(self.format)
        cdef int i
        fresh = build_program(self.functions, row.shader, row.order, folded=folded)
        if self.program:
            self.gl.DeleteProgram(self.program)
        self.program, self.folded = fresh, folded
        memset(self.folds, 0, sizeof(self.folds))
        self.gl.UseProgram(self.program)
        for i in range(len(row.planes)):
            for name, unit in ((f"plane{i}", i), (f"rest{i}", 4 + i)):
                self.gl.Uniform1i(self.gl.GetUniformLocation(self.program, name.encode()), unit)
            self.fold_places[i] = self.gl.GetUniformLocation(self.program, f"fold{i}".encode())
        return 0

    cdef int _follow_folds(self) except -1 nogil:
        cdef GLint now[16]
        cdef uint32_t i
        cdef bint folded = False
        memset(now, 0, sizeof(now))
        for i in range(self.ladder.layout.plane_count):
            folded |= self.ladder.folding(i, &now[4 * i])
        if not folded and not self.folded:
            return 0
        if not self.folded:
            with gil:
                self._make_program(True)
                self._set_colour(self.colour)
        if memcmp(now, self.folds, sizeof(now)):
            self.gl.UseProgram(self.program)
            for i in range(self.ladder.layout.plane_count):
                self.gl.Uniform4iv(self.fold_places[i], 1, &now[4 * i])
            memcpy(self.folds, now, sizeof(now))
        return 0

    cdef int _set_colour(self, camkit_colour colour) except -1:
        cdef PixelFormat row = PixelFormat_of(self.format)
        cdef GLfloat matrix[9]
        cdef GLfloat zero[3]
        cdef int i
        self.gl.UseProgram(self.program)
        found = conversion(row.model, colour.primaries, colour.transfer, colour.matrix, colour.range, 8 * row.itemsize)
        for i in range(9):
            matrix[i] = found.matrix[i]
        for i in range(3):
            # One addition in the place of a subtraction before the matrix, for every pixel.
            zero[i] = -sum(found.matrix[3 * i + k] * found.offset[k] for k in range(3))
        self.gl.UniformMatrix3fv(self.gl.GetUniformLocation(self.program, b"to_rgb"), 1, True, matrix)
        self.gl.Uniform3fv(self.gl.GetUniformLocation(self.program, b"zero"), 1, zero)
        self.functions.check("set the conversion of colours")
        self.colour = colour
        self.conversion = found.name
        return 0

    cdef int _drop_picture(self) except -1:
        if self.ladder is not None:
            self.ladder.delete()
            self.ladder = None
        if self.program:
            self.gl.UseProgram(0)
            self.gl.DeleteProgram(self.program)
            self.program = 0
        drop_target(self.functions, &self.picture)
        return 0
