from libc.stdint cimport uint8_t, uint32_t


ctypedef void (*give_up_method)(void *owner) noexcept nogil


cdef class Foreign:
    # Memory that is not ours, on its way into a FramePool, which takes over `owner` and what gives it up.
    cdef uint32_t count
    cdef uint8_t **data  # owned array of borrowed addresses
    cdef bint *readonly  # owned
    cdef size_t slot_bytes  # that every slot has at least
    cdef give_up_method give_up  # NULL: the pool has it
    cdef void *owner

    cdef int reserve(self, uint32_t count) except -1

# Memories that native code owns, such as a GL mapping. give_up(owner) is called exactly once, by whichever thread gives
# the last of it up and without the GIL, also when no pool comes to be; in a forked child too, if that has the pool.
cdef Foreign native_memory(uint8_t **data, uint32_t count, size_t slot_bytes, bint readonly, give_up_method give_up,
                           void *owner)
