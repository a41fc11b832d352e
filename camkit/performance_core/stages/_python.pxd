from camkit.memory_manager._abi cimport camkit_frame
from camkit.performance_core._stage cimport Stage


cdef class PyStage(Stage):
    cdef readonly object function

    cdef int call(self, camkit_frame **frame) except -1
