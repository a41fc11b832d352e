from libc.stdint cimport int64_t


cdef class Monitor:
    cdef int netlink, inotify  # owned; -1: not to be had, or closed
    cdef readonly str problem  # what the system did not let us listen to, and why; empty: nothing

    # Wait until a video device may have come, gone or changed its rights: CAMKIT_OK, CAMKIT_TIMEOUT, or
    # CAMKIT_INTERRUPTED by a signal or because `bell` (a descriptor, -1: none) can be read. Negative: for ever.
    cdef int await_change(self, int bell, int64_t timeout_ns) except -1 nogil
    cdef bint heard_kernel(self) noexcept nogil
    cdef bint heard_folder(self) noexcept nogil
