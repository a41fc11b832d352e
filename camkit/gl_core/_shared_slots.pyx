"""SharedSlots: textures that the GPU draws into and that are dma-bufs too, for other devices and for the CPU."""

cimport cython
from libc.errno cimport errno
from libc.stdint cimport uint8_t, uint32_t, uint64_t, uintptr_t
from libc.string cimport strerror
from posix.mman cimport MAP_FAILED, MAP_SHARED, PROT_READ, PROT_WRITE, mmap, munmap
from posix.unistd cimport SEEK_END, close, lseek

from camkit.gl_core._enums cimport (
    EGL_DMA_BUF_PLANE0_FD_EXT,
    EGL_DMA_BUF_PLANE0_MODIFIER_HI_EXT,
    EGL_DMA_BUF_PLANE0_MODIFIER_LO_EXT,
    EGL_DMA_BUF_PLANE0_OFFSET_EXT,
    EGL_DMA_BUF_PLANE0_PITCH_EXT,
    EGL_GL_TEXTURE_2D_KHR,
    EGL_HEIGHT,
    EGL_LINUX_DMA_BUF_EXT,
    EGL_LINUX_DRM_FOURCC_EXT,
    EGL_NONE,
    EGL_WIDTH,
    GL_COLOR_ATTACHMENT0,
    GL_FRAMEBUFFER,
    GL_FRAMEBUFFER_COMPLETE,
    GL_RGBA8,
    GL_TEXTURE0,
    GL_TEXTURE_2D,
)
from camkit.gl_core._types cimport EGLint, GLenum

from camkit.errors import CamkitError, DmabufUnavailable
from camkit.gl_core import shared_memory

SHARED_WAYS = ("exported", "gbm", "imported")
cdef uint32_t AB24 = 0x34324241  # DRM's name of bytes in the order R, G, B, A
cdef uint64_t LINEAR = 0
cdef uint64_t INVALID = 0x00FFFFFFFFFFFFFF  # the driver does not tell


@cython.auto_pickle(False)
cdef class SharedSlot:
    """One slot's dma-buf and its memory."""

    def __dealloc__(self):
        if self.mapping != NULL:
            munmap(self.mapping, self.mapped)
            close(self.fd)


cdef SharedSlot map_slot(int fd, uint32_t offset, uint32_t stride):
    # Takes the descriptor over, also on an error.
    cdef SharedSlot slot = SharedSlot.__new__(SharedSlot)
    cdef ssize_t size = lseek(fd, 0, SEEK_END)
    cdef void *mapping = MAP_FAILED
    if size > 0:
        mapping = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)
    if mapping == MAP_FAILED:
        why = strerror(errno).decode()
        close(fd)
        raise DmabufUnavailable(f"the CPU cannot look into the GPU's dma-buf: mmap: {why}")
    slot.fd, slot.offset, slot.stride = fd, offset, stride
    slot.mapping, slot.mapped, slot.data = mapping, size, <uint8_t *>mapping + offset
    return slot


cdef SharedSlot kept_slot(int fd, uint32_t offset, uint32_t stride, uintptr_t address, keep):
    cdef SharedSlot slot = SharedSlot.__new__(SharedSlot)
    slot.fd, slot.offset, slot.stride, slot.data, slot.keep = fd, offset, stride, <uint8_t *>address, keep
    return slot


