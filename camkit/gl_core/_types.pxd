# OpenGL's own C types; declared here so that a build needs no GL headers.
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
