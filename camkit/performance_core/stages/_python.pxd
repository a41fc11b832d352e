from camkit.memory_manager._abi cimport camkit_frame
from camkit.memory_manager._frame cimport Frame
from camkit.performance_core._stage cimport Stage


cdef class PyStage(Stage):
    cdef readonly object function

    cdef int call(self, camkit_frame **frame) except -1
    cdef int answer(self, camkit_frame **frame, Frame lease, result) except -1
