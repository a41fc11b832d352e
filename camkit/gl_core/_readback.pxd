from libc.stdint cimport int64_t, uint8_t

from camkit.gl_core._gl cimport Functions, GLuint, gl_functions
from camkit.gl_core._shared_slots cimport SharedSlots
from camkit.memory_manager._abi cimport camkit_frame
from camkit.performance_core._stage cimport stage_pool

cdef enum readback_way:
    WAY_PINNED
    WAY_MAPPED
    WAY_COPY
    WAY_PLAIN
    WAY_EXPORTED
    WAY_GBM
    WAY_IMPORTED
    WAY_COUNT


cdef class Readback:
    cdef Functions functions  # keeps gl
    cdef gl_functions *gl
    cdef object hold, format
    cdef tuple asked  # names of ways
    cdef int width, height, slots, columns
    cdef size_t stride
    cdef readback_way way_id
    cdef stage_pool *pool  # owned
    cdef GLuint buffers[64]  # owned, one a slot; in the way of mapped buffers owned by a Mapping once there is a pool
    cdef SharedSlots shared  # None but in a way of dma-bufs
    cdef size_t slot_bytes  # of the rows without padding
    cdef readonly dict refused, measured_us

    # A free slot with one reference; NULL if none came back within timeout_ns.
    cdef camkit_frame *take(self, int64_t timeout_ns) noexcept nogil
    # Let the GPU write a framebuffer's texels into a slot; they are there when a fence behind this has signalled and
    # finish() was called.
    cdef void begin(self, camkit_frame *to, GLuint framebuffer) noexcept nogil
    # Bytes that the CPU copied.
    cdef Py_ssize_t finish(self, camkit_frame *to) except -1 nogil

    cdef str _try(self, uint8_t *pattern, GLuint texture, GLuint framebuffer)
    cdef int _make(self) except -1
    cdef int _make_shared(self) except -1
    cdef int _make_buffers(self, uint8_t **data) except -1
    cdef bint _same(self, const camkit_frame *seen, const uint8_t *pattern) noexcept
    cdef int _prove(self, uint8_t *pattern, GLuint texture, GLuint framebuffer) except -1
    cdef double _time_us(self, GLuint framebuffer) except -1
    cdef int _drop(self) except -1
