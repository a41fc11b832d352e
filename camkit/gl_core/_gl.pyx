"""OpenGL by function pointers: what is called for every frame costs neither the GIL nor a Python call."""

from libc.stdint cimport int64_t, uintptr_t
from libc.string cimport memset

from camkit.gl_core._debug cimport MESSAGE_ERROR
from camkit.gl_core._enums cimport (
    GL_COMPILE_STATUS,
    GL_CONTEXT_LOST,
    GL_EXTENSIONS,
    GL_FRAGMENT_SHADER,
    GL_GUILTY_CONTEXT_RESET,
    GL_INFO_LOG_LENGTH,
    GL_INNOCENT_CONTEXT_RESET,
    GL_INVALID_ENUM,
    GL_INVALID_FRAMEBUFFER_OPERATION,
    GL_INVALID_OPERATION,
    GL_INVALID_VALUE,
    GL_LINK_STATUS,
    GL_MAJOR_VERSION,
    GL_MINOR_VERSION,
    GL_NO_ERROR,
    GL_NUM_EXTENSIONS,
    GL_OUT_OF_MEMORY,
    GL_R16,
    GL_R8,
    GL_RED,
    GL_RENDERER,
    GL_RG,
    GL_RG8,
    GL_RGBA,
    GL_RGBA8,
    GL_UNKNOWN_CONTEXT_RESET,
    GL_UNSIGNED_BYTE,
    GL_UNSIGNED_SHORT,
    GL_VENDOR,
    GL_VERSION,
    GL_VERTEX_SHADER,
)

from camkit.errors import ContextLost, GLError, GLInvalidCall, GLOutOfMemory
from camkit.gl_core._gl_names import GL_NAMES, GL_OPTIONAL

LEAST_VERSION = (3, 3)

cdef dict ERRORS = {
    GL_INVALID_ENUM: ("GL_INVALID_ENUM", GLInvalidCall),
    GL_INVALID_VALUE: ("GL_INVALID_VALUE", GLInvalidCall),
    GL_INVALID_OPERATION: ("GL_INVALID_OPERATION", GLInvalidCall),
    GL_INVALID_FRAMEBUFFER_OPERATION: ("GL_INVALID_FRAMEBUFFER_OPERATION", GLInvalidCall),
    GL_OUT_OF_MEMORY: ("GL_OUT_OF_MEMORY", GLOutOfMemory),
    GL_CONTEXT_LOST: ("GL_CONTEXT_LOST", ContextLost),
}
cdef dict RESETS = {
    GL_GUILTY_CONTEXT_RESET: "the GPU was reset because of this program's own commands",
    GL_INNOCENT_CONTEXT_RESET: "the GPU was reset because of another program",
    GL_UNKNOWN_CONTEXT_RESET: "the GPU was reset",
}

# For the Python modules, which cannot see an enum of C.
FRAGMENT_SHADER, VERTEX_SHADER = GL_FRAGMENT_SHADER, GL_VERTEX_SHADER
RED, RG, RGBA = GL_RED, GL_RG, GL_RGBA
R8, RG8, RGBA8, R16 = GL_R8, GL_RG8, GL_RGBA8, GL_R16
UNSIGNED_BYTE, UNSIGNED_SHORT = GL_UNSIGNED_BYTE, GL_UNSIGNED_SHORT

assert len(GL_NAMES) * sizeof(void *) == sizeof(gl_functions)


