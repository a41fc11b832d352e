"""DmabufImages: pieces of dma-bufs as textures, by EGL."""

from libc.stdint cimport uint32_t, uint64_t

from camkit.gl_core._enums cimport (
    EGL_DMA_BUF_PLANE0_FD_EXT,
    EGL_DMA_BUF_PLANE0_MODIFIER_HI_EXT,
    EGL_DMA_BUF_PLANE0_MODIFIER_LO_EXT,
    EGL_DMA_BUF_PLANE0_OFFSET_EXT,
    EGL_DMA_BUF_PLANE0_PITCH_EXT,
    EGL_HEIGHT,
    EGL_LINUX_DMA_BUF_EXT,
    EGL_LINUX_DRM_FOURCC_EXT,
    EGL_NONE,
    EGL_WIDTH,
    GL_CLAMP_TO_EDGE,
    GL_INVALID_OPERATION,
    GL_NEAREST,
    GL_NO_ERROR,
    GL_TEXTURE0,
    GL_TEXTURE_2D,
    GL_TEXTURE_MAG_FILTER,
    GL_TEXTURE_MIN_FILTER,
    GL_TEXTURE_WRAP_S,
    GL_TEXTURE_WRAP_T,
)
from camkit.gl_core._types cimport EGLBoolean, EGLint, GLenum

from camkit.errors import GLError

cdef uint64_t LINEAR = 0  # DRM_FORMAT_MOD_LINEAR
cdef enum:
    MOST_MODIFIERS = 64

EGL_ERRORS = {
    0x3001: "EGL_NOT_INITIALIZED", 0x3002: "EGL_BAD_ACCESS", 0x3003: "EGL_BAD_ALLOC", 0x3004: "EGL_BAD_ATTRIBUTE",
    0x3005: "EGL_BAD_CONFIG", 0x3006: "EGL_BAD_CONTEXT", 0x3008: "EGL_BAD_DISPLAY", 0x3009: "EGL_BAD_MATCH",
    0x300C: "EGL_BAD_PARAMETER", 0x300E: "EGL_CONTEXT_LOST",
}


def no_import(functions):
    """Tell why the context that is current cannot make textures of dma-bufs, or nothing.

    Parameters
    ----------
    functions : Functions
        Of that context.
    """
    try:
        DmabufImages(functions)
    except GLError as error:
        return str(error)
    return ""


