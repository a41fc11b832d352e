# Made by tools/gl_table.py from Khronos' headers and tools/gl_names.txt: change those.
from libc.stdint cimport int64_t, uint64_t

from camkit.gl_core._types cimport (
    GLDEBUGPROC, GLbitfield, GLboolean, GLchar, GLenum, GLfloat, GLint, GLintptr, GLsizei, GLsizeiptr, GLsync,
    GLuint,
)


cdef struct gl_functions:
    void (*ActiveTexture)(GLenum texture) noexcept nogil
    void (*AttachShader)(GLuint program, GLuint shader) noexcept nogil
    void (*BindBuffer)(GLenum target, GLuint buffer) noexcept nogil
    void (*BindFramebuffer)(GLenum target, GLuint framebuffer) noexcept nogil
    void (*BindSampler)(GLuint unit, GLuint sampler) noexcept nogil
    void (*BindTexture)(GLenum target, GLuint texture) noexcept nogil
    void (*BindVertexArray)(GLuint array) noexcept nogil
    void (*BlendFunc)(GLenum sfactor, GLenum dfactor) noexcept nogil
    void (*BlendFuncSeparate)(GLenum, GLenum, GLenum, GLenum) noexcept nogil
    void (*BlitFramebuffer)(GLint, GLint, GLint, GLint, GLint, GLint, GLint, GLint, GLbitfield, GLenum) noexcept nogil
    void (*BufferData)(GLenum target, GLsizeiptr size, const void *data, GLenum usage) noexcept nogil
    void (*BufferStorage)(GLenum target, GLsizeiptr size, const void *data, GLbitfield flags) noexcept nogil
    GLenum (*CheckFramebufferStatus)(GLenum target) noexcept nogil
    void (*Clear)(GLbitfield mask) noexcept nogil
    void (*ClearColor)(GLfloat red, GLfloat green, GLfloat blue, GLfloat alpha) noexcept nogil
    GLenum (*ClientWaitSync)(GLsync sync, GLbitfield flags, uint64_t timeout) noexcept nogil
    void (*ColorMask)(GLboolean red, GLboolean green, GLboolean blue, GLboolean alpha) noexcept nogil
    void (*CompileShader)(GLuint shader) noexcept nogil
    GLuint (*CreateProgram)() noexcept nogil
    GLuint (*CreateShader)(GLenum type) noexcept nogil
    void (*DebugMessageCallback)(GLDEBUGPROC callback, const void *userParam) noexcept nogil
    void (*DebugMessageControl)(GLenum, GLenum, GLenum, GLsizei, const GLuint *, GLboolean) noexcept nogil
    void (*DeleteBuffers)(GLsizei n, const GLuint *buffers) noexcept nogil
    void (*DeleteFramebuffers)(GLsizei n, const GLuint *framebuffers) noexcept nogil
    void (*DeleteProgram)(GLuint program) noexcept nogil
    void (*DeleteQueries)(GLsizei n, const GLuint *ids) noexcept nogil
    void (*DeleteShader)(GLuint shader) noexcept nogil
    void (*DeleteSync)(GLsync sync) noexcept nogil
    void (*DeleteTextures)(GLsizei n, const GLuint *textures) noexcept nogil
    void (*DeleteVertexArrays)(GLsizei n, const GLuint *arrays) noexcept nogil
    void (*Disable)(GLenum cap) noexcept nogil
    void (*DrawArrays)(GLenum mode, GLint first, GLsizei count) noexcept nogil
    void (*DrawArraysInstanced)(GLenum mode, GLint first, GLsizei count, GLsizei instancecount) noexcept nogil
    void (*EGLImageTargetTexStorageEXT)(GLenum target, void *image, const GLint *attrib_list) noexcept nogil
    void (*EGLImageTargetTexture2DOES)(GLenum target, void *image) noexcept nogil
    void (*Enable)(GLenum cap) noexcept nogil
    void (*EnableVertexAttribArray)(GLuint index) noexcept nogil
    GLsync (*FenceSync)(GLenum condition, GLbitfield flags) noexcept nogil
    void (*Finish)() noexcept nogil
    void (*Flush)() noexcept nogil
    void (*FramebufferTexture2D)(GLenum, GLenum, GLenum, GLuint, GLint) noexcept nogil
    void (*GenBuffers)(GLsizei n, GLuint *buffers) noexcept nogil
    void (*GenFramebuffers)(GLsizei n, GLuint *framebuffers) noexcept nogil
    void (*GenQueries)(GLsizei n, GLuint *ids) noexcept nogil
    void (*GenTextures)(GLsizei n, GLuint *textures) noexcept nogil
    void (*GenVertexArrays)(GLsizei n, GLuint *arrays) noexcept nogil
    GLenum (*GetError)() noexcept nogil
    GLenum (*GetGraphicsResetStatus)() noexcept nogil
    void (*GetInteger64v)(GLenum pname, int64_t *data) noexcept nogil
    void (*GetIntegerv)(GLenum pname, GLint *data) noexcept nogil
    void (*GetProgramInfoLog)(GLuint program, GLsizei bufSize, GLsizei *length, GLchar *infoLog) noexcept nogil
    void (*GetProgramiv)(GLuint program, GLenum pname, GLint *params) noexcept nogil
    void (*GetQueryObjectui64v)(GLuint id, GLenum pname, uint64_t *params) noexcept nogil
    void (*GetQueryiv)(GLenum target, GLenum pname, GLint *params) noexcept nogil
    void (*GetShaderInfoLog)(GLuint shader, GLsizei bufSize, GLsizei *length, GLchar *infoLog) noexcept nogil
    void (*GetShaderiv)(GLuint shader, GLenum pname, GLint *params) noexcept nogil
    const unsigned char *(*GetString)(GLenum name) noexcept nogil
    const unsigned char *(*GetStringi)(GLenum name, GLuint index) noexcept nogil
    void (*GetTexImage)(GLenum target, GLint level, GLenum format, GLenum type, void *pixels) noexcept nogil
    void (*GetTexLevelParameteriv)(GLenum target, GLint level, GLenum pname, GLint *params) noexcept nogil
    GLint (*GetUniformLocation)(GLuint program, const GLchar *name) noexcept nogil
    GLboolean (*IsTexture)(GLuint texture) noexcept nogil
    void (*LinkProgram)(GLuint program) noexcept nogil
    void *(*MapBufferRange)(GLenum target, GLintptr offset, GLsizeiptr length, GLbitfield access) noexcept nogil
    void (*PixelStorei)(GLenum pname, GLint param) noexcept nogil
    void (*PolygonMode)(GLenum face, GLenum mode) noexcept nogil
    void (*QueryCounter)(GLuint id, GLenum target) noexcept nogil
    void (*ReadPixels)(GLint, GLint, GLsizei, GLsizei, GLenum, GLenum, void *) noexcept nogil
    void (*Scissor)(GLint x, GLint y, GLsizei width, GLsizei height) noexcept nogil
    void (*ShaderSource)(GLuint shader, GLsizei count, const GLchar * const *string, const GLint *length) noexcept nogil
    void (*TexImage2D)(GLenum, GLint, GLint, GLsizei, GLsizei, GLint, GLenum, GLenum, const void *) noexcept nogil
    void (*TexParameteri)(GLenum target, GLenum pname, GLint param) noexcept nogil
    void (*TexStorage2D)(GLenum, GLsizei, GLenum, GLsizei, GLsizei) noexcept nogil
    void (*TexSubImage2D)(GLenum, GLint, GLint, GLint, GLsizei, GLsizei, GLenum, GLenum, const void *) noexcept nogil
    void (*Uniform1i)(GLint location, GLint v0) noexcept nogil
    void (*Uniform2f)(GLint location, GLfloat v0, GLfloat v1) noexcept nogil
    void (*Uniform3fv)(GLint location, GLsizei count, const GLfloat *value) noexcept nogil
    void (*Uniform4iv)(GLint location, GLsizei count, const GLint *value) noexcept nogil
    void (*UniformMatrix3fv)(GLint location, GLsizei count, GLboolean transpose, const GLfloat *value) noexcept nogil
    GLboolean (*UnmapBuffer)(GLenum target) noexcept nogil
    void (*UseProgram)(GLuint program) noexcept nogil
    void (*VertexAttribDivisor)(GLuint index, GLuint divisor) noexcept nogil
    void (*VertexAttribIPointer)(GLuint, GLint, GLenum, GLsizei, const void *) noexcept nogil
    void (*VertexAttribPointer)(GLuint, GLint, GLenum, GLboolean, GLsizei, const void *) noexcept nogil
    void (*Viewport)(GLint x, GLint y, GLsizei width, GLsizei height) noexcept nogil
