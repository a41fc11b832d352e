"""TexelReader: the bytes of a texture as a shader sees them."""

from libc.stdint cimport uint8_t

from camkit.gl_core._enums cimport (
    GL_COLOR_ATTACHMENT0,
    GL_FRAMEBUFFER,
    GL_FRAMEBUFFER_COMPLETE,
    GL_NEAREST,
    GL_PACK_ALIGNMENT,
    GL_TEXTURE0,
    GL_TEXTURE_2D,
    GL_TEXTURE_MAG_FILTER,
    GL_TEXTURE_MIN_FILTER,
    GL_TRIANGLES,
)
from camkit.gl_core._types cimport GLint

from camkit.errors import GLError
from camkit.gl_core.shader import build_program


cdef class TexelReader:
    """Draw a texture texel by texel and read that.

    glGetTexImage may be answered from a mapping of the CPU's: then it proves nothing about what the GPU reads. Every
    method belongs to the thread where the context is current. Owns its OpenGL objects; leaves bound what it needed.

    Parameters
    ----------
    functions : Functions
        Of the context.
    """

    def __init__(self, Functions functions not None):
        self.functions = functions
        self.gl = &functions.f

    def delete(self):
        """Delete all OpenGL objects. Twice is harmless."""
        if self.program:
            self.gl.DeleteProgram(self.program)
            self.gl.DeleteVertexArrays(1, &self.vertex_array)
            self.gl.DeleteFramebuffers(1, &self.framebuffer)
        self.program = self.vertex_array = self.framebuffer = 0

    cdef int read(self, GLuint texture, GLenum internal, GLenum format, GLenum type, int columns, int rows,
                  uint8_t *to) except -1:
        cdef GLuint target = 0
        cdef GLenum complete
        if not self.program:
            self._make()
        self.gl.ActiveTexture(GL_TEXTURE0)
        self.gl.GenTextures(1, &target)
        with nogil:
            self.gl.BindTexture(GL_TEXTURE_2D, target)
            self.gl.TexImage2D(GL_TEXTURE_2D, 0, <GLint>internal, columns, rows, 0, format, type, NULL)
            self.gl.TexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MIN_FILTER, GL_NEAREST)
            self.gl.TexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MAG_FILTER, GL_NEAREST)
            self.gl.BindFramebuffer(GL_FRAMEBUFFER, self.framebuffer)
            self.gl.FramebufferTexture2D(GL_FRAMEBUFFER, GL_COLOR_ATTACHMENT0, GL_TEXTURE_2D, target, 0)
            complete = self.gl.CheckFramebufferStatus(GL_FRAMEBUFFER)
            if complete == GL_FRAMEBUFFER_COMPLETE:
                self.gl.Viewport(0, 0, columns, rows)
                self.gl.UseProgram(self.program)
                self.gl.BindVertexArray(self.vertex_array)
                self.gl.BindTexture(GL_TEXTURE_2D, texture)
                self.gl.DrawArrays(GL_TRIANGLES, 0, 3)
                self.gl.PixelStorei(GL_PACK_ALIGNMENT, 1)
                self.gl.ReadPixels(0, 0, columns, rows, format, type, to)
            self.gl.FramebufferTexture2D(GL_FRAMEBUFFER, GL_COLOR_ATTACHMENT0, GL_TEXTURE_2D, 0, 0)
            self.gl.DeleteTextures(1, &target)
        if complete != GL_FRAMEBUFFER_COMPLETE:
            raise GLError(f"cannot read {columns}x{rows} texels back: glCheckFramebufferStatus said {complete:#x} on "
                          f"{self.functions.renderer!r}")
        self.functions.check(f"read {columns}x{rows} texels back")
        return 0

    cdef int _make(self) except -1:
        self.program = build_program(self.functions, "texels", "")
        self.gl.UseProgram(self.program)
        self.gl.Uniform1i(self.gl.GetUniformLocation(self.program, b"plane0"), 0)
        self.gl.GenVertexArrays(1, &self.vertex_array)
        self.gl.GenFramebuffers(1, &self.framebuffer)
        return 0
