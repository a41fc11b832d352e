from libc.stdint cimport int64_t, uint64_t

from camkit.gl_core._display_clock cimport DisplayClock


# eglGetSyncValuesCHROMIUM and glXGetSyncValuesOML have one signature.
ctypedef int (*sync_call)(void *, void *, int64_t *, int64_t *, int64_t *) noexcept nogil


cdef class SyncClock(DisplayClock):
    cdef sync_call call
    cdef void *display
    cdef void *drawable
    cdef int64_t swaps  # that the window system has done
    cdef bint silent
