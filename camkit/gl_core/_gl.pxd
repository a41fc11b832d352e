from libc.stdint cimport int64_t, uint64_t

from camkit.gl_core._types cimport (
    GLbitfield, GLboolean, GLchar, GLenum, GLfloat, GLint, GLintptr, GLsizei, GLsizeiptr, GLsync, GLuint,
)


# Function pointers of one context, in alphabetical order: `_gl.NAMES` lists them in this order and fills them.
cdef struct gl_functions:
    void (*ActiveTexture)(GLenum unit) noexcept nogil
    void (*AttachShader)(GLuint program, GLuint shader) noexcept nogil
    void (*BindBuffer)(GLenum target, GLuint buffer) noexcept nogil
    void (*BindFramebuffer)(GLenum target, GLuint framebuffer) noexcept nogil
    void (*BindTexture)(GLenum target, GLuint texture) noexcept nogil
    void (*BindVertexArray)(GLuint array) noexcept nogil
    void (*BlitFramebuffer)(GLint, GLint, GLint, GLint, GLint, GLint, GLint, GLint, GLbitfield, GLenum) noexcept nogil
    void (*BufferStorage)(GLenum, GLsizeiptr, const void *, GLbitfield) noexcept nogil  # NULL if there is none
    GLenum (*CheckFramebufferStatus)(GLenum target) noexcept nogil
    void (*Clear)(GLbitfield mask) noexcept nogil
    void (*ClearColor)(GLfloat, GLfloat, GLfloat, GLfloat) noexcept nogil
    GLenum (*ClientWaitSync)(GLsync sync, GLbitfield flags, uint64_t timeout_ns) noexcept nogil
    void (*CompileShader)(GLuint shader) noexcept nogil
    GLuint (*CreateProgram)() noexcept nogil
    GLuint (*CreateShader)(GLenum kind) noexcept nogil
    void (*DeleteBuffers)(GLsizei n, const GLuint *) noexcept nogil
    void (*DeleteFramebuffers)(GLsizei n, const GLuint *) noexcept nogil
    void (*DeleteProgram)(GLuint program) noexcept nogil
    void (*DeleteQueries)(GLsizei n, const GLuint *) noexcept nogil
    void (*DeleteShader)(GLuint shader) noexcept nogil
    void (*DeleteSync)(GLsync sync) noexcept nogil
    void (*DeleteTextures)(GLsizei n, const GLuint *) noexcept nogil
    void (*DeleteVertexArrays)(GLsizei n, const GLuint *) noexcept nogil
    void (*DrawArrays)(GLenum mode, GLint first, GLsizei count) noexcept nogil
    GLsync (*FenceSync)(GLenum condition, GLbitfield flags) noexcept nogil
    void (*Finish)() noexcept nogil
    void (*Flush)() noexcept nogil
    void (*FramebufferTexture2D)(GLenum, GLenum, GLenum, GLuint texture, GLint level) noexcept nogil
    void (*GenBuffers)(GLsizei n, GLuint *) noexcept nogil
    void (*GenFramebuffers)(GLsizei n, GLuint *) noexcept nogil
    void (*GenQueries)(GLsizei n, GLuint *) noexcept nogil
    void (*GenTextures)(GLsizei n, GLuint *) noexcept nogil
    void (*GenVertexArrays)(GLsizei n, GLuint *) noexcept nogil
    GLenum (*GetError)() noexcept nogil
    void (*GetInteger64v)(GLenum name, int64_t *) noexcept nogil
    void (*GetIntegerv)(GLenum name, GLint *) noexcept nogil
    void (*GetProgramInfoLog)(GLuint program, GLsizei size, GLsizei *length, GLchar *log) noexcept nogil
    void (*GetProgramiv)(GLuint program, GLenum name, GLint *) noexcept nogil
    void (*GetQueryObjectui64v)(GLuint query, GLenum name, uint64_t *) noexcept nogil
    void (*GetQueryiv)(GLenum target, GLenum name, GLint *) noexcept nogil
    void (*GetShaderInfoLog)(GLuint shader, GLsizei size, GLsizei *length, GLchar *log) noexcept nogil
    void (*GetShaderiv)(GLuint shader, GLenum name, GLint *) noexcept nogil
    const unsigned char *(*GetString)(GLenum name) noexcept nogil
    const unsigned char *(*GetStringi)(GLenum name, GLuint index) noexcept nogil
    void (*GetTexImage)(GLenum, GLint level, GLenum format, GLenum type, void *pixels) noexcept nogil
    GLint (*GetUniformLocation)(GLuint program, const GLchar *name) noexcept nogil
    void (*LinkProgram)(GLuint program) noexcept nogil
    void *(*MapBufferRange)(GLenum, GLintptr offset, GLsizeiptr length, GLbitfield access) noexcept nogil
    void (*PixelStorei)(GLenum name, GLint value) noexcept nogil
    void (*QueryCounter)(GLuint query, GLenum target) noexcept nogil
    void (*ReadPixels)(GLint, GLint, GLsizei, GLsizei, GLenum format, GLenum type, void *pixels) noexcept nogil
    void (*ShaderSource)(GLuint shader, GLsizei n, const GLchar **texts, const GLint *lengths) noexcept nogil
    void (*TexImage2D)(GLenum, GLint, GLint, GLsizei, GLsizei, GLint, GLenum, GLenum, const void *) noexcept nogil
    void (*TexParameteri)(GLenum target, GLenum name, GLint value) noexcept nogil
    void (*TexStorage2D)(GLenum, GLsizei, GLenum, GLsizei, GLsizei) noexcept nogil  # NULL if there is none
    void (*TexSubImage2D)(GLenum, GLint, GLint, GLint, GLsizei, GLsizei, GLenum, GLenum, const void *) noexcept nogil
    void (*Uniform1i)(GLint location, GLint value) noexcept nogil
    void (*Uniform3fv)(GLint location, GLsizei n, const GLfloat *) noexcept nogil
    void (*UniformMatrix3fv)(GLint location, GLsizei n, GLboolean transpose, const GLfloat *) noexcept nogil
    void (*UseProgram)(GLuint program) noexcept nogil
    void (*Viewport)(GLint, GLint, GLsizei, GLsizei) noexcept nogil


cdef class Functions:
    cdef gl_functions f
    cdef readonly tuple version
    cdef readonly str renderer, vendor, version_text
    cdef readonly frozenset extensions

    cdef str _string(self, GLenum name)
    # Raise GLError if a call since the last check failed.
    cdef int check(self, str what) except -1
    # Raise it for an error that glGetError() has just answered.
    cdef int fail(self, str what, GLenum error) except -1
