"""OwnTextures: textures that OpenGL is told to fill, the common part of all ways that import nothing."""

from libc.stdint cimport uint32_t, uintptr_t
from libc.string cimport memset

from camkit.gl_core._enums cimport (
    GL_CLAMP_TO_EDGE,
    GL_NEAREST,
    GL_TEXTURE0,
    GL_TEXTURE_2D,
    GL_TEXTURE_MAG_FILTER,
    GL_TEXTURE_MAX_LEVEL,
    GL_TEXTURE_MIN_FILTER,
    GL_TEXTURE_WRAP_S,
    GL_TEXTURE_WRAP_T,
    GL_UNPACK_ALIGNMENT,
    GL_UNPACK_ROW_LENGTH,
)
from camkit.gl_core._gl cimport GLint, GLsizei
from camkit.gl_core._layout cimport plane_layout


cdef class OwnTextures(Transfer):
    """Sets of immutable textures in rotation, one texture a plane: three, or one where the CPU draws."""

    def __init__(self, functions, layout, candidate, memory=None):
        super().__init__(functions, layout, candidate, memory)
        # There more of them buy nothing, and push out of the cache what is drawn next: a fifth of the frames a second.
        self.depth = 1 if "llvmpipe" in functions.renderer else SETS
        self.rounds = self.depth
        try:
            self._make_textures()
        except BaseException:
            self.delete()
            raise

    def delete(self):
        cdef uint32_t i
        for i in range(self.layout.plane_count):
            if self.sets[i][0]:
                self.gl.DeleteTextures(self.depth, self.sets[i])
        memset(self.sets, 0, sizeof(self.sets))
        memset(self.textures, 0, sizeof(self.textures))

    def _make_textures(self):
        cdef plane_layout *p
        cdef uint32_t i
        cdef int k
        self.gl.ActiveTexture(GL_TEXTURE0)
        for i in range(self.layout.plane_count):
            p = &self.layout.planes[i]
            self.gl.GenTextures(self.depth, self.sets[i])
            for k in range(self.depth):
                self.gl.BindTexture(GL_TEXTURE_2D, self.sets[i][k])
                if self.gl.TexStorage2D != NULL:
                    self.gl.TexStorage2D(GL_TEXTURE_2D, 1, p.internal, p.columns, p.rows)
                else:
                    self.gl.TexImage2D(GL_TEXTURE_2D, 0, <GLint>p.internal, p.columns, p.rows, 0, p.format, p.type,
                                       NULL)
                    self.gl.TexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MAX_LEVEL, 0)
                self.gl.TexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MIN_FILTER, GL_NEAREST)
                self.gl.TexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MAG_FILTER, GL_NEAREST)
                self.gl.TexParameteri(GL_TEXTURE_2D, GL_TEXTURE_WRAP_S, GL_CLAMP_TO_EDGE)
                self.gl.TexParameteri(GL_TEXTURE_2D, GL_TEXTURE_WRAP_T, GL_CLAMP_TO_EDGE)
        # Rows lie where the camera put them; the context is ours alone, and nobody sets it to anything else.
        self.gl.PixelStorei(GL_UNPACK_ALIGNMENT, 1)
        self.turn()
        self.functions.check(f"make textures for {self.layout}")

    cdef void turn(self) noexcept nogil:
        cdef uint32_t i
        self.current = (self.current + 1) % self.depth
        for i in range(self.layout.plane_count):
            self.textures[i] = self.sets[i][self.current]
        self.gl.ActiveTexture(GL_TEXTURE0)

    cdef void fill(self, uint32_t plane, uintptr_t data, uint32_t stride) noexcept nogil:
        cdef plane_layout *p = &self.layout.planes[plane]
        cdef GLsizei row
        self.gl.BindTexture(GL_TEXTURE_2D, self.textures[plane])
        if stride % p.texel_bytes == 0:
            self.gl.PixelStorei(GL_UNPACK_ROW_LENGTH, <GLint>(stride // p.texel_bytes))
            self.gl.TexSubImage2D(GL_TEXTURE_2D, 0, 0, 0, p.columns, p.rows, p.format, p.type, <const void *>data)
            return
        self.gl.PixelStorei(GL_UNPACK_ROW_LENGTH, 0)
        for row in range(p.rows):
            self.gl.TexSubImage2D(GL_TEXTURE_2D, 0, 0, row, p.columns, 1, p.format, p.type,
                                  <const void *>(data + <size_t>row * stride))
