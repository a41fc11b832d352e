from camkit.gl_core._gl_table cimport gl_functions


cdef enum:
    ALIGNMENT_OURS = 1  # of the rows that are copied to and from OpenGL
    ALIGNMENT_DEFAULT = 4

# Set what does not belong to an object as OpenGL has it at first, but for the alignment: before somebody else's code
# runs on the context, and after it, for camkit takes it for granted.
cdef void reset_state(gl_functions *gl, int alignment) noexcept nogil