cdef class DmabufImages:
    """Make textures whose texels are the bytes of a dma-buf, with no copy between them.

    Every method belongs to the thread where the context is current. Owns nothing: each texture is its maker's.

    Parameters
    ----------
    functions : Functions
        Of the context, which is current.

    Attributes
    ----------
    binding : str
        The OpenGL call that this driver took for making a texture of an image; empty before the first.

    Raises
    ------
    GLError
        The context cannot do that; the message tells what it lacks.
    """

    def __init__(self, Functions functions not None):
        self.functions = functions
        self.gl = &functions.f
        if functions.egl is None:
            raise GLError("the OpenGL context is none of EGL's: a window of GLX cannot take a camera's memory")
        self.egl = functions.egl
        self.linear = {}
        self.binding = ""
        missing = {"EGL_KHR_image_base", "EGL_EXT_image_dma_buf_import"} - self.egl.extensions
        if missing:
            raise GLError(f"the driver has no {' and no '.join(sorted(missing))}")
        if self.gl.EGLImageTargetTexture2DOES == NULL and self.gl.EGLImageTargetTexStorageEXT == NULL:
            raise GLError("the driver has neither GL_OES_EGL_image nor GL_EXT_EGL_image_storage")

    cdef int make(self, const dmabuf_rows *r, dmabuf_texture *out) except -1:
        cdef GLenum error
        cdef bint linear
        out.name, out.image = 0, NULL
        self.functions.check("begin to import a dma-buf")
        # Every camera's memory is linear. A driver that has no words for that takes it for granted.
        ways = [self.linear[r.fourcc]] if r.fourcc in self.linear else [True, False]
        if not self._knows_linear(r.fourcc):
            ways = [False]
        for linear in ways:
            out.image = self._image(r, linear)
            if out.image != NULL:
                self.linear[r.fourcc] = linear
                break
        what = f"import {r.columns}x{r.rows} texels of {fourcc_text(r.fourcc)}, {r.pitch} bytes from row to row"
        if out.image == NULL:
            code = self.egl.f.GetError()
            raise GLError(f"cannot {what}: eglCreateImageKHR said {EGL_ERRORS.get(code, hex(code))}")
        try:
            error = GL_INVALID_OPERATION
            if self.gl.EGLImageTargetTexture2DOES != NULL and self.binding != "glEGLImageTargetTexStorageEXT":
                error = self._bind(out, False)
                if error == GL_NO_ERROR:
                    self.binding = "glEGLImageTargetTexture2DOES"
            if error == GL_INVALID_OPERATION and self.gl.EGLImageTargetTexStorageEXT != NULL:
                # NVIDIA's driver refuses the older call for memory that is not its own.
                error = self._bind(out, True)
                if error == GL_NO_ERROR:
                    self.binding = "glEGLImageTargetTexStorageEXT"
            if error != GL_NO_ERROR:
                self.functions.fail(f"{what}: make a texture of its image", error)
        except BaseException:
            self.drop(out)
            raise
        return 0

    cdef void drop(self, dmabuf_texture *t) noexcept nogil:
        if t.name:
            self.gl.DeleteTextures(1, &t.name)
        if t.image != NULL:
            self.egl.f.DestroyImageKHR(self.egl.display, t.image)
        t.name, t.image = 0, NULL

    cdef void *_image(self, const dmabuf_rows *r, bint linear) noexcept:
        cdef EGLint wish[17]
        wish[:] = [
            EGL_WIDTH, r.columns, EGL_HEIGHT, r.rows, EGL_LINUX_DRM_FOURCC_EXT, <EGLint>r.fourcc,
            EGL_DMA_BUF_PLANE0_FD_EXT, r.fd, EGL_DMA_BUF_PLANE0_OFFSET_EXT, <EGLint>r.offset,
            EGL_DMA_BUF_PLANE0_PITCH_EXT, <EGLint>r.pitch, EGL_NONE, 0, EGL_NONE, 0, EGL_NONE,
        ]
        if linear:
            wish[12], wish[13] = EGL_DMA_BUF_PLANE0_MODIFIER_LO_EXT, <EGLint>LINEAR
            wish[14], wish[15] = EGL_DMA_BUF_PLANE0_MODIFIER_HI_EXT, <EGLint>(LINEAR >> 32)
        return self.egl.f.CreateImageKHR(self.egl.display, NULL, EGL_LINUX_DMA_BUF_EXT, NULL, wish)

    cdef GLenum _bind(self, dmabuf_texture *t, bint storage) noexcept:
        # A name of its own for each try: the storage of a texture can be given once only.
        cdef GLenum error
        if t.name:
            self.gl.DeleteTextures(1, &t.name)
        self.gl.GenTextures(1, &t.name)
        self.gl.ActiveTexture(GL_TEXTURE0)
        self.gl.BindTexture(GL_TEXTURE_2D, t.name)
        if storage:
            self.gl.EGLImageTargetTexStorageEXT(GL_TEXTURE_2D, t.image, NULL)
        else:
            self.gl.EGLImageTargetTexture2DOES(GL_TEXTURE_2D, t.image)
        error = self.functions.ask()
        self.gl.TexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MIN_FILTER, GL_NEAREST)
        self.gl.TexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MAG_FILTER, GL_NEAREST)
        self.gl.TexParameteri(GL_TEXTURE_2D, GL_TEXTURE_WRAP_S, GL_CLAMP_TO_EDGE)
        self.gl.TexParameteri(GL_TEXTURE_2D, GL_TEXTURE_WRAP_T, GL_CLAMP_TO_EDGE)
        return error

    cdef bint _knows_linear(self, uint32_t fourcc):
        cdef uint64_t modifiers[MOST_MODIFIERS]
        cdef EGLBoolean external[MOST_MODIFIERS]
        cdef EGLint count = 0
        if self.egl.f.QueryDmaBufModifiersEXT == NULL:
            return False
        # What it says of external_only is not looked at: drivers leave it unset.
        if not self.egl.f.QueryDmaBufModifiersEXT(self.egl.display, <EGLint>fourcc, MOST_MODIFIERS, modifiers, external,
                                                  &count):
            self.egl.f.GetError()
            return False
        return any([modifiers[i] == LINEAR for i in range(min(count, MOST_MODIFIERS))])


cdef str fourcc_text(uint32_t fourcc):
    return "".join([chr(fourcc >> shift & 0xFF) for shift in (0, 8, 16, 24)]).rstrip()
