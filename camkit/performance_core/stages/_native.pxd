from cpython.buffer cimport Py_buffer

from camkit.memory_manager._abi cimport camkit_frame
from camkit.performance_core._stage cimport Stage

ctypedef int (*look_function)(camkit_frame *, void *) noexcept nogil
ctypedef int (*make_function)(const camkit_frame *, camkit_frame *, void *) noexcept nogil


cdef class CStage(Stage):
    cdef readonly object function, user  # they keep what the two pointers point to
    cdef void *address  # borrowed from function
    cdef void *data  # borrowed from user, or from view
    cdef Py_buffer view
    cdef bint viewed
    cdef int abi  # what the function's library says that it was compiled for, 0: it does not

    cdef int find_data(self, user) except -1
