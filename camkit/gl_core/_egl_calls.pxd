from camkit.gl_core._egl_table cimport egl_functions


cdef class EglFunctions:
    cdef egl_functions f
    cdef void *display  # borrowed, as the next: they live as long as the context
    cdef void *context
    cdef readonly frozenset extensions  # of the display
    cdef readonly tuple version

    cdef str _string(self, int name)
