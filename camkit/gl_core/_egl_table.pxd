# Made by tools/gl_table.py from Khronos' headers and tools/gl_names.txt: change those.
from libc.stdint cimport uint64_t

from camkit.gl_core._types cimport (
    EGLBoolean, EGLenum, EGLint,
)


cdef struct egl_functions:
    void *(*CreateImageKHR)(void *, void *, EGLenum, void *, const EGLint *) noexcept nogil
    EGLBoolean (*DestroyImageKHR)(void *dpy, void *image) noexcept nogil
    EGLBoolean (*ExportDMABUFImageMESA)(void *, void *, int *, EGLint *, EGLint *) noexcept nogil
    EGLBoolean (*ExportDMABUFImageQueryMESA)(void *, void *, int *, int *, uint64_t *) noexcept nogil
    void *(*GetCurrentContext)() noexcept nogil
    void *(*GetCurrentDisplay)() noexcept nogil
    EGLint (*GetError)() noexcept nogil
    EGLBoolean (*QueryDmaBufFormatsEXT)(void *, EGLint, EGLint *, EGLint *) noexcept nogil
    EGLBoolean (*QueryDmaBufModifiersEXT)(void *, EGLint, EGLint, uint64_t *, EGLBoolean *, EGLint *) noexcept nogil
    const char *(*QueryString)(void *dpy, EGLint name) noexcept nogil
