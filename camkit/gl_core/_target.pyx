"""A texture in the GPU's memory that is drawn into."""

from libc.string cimport memset

from camkit.gl_core._enums cimport (
    GL_COLOR_ATTACHMENT0,
    GL_FRAMEBUFFER,
    GL_FRAMEBUFFER_COMPLETE,
    GL_MAX_TEXTURE_SIZE,
    GL_RGBA,
    GL_RGBA8,
    GL_TEXTURE0,
    GL_TEXTURE_2D,
    GL_TEXTURE_MAX_LEVEL,
    GL_UNSIGNED_BYTE,
)
from camkit.gl_core._gl cimport GLenum, GLint, gl_functions

from camkit.errors import FormatNotSupported, GLError


cdef int make_target(Functions functions, target *t, int width, int height, str what) except -1:
    cdef gl_functions *gl = &functions.f
    cdef GLint largest = 0
    cdef GLenum answer
    gl.GetIntegerv(GL_MAX_TEXTURE_SIZE, &largest)
    if max(width, height) > largest:
        raise FormatNotSupported(f"cannot {what}: this GPU takes textures of {largest}x{largest}; use a smaller size")
    t.width, t.height = width, height
    gl.GenTextures(1, &t.texture)
    gl.ActiveTexture(GL_TEXTURE0)
    gl.BindTexture(GL_TEXTURE_2D, t.texture)
    if gl.TexStorage2D != NULL:
        gl.TexStorage2D(GL_TEXTURE_2D, 1, GL_RGBA8, width, height)
    else:
        gl.TexImage2D(GL_TEXTURE_2D, 0, GL_RGBA8, width, height, 0, GL_RGBA, GL_UNSIGNED_BYTE, NULL)
        gl.TexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MAX_LEVEL, 0)
    gl.GenFramebuffers(1, &t.framebuffer)
    gl.BindFramebuffer(GL_FRAMEBUFFER, t.framebuffer)
    gl.FramebufferTexture2D(GL_FRAMEBUFFER, GL_COLOR_ATTACHMENT0, GL_TEXTURE_2D, t.texture, 0)
    answer = gl.CheckFramebufferStatus(GL_FRAMEBUFFER)
    functions.check(what)
    if answer != GL_FRAMEBUFFER_COMPLETE:
        raise GLError(f"cannot {what}: glCheckFramebufferStatus said {answer:#x} on {functions.renderer!r}")
    return 0


cdef int drop_target(Functions functions, target *t) except -1:
    if t.framebuffer:
        functions.f.DeleteFramebuffers(1, &t.framebuffer)
    if t.texture:
        functions.f.DeleteTextures(1, &t.texture)
    memset(t, 0, sizeof(t[0]))
    return 0
