from camkit.gl_core._gl cimport Functions, GLuint


# A texture that is drawn into, RGBA with 8 bits each; all zero: none.
cdef struct target:
    GLuint framebuffer, texture  # owned
    int width, height


# Make one and leave it bound; `what` is for the error: "draw a picture of 64x48". On an error drop_target() is due.
cdef int make_target(Functions functions, target *t, int width, int height, str what) except -1
# Delete it. Twice is harmless.
cdef int drop_target(Functions functions, target *t) except -1