cdef class SharedSlots:
    """Framebuffers in dma-bufs. Belongs to the thread where the context is current; `slots` may outlive it.

    Parameters
    ----------
    functions : Functions
        Of the context.
    egl : EglFunctions or None
        Of the same.
    way : str
        ``"exported"``: the driver's own textures, given out. ``"gbm"``: buffers of libgbm. ``"imported"``: memory of
        ours, made a texture.
    count, columns, rows : int
        Of the textures: how many, and their size; four bytes a texel.

    Raises
    ------
    DmabufUnavailable
        This way is not to be had; the message says what is missing.
    """

    def __init__(self, Functions functions not None, egl, str way, int count, int columns, int rows):
        self.functions, self.gl, self.way = functions, &functions.f, way
        self.count, self.columns, self.rows, self.slots = count, columns, rows, []
        if egl is None:
            raise DmabufUnavailable("the context is none of EGL's")
        self.egl = egl
        try:
            if way == "exported":
                self._export()
            elif way == "gbm":
                self._draw_into(shared_memory.gbm_buffers(count, columns, rows))
            else:
                self._draw_into(shared_memory.own_buffers(count, columns, rows))
        except DmabufUnavailable:
            self.delete()
            raise
        except CamkitError as error:
            self.delete()
            raise DmabufUnavailable(str(error)) from error
        except BaseException:
            self.delete()
            raise

    def delete(self):
        """Give up what is OpenGL's; the slots stay, as long as somebody has them. Twice is harmless."""
        cdef int i
        for i in range(self.count):
            if self.framebuffers[i]:
                self.gl.DeleteFramebuffers(1, &self.framebuffers[i])
            if self.textures[i]:
                self.gl.DeleteTextures(1, &self.textures[i])
            if self.images[i] != NULL:
                self.egl.f.DestroyImageKHR(self.egl.display, self.images[i])
            self.framebuffers[i] = self.textures[i] = 0
            self.images[i] = NULL

    def _export(self):
        if "EGL_KHR_gl_texture_2D_image" not in self.egl.extensions or self.egl.f.CreateImageKHR == NULL:
            raise DmabufUnavailable("the display has no EGL_KHR_gl_texture_2D_image")
        if self.egl.f.ExportDMABUFImageMESA == NULL or self.egl.f.ExportDMABUFImageQueryMESA == NULL:
            raise DmabufUnavailable("the display has no EGL_MESA_image_dma_buf_export")
        for i in range(self.count):
            self.slots.append(self._exported(i))

    def _draw_into(self, buffers):
        if "EGL_EXT_image_dma_buf_import" not in self.egl.extensions or self.egl.f.CreateImageKHR == NULL:
            raise DmabufUnavailable("the display has no EGL_EXT_image_dma_buf_import")
        if self.gl.EGLImageTargetTexture2DOES == NULL:
            raise DmabufUnavailable("the driver has no GL_OES_EGL_image")
        for i, buffer in enumerate(buffers):
            if buffer.address:
                slot = kept_slot(buffer.fd, buffer.offset, buffer.stride, buffer.address, buffer.keep)
            else:
                slot = map_slot(buffer.fd, buffer.offset, buffer.stride)
            self.slots.append(slot)
            self._imported(i, buffer.fd, buffer.offset, buffer.stride, buffer.modifier)

    cdef SharedSlot _exported(self, int i):
        cdef int fourcc = 0, planes = 0
        cdef uint64_t modifiers[4]
        cdef int fds[4]
        cdef EGLint strides[4]
        cdef EGLint offsets[4]
        cdef EGLint wanted[1]
        self._own_texture(i)
        wanted[0] = EGL_NONE
        self.images[i] = self.egl.f.CreateImageKHR(self.egl.display, self.egl.context, EGL_GL_TEXTURE_2D_KHR,
                                                   <void *><uintptr_t>self.textures[i], wanted)
        if self.images[i] == NULL:
            raise DmabufUnavailable(f"eglCreateImageKHR of a texture said {self.egl.f.GetError():#x}")
        if not self.egl.f.ExportDMABUFImageQueryMESA(self.egl.display, self.images[i], &fourcc, &planes, modifiers):
            raise DmabufUnavailable(f"eglExportDMABUFImageQueryMESA said {self.egl.f.GetError():#x}")
        if planes != 1 or <uint32_t>fourcc != AB24:
            raise DmabufUnavailable(f"the driver's texture has {planes} plane(s) of fourcc {fourcc:#x}, not one of "
                                    "AB24")
        if modifiers[0] != LINEAR and modifiers[0] != INVALID:
            raise DmabufUnavailable(f"the driver's texture is not linear, its modifier is {modifiers[0]:#x}: only the "
                                    "GPU can read it")
        if not self.egl.f.ExportDMABUFImageMESA(self.egl.display, self.images[i], fds, strides, offsets):
            raise DmabufUnavailable(f"eglExportDMABUFImageMESA said {self.egl.f.GetError():#x}")
        return map_slot(fds[0], offsets[0], strides[0])

    cdef SharedSlot _imported(self, int i, int fd, uint32_t offset, uint32_t stride, uint64_t modifier):
        cdef EGLint wanted[32]
        cdef int n = 0
        pairs = [(EGL_WIDTH, self.columns), (EGL_HEIGHT, self.rows), (EGL_LINUX_DRM_FOURCC_EXT, AB24),
                 (EGL_DMA_BUF_PLANE0_FD_EXT, fd), (EGL_DMA_BUF_PLANE0_OFFSET_EXT, offset),
                 (EGL_DMA_BUF_PLANE0_PITCH_EXT, stride)]
        if "EGL_EXT_image_dma_buf_import_modifiers" in self.egl.extensions and modifier != INVALID:
            pairs += [(EGL_DMA_BUF_PLANE0_MODIFIER_LO_EXT, modifier & 0xFFFFFFFF),
                      (EGL_DMA_BUF_PLANE0_MODIFIER_HI_EXT, modifier >> 32)]
        for name, value in pairs:
            wanted[n], wanted[n + 1] = name, <EGLint><uint32_t>value
            n += 2
        wanted[n] = EGL_NONE
        self.images[i] = self.egl.f.CreateImageKHR(self.egl.display, NULL, EGL_LINUX_DMA_BUF_EXT, NULL, wanted)
        if self.images[i] == NULL:
            raise DmabufUnavailable(f"eglCreateImageKHR of AB24 {self.columns}x{self.rows} with a pitch of {stride} "
                                    f"said {self.egl.f.GetError():#x}")
        self.gl.GenTextures(1, &self.textures[i])
        self.gl.ActiveTexture(GL_TEXTURE0)
        self.gl.BindTexture(GL_TEXTURE_2D, self.textures[i])
        self.gl.EGLImageTargetTexture2DOES(GL_TEXTURE_2D, self.images[i])
        self.functions.check("make a texture of a dma-buf")
        self._attach(i)
        return None

    cdef int _own_texture(self, int i) except -1:
        if self.gl.TexStorage2D == NULL:
            raise DmabufUnavailable("the driver has no GL_ARB_texture_storage (OpenGL 4.2)")
        self.gl.GenTextures(1, &self.textures[i])
        self.gl.ActiveTexture(GL_TEXTURE0)
        self.gl.BindTexture(GL_TEXTURE_2D, self.textures[i])
        self.gl.TexStorage2D(GL_TEXTURE_2D, 1, GL_RGBA8, self.columns, self.rows)
        self.functions.check("make a texture to export")
        return self._attach(i)

    cdef int _attach(self, int i) except -1:
        cdef GLenum answer
        self.gl.GenFramebuffers(1, &self.framebuffers[i])
        self.gl.BindFramebuffer(GL_FRAMEBUFFER, self.framebuffers[i])
        self.gl.FramebufferTexture2D(GL_FRAMEBUFFER, GL_COLOR_ATTACHMENT0, GL_TEXTURE_2D, self.textures[i], 0)
        answer = self.gl.CheckFramebufferStatus(GL_FRAMEBUFFER)
        self.functions.check("draw into a dma-buf")
        if answer != GL_FRAMEBUFFER_COMPLETE:
            raise DmabufUnavailable(f"the GPU cannot draw into a dma-buf: glCheckFramebufferStatus said {answer:#x}")
        return 0