cdef class Functions:
    """The OpenGL functions of one context, and what it says about itself.

    Make it, and call any method, only while the context is current in the calling thread. Owns nothing of the context.

    Parameters
    ----------
    get_proc : callable
        Takes a name such as ``"glFlush"`` and returns the address, 0 if there is none.
    debug : bool, optional
        Have the driver speak of each error within the wrong call, and let `ask` be called often: slower.

    Attributes
    ----------
    log : DebugLog
        What the driver says.
    lost : str or None
        Why the context is gone. From then on every function of the table does nothing and answers 0, so that what
        belonged to the context can be given up as ever.

    Raises
    ------
    GLError
        The context is older than OpenGL 3.3, or lacks a function; the message names it.
    """

    def __init__(self, get_proc, bint debug=False):
        cdef void **table = <void **>&self.f
        cdef uintptr_t address
        cdef GLint numbers[3]
        cdef GLint i
        missing = []
        for i, name in enumerate(GL_NAMES):
            address = get_proc("gl" + name) or 0
            table[i] = <void *>address
            if address == 0 and name not in GL_OPTIONAL:
                missing.append("gl" + name)
        if missing:
            raise GLError(f"cannot use the OpenGL context: it has no {', '.join(missing)}; OpenGL 3.3 or newer is "
                          "needed, update the graphics driver")
        memset(numbers, 0, sizeof(numbers))
        self.f.GetIntegerv(GL_MAJOR_VERSION, &numbers[0])
        self.f.GetIntegerv(GL_MINOR_VERSION, &numbers[1])
        self.f.GetIntegerv(GL_NUM_EXTENSIONS, &numbers[2])
        self.version = (numbers[0], numbers[1])
        self.renderer = self._string(GL_RENDERER)
        self.vendor = self._string(GL_VENDOR)
        self.version_text = self._string(GL_VERSION)
        if self.version < LEAST_VERSION:
            raise GLError(f"cannot use OpenGL {self.version_text!r} of {self.renderer!r}: 3.3 or newer is needed, "
                          "update the graphics driver")
        self.extensions = frozenset([(<const char *>self.f.GetStringi(GL_EXTENSIONS, i)).decode()
                                     for i in range(numbers[2])])
        for name, (version, extension) in GL_OPTIONAL.items():
            if (version is None or self.version < version) and extension not in self.extensions:
                table[GL_NAMES.index(name)] = NULL
        self.debug = debug
        self.log = DebugLog()
        self.log.listen(&self.f, debug)

    def has(self, name):
        """Tell whether the context has a function; one that is not optional it has.

        Parameters
        ----------
        name : str
            Without ``gl``, as the table has it.
        """
        return (<void **>&self.f)[GL_NAMES.index(name)] != NULL

    def errors(self):
        """Take the pending OpenGL errors.

        Returns
        -------
        list of str
            Their names, oldest first; empty if every call since the last look was right.
        """
        found = []
        # A lost context answers with an error for ever.
        while len(found) < 8:
            code = self.f.GetError()
            if code == GL_NO_ERROR:
                break
            found.append(ERRORS[code][0] if code in ERRORS else hex(code))
        self.told, self.told_errors = self.log.ring.total(), self.log.ring.count(MESSAGE_ERROR)
        return found

    def lose(self, str why not None):
        """Call nothing of the context any more: it is gone."""
        cdef void **table = <void **>&self.f
        cdef size_t i
        if self.lost is None:
            self.lost = why
            for i in range(sizeof(gl_functions) // sizeof(void *)):
                if table[i] != NULL:
                    table[i] = <void *>do_nothing

    def compile_shader(self, GLenum kind, str source not None):
        """Compile a shader.

        Returns
        -------
        (int, str)
            The shader, 0 if it does not compile, and the driver's log.
        """
        cdef bytes text = source.encode()
        cdef const char *pointer = text
        cdef GLint length = len(text)
        cdef GLint good = 0
        cdef GLuint shader = self.f.CreateShader(kind)
        self.f.ShaderSource(shader, 1, &pointer, &length)
        self.f.CompileShader(shader)
        self.f.GetShaderiv(shader, GL_COMPILE_STATUS, &good)
        self.f.GetShaderiv(shader, GL_INFO_LOG_LENGTH, &length)
        log = bytearray(length + 1)
        self.f.GetShaderInfoLog(shader, length + 1, NULL, log)
        if not good:
            self.f.DeleteShader(shader)
            shader = 0
        return shader, log.rstrip(b"\0").decode(errors="replace").strip()

    def link_program(self, shaders):
        """Link shaders, which are given up, into a program.

        Returns
        -------
        (int, str)
            The program, 0 if it does not link, and the driver's log.
        """
        cdef GLint good = 0
        cdef GLint length = 0
        cdef GLuint program = self.f.CreateProgram()
        for shader in shaders:
            self.f.AttachShader(program, shader)
            self.f.DeleteShader(shader)
        self.f.LinkProgram(program)
        self.f.GetProgramiv(program, GL_LINK_STATUS, &good)
        self.f.GetProgramiv(program, GL_INFO_LOG_LENGTH, &length)
        log = bytearray(length + 1)
        self.f.GetProgramInfoLog(program, length + 1, NULL, log)
        if not good:
            self.f.DeleteProgram(program)
            program = 0
        return program, log.rstrip(b"\0").decode(errors="replace").strip()

    def delete_shader(self, GLuint shader):
        """Delete a shader that no program took over."""
        self.f.DeleteShader(shader)

    cdef str _string(self, GLenum name):
        cdef const char *text = <const char *>self.f.GetString(name)
        return text.decode(errors="replace") if text != NULL else ""

    cdef bint suspicious(self) noexcept nogil:
        return self.debug or self.log.ring.count(MESSAGE_ERROR) != self.told_errors

    cdef GLenum ask(self) noexcept nogil:
        cdef GLenum error = self.f.GetError()
        if self.f.GetGraphicsResetStatus != NULL and self.f.GetGraphicsResetStatus() != GL_NO_ERROR:
            error = GL_CONTEXT_LOST
        # Of an error that somebody has asked for already there is nothing more to tell.
        self.told_errors = self.log.ring.count(MESSAGE_ERROR)
        if error == GL_NO_ERROR:
            self.told = self.log.ring.total()
        return error

    cpdef int check(self, str what) except -1:
        if self.lost is not None:
            raise ContextLost(f"cannot {what}: the OpenGL context was lost: {self.lost}")
        cdef GLenum error = self.ask()
        return 0 if error == GL_NO_ERROR else self.fail(what, error)

    cdef int fail(self, str what, GLenum error) except -1:
        cdef GLenum reset = GL_NO_ERROR
        name, kind = ERRORS.get(error, (hex(error), GLError))
        words = tuple(self.log.errors_since(self.told))
        codes = (name, *self.errors())
        if kind is ContextLost:
            if self.f.GetGraphicsResetStatus != NULL:
                reset = self.f.GetGraphicsResetStatus()
            self.lose(RESETS.get(reset, "the driver does not say why"))
            raise ContextLost(f"cannot {what}: the OpenGL context was lost on {self.renderer!r}: {self.lost}; what was "
                              "in it is gone, start anew", codes=codes, words=words)
        said = f" ({'; '.join(words)})" if words else ""
        remedy = "; use a smaller picture" if kind is GLOutOfMemory else ""
        raise kind(f"cannot {what}: OpenGL said {', '.join(codes)} on {self.renderer!r}{said}{remedy}",
                   codes=codes, words=words)

    cdef int fail_lost(self, str what, str said) except -1:
        # Not given up by lose(): should the context be there all the same, the GPU can still be waited for.
        self.check(what)
        raise ContextLost(f"cannot {what}: {said} on {self.renderer!r} without an error, as a lost context does; start "
                          "anew")


# In the place of every function of a lost context. Whoever calls takes the arguments away again, so they may be any.
cdef int64_t do_nothing() noexcept nogil:
    return 0
