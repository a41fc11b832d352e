"""Stages that do nothing, and a sink that remembers nothing: what is left is the pipeline's own cost."""

from camkit cimport CAMKIT_OK, Stage, camkit_frame


cdef class Empty(Stage):
    cdef int process(self, camkit_frame **frame) except -1 nogil:
        return CAMKIT_OK
