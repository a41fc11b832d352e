from libc.stdint cimport uint8_t, uint32_t

from camkit.memory_manager._abi cimport camkit_frame, frame_pool, pool_memory
from camkit.memory_manager._foreign cimport give_up_method


cdef class FramePool:
    cdef frame_pool *pool  # owned: this is its owner
    cdef pool_memory *memory  # borrowed from pool; gone once the pool is closed and its frames are back
    cdef readonly object format  # PixelFormat or None
    cdef readonly str backing
    cdef readonly size_t slot_bytes, alignment, pitch
    cdef readonly bint closed
    cdef unsigned int count, stride, width, height
    cdef bint announced  # something is to be done with each slot that is lent, beyond describing it
    cdef object leaks  # LeakWatch, None: nobody watches
    cdef object __weakref__

    # A slot with one reference, described if the pool has a format; NULL when none is free. Any thread.
    cdef camkit_frame *take(self) noexcept nogil
    cdef void announce(self, camkit_frame *c) noexcept nogil
    cdef object _watch(self)
    cdef int describe(self, foreign) except -1
    cdef int _check(self) except -1
    cdef int _layout(self, slot_bytes, format, size, stride) except -1


# A pool over memory that native code owns, such as a GL mapping: `count` slots of `slot_bytes` at `data`, with the
# keywords of FramePool that describe a picture. give_up(owner) is called exactly once, by whichever thread gives the
# last of it up and without the GIL, also when this raises; in a forked child too, if that has the pool.
cdef FramePool FramePool_over(uint8_t **data, uint32_t count, size_t slot_bytes, bint readonly, give_up_method give_up,
                              void *owner, dict keywords)
