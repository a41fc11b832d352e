from camkit.memory_manager._abi cimport camkit_frame, frame_pool, page_memory


cdef struct pool_memory:
    # Owned by the frame_pool through its destroy function, so that frames may outlive the FramePool.
    page_memory pages


cdef class FramePool:
    cdef frame_pool *pool  # one reference
    cdef pool_memory *memory  # borrowed from pool
    cdef readonly object format  # PixelFormat or None
    cdef readonly size_t slot_bytes, alignment
    cdef readonly bint huge_pages, closed
    cdef size_t pitch
    cdef unsigned int count, stride, width, height

    # A slot with one reference, described if the pool has a format; NULL when none is free. Any thread.
    cdef camkit_frame *take(self) noexcept nogil
    cdef int _check(self) except -1
    cdef int _layout(self, slot_bytes, format, size, stride) except -1
