from camkit.memory_manager._abi cimport camkit_frame
from camkit.performance_core.stages._python cimport PyStage


cdef class PyBatch(PyStage):
    cdef int call_n(self, camkit_frame **frames, int *answers, int n) except -1
