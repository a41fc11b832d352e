"""DebugLog: what an OpenGL driver says by KHR_debug, taken without the GIL on whatever thread it says it."""

from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport strlen

from camkit.gl_core._enums cimport (
    GL_DEBUG_OUTPUT,
    GL_DEBUG_OUTPUT_SYNCHRONOUS,
    GL_DEBUG_SEVERITY_HIGH,
    GL_DEBUG_SEVERITY_LOW,
    GL_DEBUG_SEVERITY_MEDIUM,
    GL_DEBUG_SEVERITY_NOTIFICATION,
    GL_DEBUG_TYPE_ERROR,
    GL_DEBUG_TYPE_PERFORMANCE,
    GL_DONT_CARE,
)
from camkit.gl_core._types cimport GLchar, GLenum, GLsizei, GLuint

cdef extern from "camkit/message_ring.hpp" namespace "camkit" nogil:
    cdef const uint64_t CAPACITY "camkit::message_ring::capacity"

KINDS = ("error", "performance", "other")  # by message_kind
SEVERITIES = {
    GL_DEBUG_SEVERITY_HIGH: "high",
    GL_DEBUG_SEVERITY_MEDIUM: "medium",
    GL_DEBUG_SEVERITY_LOW: "low",
    GL_DEBUG_SEVERITY_NOTIFICATION: "notification",
}


cdef void hear(GLenum source, GLenum kind, GLuint id, GLenum severity, GLsizei length, const GLchar *text,
               const void *user) noexcept nogil:
    cdef uint32_t ours = MESSAGE_OTHER
    if kind == GL_DEBUG_TYPE_ERROR:
        ours = MESSAGE_ERROR
    elif kind == GL_DEBUG_TYPE_PERFORMANCE:
        ours = MESSAGE_PERFORMANCE
    (<message_ring *><void *>user).push(ours, source, severity, id, text,
                                        <size_t>length if length >= 0 else strlen(text))


cdef class DebugLog:
    """The counts and the last 64 texts of one context's driver. Any thread may read it at any time.

    A library that shares the context and sets a callback of its own takes the driver's words away from here.
    """

    def __cinit__(self):
        self.ring = new message_ring()
        if self.ring == NULL:
            raise MemoryError("no memory for a driver's messages")

    def __dealloc__(self):
        if not self.heard:
            del self.ring

    def context_gone(self):
        """Say that the context was destroyed, so that the driver cannot speak any more."""
        self.heard = False

    def counts(self):
        """Count the messages.

        Returns
        -------
        dict
            {"error": n, "performance": n, "other": n}.
        """
        return {kind: self.ring.count(i) for i, kind in enumerate(KINDS)}

    def messages(self):
        """List the last messages, oldest first.

        Returns
        -------
        list of dict
            `kind` ("error", "performance" or "other"), `severity` and `text`.
        """
        cdef message m
        cdef uint64_t end = self.ring.total()
        cdef uint64_t i
        found = []
        for i in range(end - CAPACITY if end > CAPACITY else 0, end):
            if self.ring.read(i, m):
                found.append({
                    "kind": KINDS[m.kind],
                    "severity": SEVERITIES.get(m.severity, hex(m.severity)),
                    "text": m.text.decode(errors="replace").strip(),
                })
        return found

    def explain(self):
        """Tell in words how much the driver said, and its last word of each kind; nothing if it said nothing."""
        last = {one["kind"]: one["text"] for one in self.messages()}
        return "\n".join(
            f"the driver sent {count} {NOUNS[kind]}" + (f", the last: {last[kind]}" if kind in last else "")
            for kind, count in self.counts().items() if count
        )

    cdef int listen(self, gl_functions *gl, bint debug) except -1:
        if gl.DebugMessageCallback == NULL or gl.DebugMessageControl == NULL:
            return 0
        self.heard = True
        gl.DebugMessageCallback(hear, self.ring)
        gl.Enable(GL_DEBUG_OUTPUT)
        if debug:
            gl.Enable(GL_DEBUG_OUTPUT_SYNCHRONOUS)
        else:
            # Such as where a buffer lies, with every one that is made.
            gl.DebugMessageControl(GL_DONT_CARE, GL_DONT_CARE, GL_DEBUG_SEVERITY_NOTIFICATION, 0, NULL, False)
        return 1

    cdef list errors_since(self, uint64_t begin):
        cdef message m
        cdef uint64_t end = self.ring.total()
        cdef uint64_t i
        found = []
        for i in range(max(begin, end - CAPACITY if end > CAPACITY else 0), end):
            if self.ring.read(i, m) and m.kind == MESSAGE_ERROR:
                found.append(m.text.decode(errors="replace").strip())
        return found


NOUNS = {"error": "error(s)", "performance": "performance warning(s)", "other": "other message(s)"}
