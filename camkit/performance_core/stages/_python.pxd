from camkit.memory_manager._abi cimport camkit_frame
from camkit.performance_core._stage cimport Stage


cdef class PyStage(Stage):
    cdef readonly object function
    cdef readonly bint batch
    cdef object reason  # str: why the latest bad frame was bad

    cdef int call(self, camkit_frame **frame, camkit_frame *out) except -1
    cdef int call_batch(self, camkit_frame **frames, camkit_frame **outs, int *answers, int n) except -1
    cdef int take(self, object result, object lease, camkit_frame **frame, camkit_frame *out) except -1
    cdef int bad_because(self, object error, camkit_frame **frame, camkit_frame *out) except -1
