"""EGL by function pointers, for what a context's display does beside drawing: images of buffers, timing."""

from libc.stdint cimport uintptr_t

from camkit.gl_core._enums cimport EGL_EXTENSIONS, EGL_VERSION

from camkit.errors import GLError
from camkit.gl_core._gl_names import EGL_NAMES, EGL_OPTIONAL

assert len(EGL_NAMES) * sizeof(void *) == sizeof(egl_functions)


cdef class EglFunctions:
    """The EGL functions of the context that is current, and of its display.

    Make it while the context is current in the calling thread; afterwards any thread may call what EGL lets it. Owns
    nothing.

    Parameters
    ----------
    get_proc : callable
        Takes a name such as ``"eglQueryString"`` and returns the address, 0 if there is none.

    Raises
    ------
    GLError
        The context is none of EGL's.
    """

    def __init__(self, get_proc):
        cdef void **table = <void **>&self.f
        cdef uintptr_t address
        cdef Py_ssize_t i
        missing = []
        for i, name in enumerate(EGL_NAMES):
            address = get_proc("egl" + name) or 0
            table[i] = <void *>address
            if address == 0 and name not in EGL_OPTIONAL:
                missing.append("egl" + name)
        if missing:
            raise GLError(f"cannot use EGL: it has no {', '.join(missing)}; update the graphics driver")
        self.display = self.f.GetCurrentDisplay()
        self.context = self.f.GetCurrentContext()
        if self.display == NULL or self.context == NULL:
            raise GLError("cannot use EGL: the OpenGL context was not made by it")
        self.extensions = frozenset(self._string(EGL_EXTENSIONS).split())
        major, _, minor = self._string(EGL_VERSION).partition(" ")[0].partition(".")
        self.version = (int(major), int(minor))
        for name, (version, extension) in EGL_OPTIONAL.items():
            if (version is None or self.version < version) and extension not in self.extensions:
                table[EGL_NAMES.index(name)] = NULL

    @property
    def handles(self):
        """(int, int): the addresses of the display and the context."""
        return <uintptr_t>self.display, <uintptr_t>self.context

    def is_current(self):
        """Tell whether the context is the calling thread's own now."""
        return self.f.GetCurrentContext() == self.context

    cdef str _string(self, int name):
        cdef const char *text = self.f.QueryString(self.display, name)
        return text.decode(errors="replace") if text != NULL else ""
