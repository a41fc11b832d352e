# OpenGL's and EGL's own C types; declared here so that a build needs no headers of theirs.
ctypedef unsigned int GLenum
ctypedef unsigned int GLuint
ctypedef unsigned int GLbitfield
ctypedef int GLint
ctypedef int GLsizei
ctypedef unsigned char GLboolean
ctypedef float GLfloat
ctypedef char GLchar
ctypedef ssize_t GLintptr
ctypedef ssize_t GLsizeiptr
ctypedef void *GLsync
ctypedef void (*GLDEBUGPROC)(GLenum source, GLenum kind, GLuint id, GLenum severity, GLsizei length,
                             const GLchar *message, const void *user) noexcept nogil
ctypedef int EGLint
ctypedef unsigned int EGLBoolean
ctypedef unsigned int EGLenum
