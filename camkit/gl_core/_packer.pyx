"""Packer: an R'G'B' picture in the GPU's memory into the bytes of a pixel format."""

from libc.string cimport memcmp

from camkit.gl_core._enums cimport (
    GL_FRAMEBUFFER,
    GL_TEXTURE0,
    GL_TEXTURE_2D,
    GL_TRIANGLES,
)
from camkit.gl_core._gl cimport GLfloat, GLuint
from camkit.gl_core._target cimport drop_target, make_target
from camkit.memory_manager._abi cimport CAMKIT_MATRIX_RGB, CAMKIT_RANGE_FULL, camkit_colour, camkit_frame

from camkit.gl_core.colour import WEIGHTS, matrix_of
from camkit.gl_core.shader import build_program

WHOLE = "RGBA32"  # the picture itself
FORMATS = ("RGB24", "BGR24", "GREY", WHOLE, "XRGB32")


cdef class Packer:
    """The last pass of a rendering that is read back. Every method belongs to the thread where the context is current.

    Owns its OpenGL objects; `delete` gives them up.

    Parameters
    ----------
    functions : Functions
        Of the context.
    format : PixelFormat
        One of `FORMATS`.
    width, height : int
        Of the picture.

    Attributes
    ----------
    columns, rows : int
        RGBA texels to read; a row has `4 * columns` bytes.

    Raises
    ------
    FormatNotSupported
        The GPU has no such large texture.
    """

    def __init__(self, Functions functions not None, format, int width, int height):
        self.functions = functions
        self.gl = &functions.f
        self.columns, self.rows = (format.row_bytes(width) + 3) // 4, height
        self.grey = format.name == "GREY"
        if format.name == WHOLE:
            return
        try:
            self.program = build_program(functions, "pack", format.order)
            self.gl.UseProgram(self.program)
            self.gl.Uniform1i(self.gl.GetUniformLocation(self.program, b"picture"), 0)
            self.weights_at = self.gl.GetUniformLocation(self.program, b"weights")
            make_target(functions, &self.packed, self.columns, self.rows, f"render into {format.name} {width}x{height}")
        except BaseException:
            self.delete()
            raise

    def delete(self):
        """Delete all OpenGL objects. Twice is harmless."""
        drop_target(self.functions, &self.packed)
        if self.program:
            self.gl.UseProgram(0)
            self.gl.DeleteProgram(self.program)
        self.program = 0

    cdef GLuint pack(self, GLuint texture, GLuint picture, const camkit_colour *colour) except? 0 nogil:
        if not self.program:
            return picture
        self.gl.UseProgram(self.program)
        if self.grey and (not self.weighed or memcmp(colour, &self.colour, sizeof(self.colour))):
            with gil:
                self._set_weights(colour[0])
        self.gl.ActiveTexture(GL_TEXTURE0)
        self.gl.BindTexture(GL_TEXTURE_2D, texture)
        self.gl.BindFramebuffer(GL_FRAMEBUFFER, self.packed.framebuffer)
        self.gl.Viewport(0, 0, self.columns, self.rows)
        self.gl.DrawArrays(GL_TRIANGLES, 0, 3)
        return self.packed.framebuffer

    cdef void describe(self, camkit_frame *f) noexcept nogil:
        f.colour.range = CAMKIT_RANGE_FULL
        if not self.grey:
            f.colour.matrix = CAMKIT_MATRIX_RGB

    cdef int _set_weights(self, camkit_colour colour) except -1:
        # The luma that a YUV frame came with, so that grey is what its camera sent.
        cdef GLfloat weights[3]
        kr, kb = WEIGHTS[matrix_of(colour.primaries, colour.transfer, colour.matrix)]
        weights[0], weights[1], weights[2] = kr, 1 - kr - kb, kb
        self.gl.Uniform3fv(self.weights_at, 1, weights)
        self.colour, self.weighed = colour, True
        return 0
