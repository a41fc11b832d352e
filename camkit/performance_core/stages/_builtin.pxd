from libc.stdint cimport uint64_t

from camkit.performance_core._stage cimport Stage


cdef class Every(Stage):
    cdef readonly uint64_t n
    cdef uint64_t seen  # frames since the latest that was kept


cdef class Copy(Stage):
    pass
